"""examples/run_policy.py: trouble of every kind, within this process."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from humanoid_envs.robots import XBOT_L
from tests.examples.run_policy import V0, Integrator, export

mujoco = pytest.importorskip("mujoco")
pytest.importorskip("mujoco.batch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def main(script: Any, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """What the script ended with; empty if it went to its end."""
    monkeypatch.setattr(sys, "argv", ["run_policy.py", *arguments])
    try:
        script.main()
    except SystemExit as stopped:
        return str(stopped.code)
    return ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seconds", "0"], "Error: --seconds must be positive, not 0.0."),
        (["--seconds", "nan"], "Error: --seconds must be positive, not nan."),
        (["--command", "nan", "0", "0"], "Error: --command must be finite, not [nan, 0.0, 0.0]."),
        (["--model", "no.xml"], "Error: There is no model no.xml."),
        (["--model", str(XBOT_L.urdf)], "Error: this model's robot does not float."),
        (["--model", __file__], "is no model for MuJoCo: "),
    ],
)
def test_wrong_arguments(
    script: Any, stand: Path, monkeypatch: pytest.MonkeyPatch, arguments: list, message: str
) -> None:
    said = main(script, monkeypatch, str(stand), *arguments)
    assert message in said
    assert "\n" not in said


def test_a_window_without_a_display(script: Any, stand: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script.mujoco.viewer.glfw, "init", lambda: False)
    assert main(script, monkeypatch, str(stand), "--viewer").startswith("Error: --viewer needs a display")


@pytest.mark.parametrize("name", ["last.pt", "text.onnx"])
def test_files_that_are_no_onnx(
    script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    if name == "last.pt":
        torch.save({"a": 1}, tmp_path / name)
    else:
        (tmp_path / name).write_text("import torch\n")
    said = main(script, monkeypatch, str(tmp_path / name))
    assert f"{name} is no ONNX: trainers.export" in said or f"{name} cannot be run" in said


def test_a_damaged_file(script: Any, stand: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray(stand.read_bytes())
    content[-10] ^= 1
    (tmp_path / "damaged.onnx").write_bytes(content)
    said = main(script, monkeypatch, str(tmp_path / "damaged.onnx"))
    assert said.endswith("damaged.onnx was damaged: its sha256 is another.")


class Broken(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((705, 12), value))

    def forward(self, observation: Tensor) -> Tensor:
        return (observation @ self.weight).clamp(-18.0, 18.0)


def test_weights_that_are_not_finite(script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "nan.onnx"
    export(Broken(0.0), path)
    model = onnx.load(str(path))
    weights = np.full((705, 12), np.nan, np.float32)
    (tensor,) = model.graph.initializer
    tensor.CopyFrom(onnx.numpy_helper.from_array(weights, tensor.name))
    del model.metadata_props[1:]
    onnx.save(model, str(path))
    assert "not finite: its weights" in main(script, monkeypatch, str(path))


NONSENSE = [
    ({"stiffness": [float("nan"), *V0.stiffness[1:]]}, "its stiffness is [nan"),
    ({"torque_limit": [-1.0, *V0.torque_limit[1:]]}, "its torque_limit is [-1.0"),
    ({"joint_names": [V0.joint_names[1], *V0.joint_names[1:]]}, "its joint_names is"),
    ({"default_joint_pos": [0.0]}, "its default_joint_pos is [0.0]"),
    ({"observation_history": -1}, "its observation_history is -1"),
    ({"observation_order": "newest_first"}, "its observation_order is newest_first"),
    ({"decimation": 10**9}, "its decimation is 1000000000"),
    ({"decimation": 2.5}, "its decimation is 2.5"),
    ({"timestep": 0.0}, "its timestep is 0.0"),
    ({"timestep": "0.001"}, "is none: TypeError"),
    ({"clock_period": float("inf")}, "its clock_period is inf"),
    ({"observation_terms": [{"name": "smell", "size": 1, "scale": 1.0}]}, "its observation_terms is"),
    ({"observation_terms": []}, "its observation_terms is []"),
]


@pytest.mark.parametrize(("changes", "message"), NONSENSE)
def test_a_contract_of_nonsense(script: Any, changes: dict, message: str) -> None:
    content = {**json.loads(V0.to_json()), **changes}
    del content["sha256"]
    sha256 = hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    with pytest.raises(SystemExit) as stopped:
        script.read_contract(json.dumps({**content, "sha256": sha256}), "The contract")
    assert message in str(stopped.value.code)


@pytest.mark.parametrize("text", ["", "[]", "3", "[" * 100_000, '{"sha256": 1}'])
def test_a_contract_that_is_none(script: Any, text: str) -> None:
    with pytest.raises(SystemExit, match=r"Error: The contract (is none|was changed)"):
        script.read_contract(text, "The contract")
    content = json.loads(V0.to_json())
    assert script.read_contract(json.dumps(content), "The contract")["robot"] == "xbot_l"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("stiffness", 300.0, "its stiffness of left_leg_roll_joint is 300.0, the model's 200."),
        ("damping", 3.0, "its damping of left_leg_roll_joint is 3.0, the model's 10."),
        ("torque_limit", 200.0, "its torque_limit of left_leg_roll_joint is 200.0, the model's 85."),
    ],
)
def test_gains_are_the_models(script: Any, name: str, value: float, message: str) -> None:
    contract = json.loads(V0.to_json())
    contract[name][0] = value
    with pytest.raises(SystemExit) as stopped:
        script.Simulation(mujoco.MjModel.from_xml_path(str(XBOT_L.mjcf)), contract)
    assert message in str(stopped.value.code)


def with_slides_and_a_ball() -> Any:
    """XBot-L with the base's joints as in the release's MJCF."""
    spec = mujoco.MjSpec.from_file(str(XBOT_L.mjcf))
    base = spec.body(XBOT_L.base_body)
    spec.delete(base.joints[0])
    kinds = mujoco.mjtJoint
    for axis in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        base.add_joint(type=kinds.mjJNT_SLIDE, axis=axis)
    base.add_joint(type=kinds.mjJNT_BALL)
    return spec.compile()


def test_a_base_of_slides_and_a_ball_walks_as_a_free_one(script: Any, stand: Path) -> None:
    """The same state in other coordinates: sensors agree, and the fall is noticed."""
    policy = script.Policy(str(stand))
    model = with_slides_and_a_ball()
    robots = [
        script.Simulation(each, policy.contract)
        for each in (mujoco.MjModel.from_xml_path(str(XBOT_L.mjcf)), model)
    ]
    times = []
    for robot in robots:
        walked = len(list(script.walk(policy, robot, [0.0, 0.0, 0.0], 5.0)))
        assert not robot.stands
        times.append(walked)
    assert times[0] == pytest.approx(times[1], abs=2)
    for robot in robots:
        robot.reset()
        for _ in range(10):
            robot.move(np.full(12, 0.1))
    free, slides = (robot.read() for robot in robots)
    for name, value in free.items():
        np.testing.assert_allclose(slides[name], value, atol=2e-3, err_msg=name)


def test_a_reset_in_the_window_starts_all_anew(script: Any, tmp_path: Path) -> None:
    """Backspace resets MjData: the policy's memory, the clock and the pose begin again with it."""
    policy = script.Policy(str(export(Integrator(), tmp_path / "recurrent.onnx", state_shape=(12,))))
    robot = script.Simulation(mujoco.MjModel.from_xml_path(str(XBOT_L.mjcf)), policy.contract)
    walk = script.walk(policy, robot, [0.2, 0.0, 0.0], 1.0)
    seen: list = []
    for _ in range(2):
        first = [next(walk).copy() for _ in range(10)]
        seen.append((first, {name: value.copy() for name, value in policy.state.items()}))
        mujoco.mj_resetData(robot.model, robot.data)
        robot.data.qpos[robot.q] = 0.3
        assert next(walk) is None
        assert all(not value.any() for value in policy.state.values())
        assert robot.data.time == 0.0
    np.testing.assert_array_equal(seen[0][0], seen[1][0])
    for name, value in seen[0][1].items():
        assert value.any()
        np.testing.assert_array_equal(value, seen[1][1][name])


class Window:
    """In place of MuJoCo's: closed by its user at the third picture."""

    shown = 0

    def sync(self) -> None:
        self.shown += 1

    def is_running(self) -> bool:
        return self.shown < 3


def test_a_closed_window_ends_the_walk(
    script: Any, stand: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(script, "open_viewer", lambda robot: Window())
    assert main(script, monkeypatch, str(stand), "--viewer") == ""
    assert capsys.readouterr().out.startswith("Walked 0.03 s.")
