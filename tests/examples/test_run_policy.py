"""examples/run_policy.py: what it shows a policy, and as a user runs it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import runpy
import subprocess
import sys
import types
from pathlib import Path
from typing import Any, Dict, Tuple

import numpy as np
import pytest
import torch

from humanoid_envs.contract import PolicyContract
from humanoid_envs.robots import XBOT_L, Robot
from humanoid_envs.simulators.simulator import PhysicsConfig
from humanoid_envs.tasks import TaskConfig, preset
from humanoid_envs.vector_env import HumanoidVectorEnv
from tests.examples.run_policy import V0, Integrator, Stand, export, run_policy_module
from tests.examples.script import ROOT, run
from tests.robots.others import REORDERED, without_what_code_adds
from trainers.dwl import DWLLosses, DWLPolicy
from trainers.export import export_policy
from trainers.policies import load_policy
from trainers.ppo import PPO, GRUPolicy, PPOConfig

mujoco = pytest.importorskip("mujoco")
pytest.importorskip("mujoco.batch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from humanoid_envs.registration import make_mujoco  # noqa: E402
from humanoid_envs.simulators.mujoco import MuJoCoSimulator  # noqa: E402

# What the policy sees, against the environment


def unusual_config() -> TaskConfig:
    """Every number of the contract is another than by default."""
    return preset("v0").replace(
        {
            "gait.period": 0.7,
            "actions.scale": 0.2,
            "actions.clip": 3.0,
            "observations.clip": 2.5,
            "observations.policy.history": 4,
            "observations.policy.command_lin_vel.scale": 1.5,
            "observations.policy.joint_vel.scale": 0.3,
            "physics.timestep": 0.002,
            "physics.decimation": 6,
        }
    )


def unusual_robot() -> Robot:
    joints = [
        dataclasses.replace(
            joint, default_pos=0.01 * index, stiffness=0.9 * joint.stiffness, torque_limit=60.0, damping=8.0
        )
        for index, joint in enumerate(XBOT_L.joints)
    ]
    return dataclasses.replace(XBOT_L, joints=tuple(joints))


def calm(config: TaskConfig) -> TaskConfig:
    """Without noise, but not always the same start."""
    start = {"randomization.start_joint_pos.angle": 0.1, "randomization.start_yaw.angle": 3.0}
    return config.without_randomization().replace(start)


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
        (
            preset("dwl_flat").replace(physics=PhysicsConfig()),
            XBOT_L,
            {"policy": DWLPolicy(hidden=16), "losses": DWLLosses(), "num_minibatches": 1},
        ),
        (preset("stand").replace(physics=PhysicsConfig()), XBOT_L, {}),
    ],
    ids=["v0", "other numbers", "joints in another order", "memory", "dwl", "another task"],
)
def test_observations_are_those_of_the_environment_bit_for_bit(
    tmp_path: Path, config: TaskConfig, robot: Robot, networks: Dict[str, Any]
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
    assert len(lines) <= 360
    imported = {line.split()[1] for line in lines if line.startswith(("import ", "from "))}
    assert imported - set(sys.stdlib_module_names) == {"mujoco.viewer", "numpy", "onnxruntime"}


def test_readings_of_ones_own_and_other_commands(tmp_path: Path) -> None:
    module = run_policy_module()
    contract = json.loads(V0.to_json())
    contract["commands"] = [{"name": "height", "unit": "m", "range": [0.7, 0.9]}]
    contract["observation_terms"] = [
        {"name": "gravity", "size": 3, "scale": 1.0},
        {"name": "told_height", "size": 1, "scale": 2.0},
    ]
    contract["observation_history"] = 2
    contract["current_terms"] = [{"name": "doubled", "size": 2, "scale": 0.5}]
    contract.pop("sha256")
    canonical = json.dumps(contract, sort_keys=True, separators=(",", ":")).encode()
    contract["sha256"] = hashlib.sha256(canonical).hexdigest()
    (tmp_path / "mine.py").write_text(
        "def told_height(sensors, command, contract, step):\n    return [command[0] + step]\n"
        "def doubled(sensors, command, contract, step):\n    return [step, 2.0 * step]\n"
    )
    with pytest.raises(SystemExit, match="observation_terms"):
        module.read_contract(json.dumps(contract), "It")
    own = types.SimpleNamespace(**runpy.run_path(str(tmp_path / "mine.py")))
    observer = module.Observer(module.read_contract(json.dumps(contract), "It", own), own)
    half = np.float32(np.sqrt(0.5))
    still = {"joint_pos": np.zeros(12), "joint_vel": np.zeros(12), "base_ang_vel": np.zeros(3)}
    rolled = {**still, "base_quat": np.array([half, half, 0.0, 0.0])}  # to the right, by a quarter
    first, second = (observer(rolled, np.array([0.8], np.float32), np.zeros(12)) for _ in "12")
    np.testing.assert_allclose(first, [*[0.0] * 4, 0.0, -1.0, 0.0, 1.6, 0.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(second, [*first[4:8], 0.0, -1.0, 0.0, 3.6, 0.5, 1.0], atol=1e-6)


def test_says_what_its_commands_are(tmp_path: Path) -> None:
    path = export(Stand(), tmp_path / "stand.onnx")
    result = run(tmp_path, "run_policy.py", str(path), "--command", "0.4")
    assert result.stderr == "Error: --command takes 3: vx vy yaw_rate; not 1.\n"


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
