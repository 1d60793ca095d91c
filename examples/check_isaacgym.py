"""Compare NVIDIA Isaac Gym on this machine with C MuJoCo, whose numbers another Python has to measure.

    python examples/check_isaacgym.py --engine mujoco --save mujoco.json      # Python 3.11, with MuJoCo
    python examples/check_isaacgym.py --reference mujoco.json                 # Python 3.8, with Isaac Gym

With --policy, a TorchScript policy (705 observations to 12 actions) also walks on both. The second command
first checks that the environment keeps Gymnasium's contract. Exit status 1 if anything differs more than
expected.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import humanoid_envs  # noqa: F401  # isort: skip  before torch, so that Isaac Gym can be imported
from humanoid_envs import HumanoidVectorEnv, preset
from humanoid_envs.checker import VectorEnvError, check_vector_env
from humanoid_envs.files import replacing
from humanoid_envs.robots import XBOT_L
from humanoid_envs.rotations import rotate, rotate_inverse
from humanoid_envs.simulators.simulator import (
    PhysicsConfig,
    RobotState,
    Simulator,
    default_parameters,
)
from trainers.command_line import add_trust, concise_errors
from trainers.trust import require_trust

import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

NUM_ENVS = 8
LEG_MASS = 23.136
GRAVITY = 9.81
COMMAND = (0.4, 0.0, 0.0)
BASE_COM = (-0.014073, -0.000171, 0.09937)

Numbers = Dict[str, float]


@dataclasses.dataclass(frozen=True)
class Expectation:
    """How near to the reference a number should be, and what a greater difference hints at."""

    tolerance: float
    hint: str


EXPECTED: Dict[str, Expectation] = {
    "fall, m/s²": Expectation(0.02, "gravity or time step"),
    "origin velocity error, m/s": Expectation(0.02, "base_lin_vel is not that of the link's origin"),
    "centre of mass velocity error, m/s": Expectation(0.02, "base_lin_vel is not that of the link's origin"),
    "spin after a push, rad/s": Expectation(0.05, "angular velocity is in another frame, or a push is lost"),
    "torque while standing, N·m": Expectation(1.5, "gains, joint order or armature"),
    "standing height, m": Expectation(0.01, "collision shapes of the feet, or gains"),
    "weight on the feet / m g": Expectation(0.03, "net contact forces, or masses"),
    "share of the left foot": Expectation(0.1, "net contact forces are of other bodies"),
    "5 kg more on the feet / 5 kg g": Expectation(
        0.1, "the base's mass does not act once the simulation runs"
    ),
    "friction 0.1 against 0.6": Expectation(0.05, "friction, or how two of them combine"),
    "friction 1.0 against 0.6": Expectation(0.08, "friction, or how two of them combine"),
    "force on the base when lying > 1 N": Expectation(0.0, "collision shapes or contact forces of the base"),
    "policy: falls": Expectation(0.0, "anything above"),
    "policy: forward velocity, m/s": Expectation(0.1, "anything above"),
    "policy: mean |torque|, N·m": Expectation(3.0, "anything above"),
}


# What is measured, on any engine


def measure(simulator: Simulator, policy: Optional[Path]) -> Numbers:
    """All numbers of one engine; `simulator` has `NUM_ENVS` robots and steps of 1 ms × 10."""
    numbers = {**_flight(simulator), **_standing(simulator), **_sliding(simulator), **_lying(simulator)}
    if policy is not None:
        numbers.update(_policy(simulator, policy))
    return numbers


def _everyone(simulator: Simulator) -> Tensor:
    return torch.ones(NUM_ENVS, dtype=torch.bool, device=simulator.device)


def _restart(simulator: Simulator, height: float, quat: Tuple[float, ...] = (1.0, 0.0, 0.0, 0.0)) -> None:
    """All robots at rest in the zero pose."""

    def rows(*values: float) -> Tensor:
        return torch.tensor([values], device=simulator.device).repeat(NUM_ENVS, 1)

    rest, joints = rows(0.0, 0.0, 0.0), rows(*[0.0] * XBOT_L.num_joints)
    state = RobotState(rows(0.0, 0.0, height), rows(*quat), rest, rest, joints, joints)
    simulator.reset(_everyone(simulator), state)


def _push(simulator: Simulator, lin_vel: Tuple[float, ...], ang_vel: Tuple[float, ...]) -> None:
    velocities = (
        torch.tensor([velocity], device=simulator.device).repeat(NUM_ENVS, 1)
        for velocity in (lin_vel, ang_vel)
    )
    simulator.push(_everyone(simulator), *velocities)


def _set(simulator: Simulator, **values: Any) -> None:
    """Default parameters but for these."""
    default = default_parameters(XBOT_L, NUM_ENVS, simulator.device)
    changed = {
        name: torch.as_tensor(value, device=simulator.device).expand_as(getattr(default, name)).contiguous()
        for name, value in values.items()
    }
    simulator.set_parameters(_everyone(simulator), dataclasses.replace(default, **changed))


def _hold(simulator: Simulator) -> None:
    """One policy step with all joints held in the zero pose."""
    simulator.step(torch.zeros(NUM_ENVS, XBOT_L.num_joints, device=simulator.device))


def _flight(simulator: Simulator) -> Numbers:
    """A fall from 5 m, then a fast spin: whose velocity is base_lin_vel?"""
    _set(simulator)
    _restart(simulator, 5.0)
    for _ in range(20):
        _hold(simulator)
    fall = -float(simulator.state.base_lin_vel[:, 2].mean()) / 0.2
    _restart(simulator, 5.0)
    _hold(simulator)
    _push(simulator, (0.0, 0.0, 0.0), (0.0, 4.0, 0.0))
    path: List[Tuple[Tensor, Tensor, Tensor]] = []
    com = torch.tensor(BASE_COM, device=simulator.device).expand(NUM_ENVS, 3)
    for _ in range(3):
        _hold(simulator)
        state = simulator.state
        centre = state.base_pos + rotate(state.base_quat, com)
        path.append((state.base_pos.clone(), centre, state.base_lin_vel.clone()))
    period = simulator.physics.policy_period
    velocities = ((path[2][point] - path[0][point]) / (2.0 * period) for point in (0, 1))
    of_origin, of_centre = (float((v - path[1][2]).norm(dim=1).mean()) for v in velocities)
    return {
        "fall, m/s²": fall,
        "origin velocity error, m/s": of_origin,
        "centre of mass velocity error, m/s": of_centre,
        "spin after a push, rad/s": float(simulator.state.base_ang_vel[:, 1].mean()),
    }


def _standing(simulator: Simulator) -> Numbers:
    """Stiff joints hold the zero pose. The second half of the robots carries 5 kg more."""
    extra = torch.tensor([0.0] * (NUM_ENVS // 2) + [5.0] * (NUM_ENVS // 2), device=simulator.device)
    _set(simulator, base_mass=XBOT_L.base_mass + extra, stiffness=2000.0, damping=15.0, torque_limit=300.0)
    _restart(simulator, 0.886)
    forces, heights, torques = [], [], []
    for step in range(200):
        _hold(simulator)
        if step >= 50:
            state = simulator.state
            forces.append(state.feet_contact_force[..., 2].clone())
            heights.append(state.base_pos[: NUM_ENVS // 2, 2].mean())
            torques.append(state.joint_torque[: NUM_ENVS // 2].abs().mean())
    force = torch.stack(forces).mean(0)
    light, heavy = force.sum(1).split(NUM_ENVS // 2)
    return {
        "torque while standing, N·m": float(torch.stack(torques).mean()),
        "standing height, m": float(torch.stack(heights).mean()),
        "weight on the feet / m g": float(light.mean()) / (GRAVITY * (XBOT_L.base_mass + LEG_MASS)),
        "share of the left foot": float((force[:, 0] / force.sum(1)).mean()),
        "5 kg more on the feet / 5 kg g": float(heavy.mean() - light.mean()) / (GRAVITY * 5.0),
    }


def _sliding(simulator: Simulator) -> Numbers:
    """Feet slide over the ground at 3 m/s: horizontal by vertical force."""
    numbers: Numbers = {}
    for friction in (0.1, 1.0):
        _set(simulator, foot_friction=friction)
        _restart(simulator, 0.885)
        _hold(simulator)
        _push(simulator, (3.0, 0.0, 0.0), (0.0, 0.0, 0.0))
        ratios = []
        for _ in range(4):
            _hold(simulator)
            force = simulator.state.feet_contact_force.sum(1)
            ratios.append(-force[:, 0] / force[:, 2].clamp(min=1.0))
        numbers[f"friction {friction:.1f} against 0.6"] = float(torch.stack(ratios).amax(0).mean())
    return numbers


def _lying(simulator: Simulator) -> Numbers:
    """Dropped on its side from 0.4 m, the robot falls on base and arm: what the task calls a fall."""
    _set(simulator)
    _restart(simulator, 0.4, quat=(0.5**0.5, 0.5**0.5, 0.0, 0.0))
    touched = torch.zeros(NUM_ENVS, dtype=torch.bool, device=simulator.device)
    for _ in range(50):
        _hold(simulator)
        touched |= simulator.state.base_contact_force.norm(dim=1) > 1.0
    return {"force on the base when lying > 1 N": float(touched.float().mean())}


def _policy(simulator: Simulator, path: Path) -> Numbers:
    """20 s at 0.4 m/s from different joint angles; means after 3 s."""
    config = preset("v0").without_randomization()
    config = config.replace({"randomization.start_joint_pos.angle": 0.1})
    policy = torch.jit.load(str(path), map_location=simulator.device)
    env = HumanoidVectorEnv(simulator, config, autoreset_mode=AutoresetMode.DISABLED, command=COMMAND)
    observation, _ = env.reset(seed=0)
    fallen = torch.zeros(NUM_ENVS, dtype=torch.bool, device=simulator.device)
    velocity = torque = 0.0
    with torch.no_grad():
        for step in range(2000):
            observation, _, terminated, _, _ = env.step(policy(observation))
            fallen |= terminated
            if step >= 300:
                state = env.simulator.state
                velocity += float(rotate_inverse(state.base_quat, state.base_lin_vel)[:, 0].mean()) / 1700
                torque += float(state.joint_torque.abs().mean()) / 1700
    return {
        "policy: falls": float(fallen.sum()),
        "policy: forward velocity, m/s": velocity,
        "policy: mean |torque|, N·m": torque,
    }


# What is made of it


def conformance(simulator: Simulator) -> List[str]:
    """Findings of `check_vector_env` in every autoreset mode, on this one simulator: Isaac Gym makes no
    second one in a process. Episodes end after 60 ms, or before when the base sinks by 1 cm. The simulator is
    closed afterwards: an environment owns it, and closes it when it is forgotten."""
    v0 = preset("v0")
    ends = v0.terminations.replace({"episode_length": 0.06, "low_base.height": 0.94})
    config = dataclasses.replace(v0, terminations=ends)
    envs = [HumanoidVectorEnv(simulator, config, autoreset_mode=mode) for mode in AutoresetMode]
    findings = [finding for env in envs for finding in _findings(env)]
    simulator.close()
    return findings


def _findings(env: HumanoidVectorEnv) -> List[str]:
    try:
        check_vector_env(env, max_steps=200, close=False)
    except VectorEnvError as error:
        return [str(error)]
    return []


def compare(numbers: Numbers, reference: Numbers) -> Tuple[str, List[str]]:
    """A table for the terminal, and what differs."""
    lines, differing = [f"{'':36}{'Isaac Gym':>12}{'MuJoCo':>12}{'difference':>12}{'expected':>12}"], []
    for name, value in numbers.items():
        if name not in reference:
            lines.append(f"{name:36}{value:12.3f}{'-':>12}")
            continue
        difference, expected = value - reference[name], EXPECTED[name]
        bad = not abs(difference) <= expected.tolerance
        mark = "  <-- differs" if bad else ""
        lines.append(
            f"{name:36}{value:12.3f}{reference[name]:12.3f}{difference:12.3f}{expected.tolerance:12.3f}{mark}"
        )
        if bad:
            differing.append(
                f"{name}: {value:.3f} instead of {reference[name]:.3f}. Look at: {expected.hint}."
            )
    return "\n".join(lines), differing


def _simulator(engine: str, device: str) -> Simulator:
    if engine == "mujoco":
        from humanoid_envs.simulators.mujoco import MuJoCoSimulator

        return MuJoCoSimulator(XBOT_L, PhysicsConfig(), NUM_ENVS)
    from humanoid_envs.simulators.isaacgym import IsaacGymSimulator

    return IsaacGymSimulator(XBOT_L, PhysicsConfig(), NUM_ENVS, device=device)


@concise_errors()
def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", choices=("isaacgym", "mujoco"), default="isaacgym")
    parser.add_argument("--device", default="cuda:0", help="of Isaac Gym; 'cpu' runs PhysX on the CPU")
    parser.add_argument("--policy", type=Path, help="TorchScript policy that should walk")
    add_trust(parser)
    parser.add_argument("--save", type=Path, help="write the numbers to this JSON file")
    parser.add_argument("--reference", type=Path, help="JSON file of MuJoCo's numbers")
    arguments = parser.parse_args()
    if arguments.policy is not None:
        require_trust(arguments.policy, arguments.trust)

    simulator = _simulator(arguments.engine, arguments.device)
    numbers = measure(simulator, arguments.policy)
    findings: List[str] = []
    if arguments.engine == "isaacgym":
        findings = conformance(simulator)
        print("The environment keeps Gymnasium's contract." if not findings else "\n".join(findings))
    simulator.close()
    if arguments.save is not None:
        with replacing(arguments.save) as temporary:
            temporary.write_text(json.dumps(numbers, indent=2, ensure_ascii=False), encoding="utf-8")
    if arguments.reference is None:
        print("\n".join(f"{name:36}{value:12.3f}" for name, value in numbers.items()))
        return 1 if findings else 0
    table, differing = compare(numbers, json.loads(arguments.reference.read_text(encoding="utf-8")))
    print(table)
    print("\n".join(differing) or "Nothing differs more than expected.")
    return 1 if findings or differing else 0


if __name__ == "__main__":
    sys.exit(main())
