"""examples/run_policy.py: what it shows a policy, and as a user runs it."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Tuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from humanoid_envs.contract import PolicyContract
from humanoid_envs.robots import XBOT_L, Robot
from humanoid_envs.tasks.velocity import VelocityConfig, preset
from humanoid_envs.vector_env import HumanoidVectorEnv
from tests.examples.script import ROOT, run
from tests.robots.others import REORDERED, without_what_code_adds
from trainers.export import export_network, export_policy
from trainers.policies import load_policy
from trainers.ppo import PPO, GRUPolicy, PPOConfig

mujoco = pytest.importorskip("mujoco")
pytest.importorskip("mujoco.batch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from humanoid_envs.registration import make_mujoco  # noqa: E402
from humanoid_envs.simulators.mujoco import MuJoCoSimulator  # noqa: E402

V0 = PolicyContract.of(preset("v0"))


def run_policy_module() -> Any:
    """The script, imported."""
    spec = importlib.util.spec_from_file_location("run_policy", ROOT / "examples/run_policy.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Stand(nn.Module):
    """A policy that asks for the default pose."""

    def forward(self, observation: Tensor) -> Tensor:
        return 0.0 * observation[:, :12]


class Integrator(nn.Module):
    """A recurrent policy: actions sum up what it has seen."""

    def forward(self, observation: Tensor, state: Tensor) -> Tuple[Tensor, Tensor]:
        state = state + observation[:, -12:]
        return 0.01 * state, state


# What the policy sees, against the environment


def unusual_config() -> VelocityConfig:
    """Every number of the contract is another than by default."""
    v0 = preset("v0")
    return dataclasses.replace(
        v0,
        gait=dataclasses.replace(v0.gait, period=0.7),
        actions=dataclasses.replace(v0.actions, scale=0.2, clip=3.0),
        observations=dataclasses.replace(
            v0.observations, history=4, clip=2.5, lin_vel_scale=1.5, joint_vel_scale=0.3
        ),
        physics=dataclasses.replace(v0.physics, timestep=0.002, decimation=6),
    )


def unusual_robot() -> Robot:
    joints = [
        dataclasses.replace(
            joint, default_pos=0.01 * index, stiffness=0.9 * joint.stiffness, torque_limit=60.0, damping=8.0
        )
        for index, joint in enumerate(XBOT_L.joints)
    ]
    return dataclasses.replace(XBOT_L, joints=tuple(joints))


def calm(config: VelocityConfig) -> VelocityConfig:
    """Without noise, but not always the same start."""
    config = config.without_randomization()
    randomization = dataclasses.replace(config.randomization, start_joint_pos=0.1, start_yaw=3.0)
    return dataclasses.replace(config, randomization=randomization)


def walk(env: HumanoidVectorEnv, policy: Any, steps: int) -> Tuple[np.ndarray, np.ndarray, int]:
    """Observations and actions of one robot from its reset on, and in how many steps its base lay down."""
    observation, _ = env.reset(seed=3)
    observations, actions, down = [], [], 0
    for _ in range(steps):
        action = policy(observation)
        observations.append(observation[0].numpy())
        actions.append(action[0].numpy())
        observation, _, terminated, _, _ = env.step(action)
        down += int(terminated)
    return np.array(observations), np.array(actions), down


@pytest.mark.parametrize(
    ("config", "robot", "networks"),
    [
        (preset("v0"), XBOT_L, {"symmetry": True}),
        (unusual_config(), unusual_robot(), {}),
        (preset("v0"), REORDERED, {"symmetry": True}),
        (preset("v0"), XBOT_L, {"policy": GRUPolicy(hidden=16), "num_minibatches": 1}),
    ],
    ids=["v0", "other numbers", "joints in another order", "memory"],
)
def test_observations_are_those_of_the_environment_bit_for_bit(
    tmp_path: Path, config: VelocityConfig, robot: Robot, networks: Dict[str, Any]
) -> None:
    """A policy flails, falls and lies there. Run from its file alone, by numpy and MuJoCo, it sees what the
    environment shows it: any difference, be it one bit, would grow until all is different."""
    command, steps = np.array([0.4, 0.1, -0.2], np.float32), 300
    env = make_mujoco(1, calm(config), robot=robot, array="torch", autoreset_mode="DISABLED", command=command)
    env.reset(seed=3)
    assert isinstance(env.simulator, MuJoCoSimulator)
    start = env.simulator.mujoco_data(0)
    np.savez(tmp_path / "start.npz", qpos=start.qpos, qvel=start.qvel, command=command, steps=steps)
    mujoco.mj_saveModel(env.simulator.mujoco_model(0), str(tmp_path / "model.mjb"))
    hyper = PPOConfig(actor_hidden=(32,), actor_output_scale=10.0, device="cpu", **networks)
    export_policy(PPO(env, hyper), tmp_path / "policy.onnx")

    observations, actions, down = walk(env, load_policy(tmp_path / "policy.onnx", env.contract), steps)
    assert down > 10
    assert np.abs(actions).max() > 1.0
    env.close()

    files = [tmp_path / name for name in ("policy.onnx", "model.mjb", "start.npz", "result.npz")]
    script = ROOT / "tests/examples/replay_from_contract.py"
    done = subprocess.run(
        [sys.executable, str(script), str(ROOT / "examples/run_policy.py"), *map(str, files)],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    result = np.load(tmp_path / "result.npz")
    np.testing.assert_array_equal(result["observations"], observations)
    np.testing.assert_array_equal(result["actions"], actions)


# As a user runs it


def export(network: nn.Module, path: Path, **options: Any) -> Path:
    return export_network(network, path, V0, **options)


def test_says_how_the_robot_fared(tmp_path: Path) -> None:
    export(Stand(), tmp_path / "stand.onnx")
    result = run(tmp_path, "run_policy.py", "stand.onnx", "--seconds", "0.5", "--command", "0", "0", "0")
    assert result.returncode == 0, result.stderr
    outcome, velocity = result.stdout.splitlines()
    assert outcome == "Walked 0.50 s."
    assert velocity.startswith("Mean velocity after the first quarter: ")

    result = run(tmp_path, "run_policy.py", "stand.onnx", "--seconds", "5")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("Fell after ")


@pytest.mark.usefixtures("opengl")
def test_writes_a_video(tmp_path: Path) -> None:
    imageio = pytest.importorskip("imageio.v2")
    export(Stand(), tmp_path / "stand.onnx")
    result = run(tmp_path, "run_policy.py", "stand.onnx", "--seconds", "0.1", "--video", "walk.mp4")
    assert result.returncode == 0, result.stderr
    frames = imageio.mimread(tmp_path / "walk.mp4", memtest=False)
    assert len(frames) == 5
    assert frames[0].std() > 5.0


def test_a_recurrent_policy_remembers(tmp_path: Path) -> None:
    export(Integrator(), tmp_path / "recurrent.onnx", state_shape=(12,))
    policy = run_policy_module().Policy(str(tmp_path / "recurrent.onnx"))
    total = np.zeros(12, np.float32)
    for seed in range(5):
        observation = np.random.default_rng(seed).standard_normal(705).astype(np.float32)
        total += observation[-12:]
        np.testing.assert_allclose(policy(observation), 0.01 * total, atol=1e-7)


def tamper(path: Path, change: Any) -> None:
    """Rewrite the contract in an ONNX file; change: text to text, or None to leave it out."""
    model = onnx.load(str(path))
    texts = {entry.key: entry.value for entry in model.metadata_props}
    texts = {"contract": change(texts["contract"])} if change else {}
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, texts)
    onnx.save(model, str(path))


def of_another_size(text: str) -> str:
    contract = PolicyContract.from_json(text)
    return dataclasses.replace(contract, observation_history=3).to_json()


def of_another_robot(text: str) -> str:
    contract = PolicyContract.from_json(text)
    names = ("hip", *contract.joint_names[1:])
    return dataclasses.replace(contract, robot="other", joint_names=names).to_json()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (None, "Error: policy.onnx carries no contract; trainers.export writes files that do."),
        (lambda text: text.replace("0.25", "0.3"), "Error: The contract in policy.onnx was changed."),
        (lambda text: json.dumps({"robot": "xbot_l"}), "Error: The contract in policy.onnx was changed."),
        (of_another_size, "Error: policy.onnx has in- and output of [705, 12], its contract says [141, 12]."),
        (of_another_robot, "Error: The MJCF has no joint 'hip': the policy is for robot 'other'."),
    ],
    ids=["no contract", "changed", "incomplete", "another size", "another robot"],
)
def test_what_does_not_fit_gets_one_clear_error(tmp_path: Path, change: Any, message: str) -> None:
    export(Stand(), tmp_path / "policy.onnx")
    tamper(tmp_path / "policy.onnx", change)
    result = run(tmp_path, "run_policy.py", "policy.onnx", "--seconds", "0.1")
    assert result.returncode == 1
    assert result.stderr.strip() == message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    result = run(tmp_path, "run_policy.py", "policy.onnx")
    assert (result.returncode, result.stderr) == (1, "Error: There is no policy policy.onnx.\n")


def test_is_short_and_imports_nothing_of_ours() -> None:
    lines = (ROOT / "examples/run_policy.py").read_text().splitlines()
    assert len(lines) <= 320
    imported = {line.split()[1] for line in lines if line.startswith(("import ", "from "))}
    assert imported - set(sys.stdlib_module_names) == {"mujoco.viewer", "numpy", "onnxruntime"}


HINGE = """
<mujoco>
  <option gravity="0 0 0"/>
  <worldbody>
    <body>
      <freejoint/> <geom size=".1" mass="1e6"/>
      <body pos="1 0 0"> <joint name="knee" axis="0 0 1"/> <geom size=".1" pos=".5 0 0"/> </body>
    </body>
  </worldbody>
  <actuator> <motor joint="knee" gear="100" ctrlrange="-1 1"/> </actuator>
</mujoco>
"""


def test_torque_follows_gains_and_limits_alone() -> None:
    contract = {
        "robot": "one",
        "joint_names": ["knee"],
        "default_joint_pos": [0.2],
        "stiffness": [50.0],
        "damping": [3.0],
        "torque_limit": [8.0],
        "timestep": 0.001,
        "decimation": 1,
        "implicit_damping": False,
        "armature": [0.07],
    }
    robot = run_policy_module().Simulation(mujoco.MjModel.from_xml_string(HINGE), contract)
    assert robot.model.dof_armature[6] == 0.07
    assert robot.data.qpos[7] == 0.2
    for target, velocity, torque in ((0.3, 0.0, 5.0), (0.3, 1.0, 2.0), (9.0, 0.0, 8.0), (-9.0, 0.0, -8.0)):
        robot.data.qpos[7], robot.data.qvel[6], robot.data.ctrl[0] = 0.2, velocity, 1.0
        robot.move(np.array([target]))
        assert robot.data.qfrc_applied[6] == pytest.approx(torque)
        assert robot.data.qfrc_actuator[6] == 0.0


def test_long_implicit_steps_of_a_training_become_explicit_ones_of_1_ms() -> None:
    fast = PolicyContract.of(preset("fast"))
    assert fast.implicit_damping
    assert fast.timestep > 0.002
    model = mujoco.MjModel.from_xml_path(str(XBOT_L.mjcf))
    robot = run_policy_module().Simulation(model, json.loads(fast.to_json()))
    assert (model.opt.timestep, robot.decimation) == (0.001, 10)


def test_a_makers_model_gets_what_it_lacks(script: Any, stand: Path, tmp_path: Path) -> None:
    """A ground, and motors' inertia by the contract; and its own motors' gains do not matter, if told so."""
    robot = without_what_code_adds(tmp_path, floating=True)
    model = script.load_model(str(robot.mjcf))
    assert (model.geom_type == int(mujoco.mjtGeom.mjGEOM_PLANE)).sum() == 1
    ours = script.load_model(str(XBOT_L.mjcf))
    assert ours.ngeom == mujoco.MjModel.from_xml_path(str(XBOT_L.mjcf)).ngeom
    policy = script.Policy(str(stand))
    policy.contract["armature"] = [0.01] * 12
    script.Simulation(model, policy.contract)
    assert (model.dof_armature[6:] == 0.01).all()
    ours.actuator_gainprm[0, 0] = 300.0
    ours.actuator_biasprm[0, 1] = -300.0
    with pytest.raises(SystemExit, match=r"the model's 300\. With --ignore-servos"):
        script.Simulation(ours, policy.contract)
    script.Simulation(ours, policy.contract, ignore_servos=True)


def test_torch_is_not_needed_to_know_the_contract(tmp_path: Path) -> None:
    """The metadata is the JSON that `PolicyContract` writes."""
    export(Stand(), tmp_path / "policy.onnx")
    model = onnx.load(str(tmp_path / "policy.onnx"))
    (text,) = [entry.value for entry in model.metadata_props if entry.key == "contract"]
    assert PolicyContract.from_json(text) == V0
    assert torch.is_tensor(load_policy(tmp_path / "policy.onnx")(torch.zeros(1, 705)))


# Trouble of every kind, within this process


@pytest.fixture(scope="module")
def script() -> Any:
    return run_policy_module()


def main(script: Any, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """What the script ended with; empty if it went to its end."""
    monkeypatch.setattr(sys, "argv", ["run_policy.py", *arguments])
    try:
        script.main()
    except SystemExit as stopped:
        return str(stopped.code)
    return ""


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(Stand(), tmp_path_factory.mktemp("stand") / "stand.onnx")


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
