"""Measure what terrain costs: physics and environment on it and on flat ground, as a shipped policy walks.

    python examples/benchmark_terrain.py                             # `rough`, 4096 and 16384 robots
    python examples/benchmark_terrain.py --terrain rough sparse --num-envs 4096 --difficulty 0.5
    python examples/benchmark_terrain.py --engine mujoco --num-envs 16 --windows 2

Robots walk from the starts of all tiles up to a difficulty, forward at 0.5 m/s, for some seconds. From there
on, in windows of half a second, physics alone repeats the joint targets, and the environment the actions,
that the policy gave. Windows on flat ground and on terrains take turns, so that what else the machine does
falls on all alike; the median window counts, and the median ratio of neighbours. The policy knows flat ground
alone: the share of robots that fell is told. `dropped` counts steps of robots that lacked room for contacts
or constraints, from the beginning on.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from humanoid_envs.assets import asset_path
from humanoid_envs.capture import accelerated
from humanoid_envs.registration import best_engine
from humanoid_envs.simulators.simulator import RobotState, SimState, Simulator, where_rows
from humanoid_envs.terrain import TERRAINS, Terrain, build_terrain
from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.command_line import add_plugin, concise_errors
from trainers.policies import LoadedPolicy, load_policy

import torch
from torch import Tensor

WINDOW_STEPS = 50
COMMAND = (0.5, 0.0, 0.0)


@concise_errors()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_plugin(parser)
    parser.add_argument("--terrain", nargs="+", default=["rough"], help=", ".join(TERRAINS))
    parser.add_argument("--difficulty", type=float, default=0.3, help="of the hardest tiles, 0 to 1")
    parser.add_argument("--engine", default="auto", help="mujoco_warp, mujoco or auto")
    parser.add_argument("--num-envs", nargs="+", type=int, default=[4096, 16384])
    parser.add_argument("--policy", type=Path, default=asset_path("xbot_l/policies/walk.onnx"))
    parser.add_argument("--seconds", type=float, default=3.0, help="to walk before anything is timed")
    parser.add_argument("--windows", type=int, default=7)
    arguments = parser.parse_args()
    engine = best_engine()[0] if arguments.engine == "auto" else arguments.engine
    policy = load_policy(arguments.policy)
    grounds: Dict[str, Optional[Terrain]] = {"flat": None}
    for name in arguments.terrain:
        grounds[name] = build_terrain(TERRAINS.find(name)())
    columns = ["envs", "ground", "physics", "of flat", "environment", "of flat", "falls", "dropped"]
    print(f"engine {engine}; env-steps per second\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for num_envs in arguments.num_envs:
        walks = {
            name: Walk(engine, policy, num_envs, ground, arguments.difficulty, arguments.seconds)
            for name, ground in grounds.items()
        }
        physics, environment = ([[] for _ in walks] for _ in range(2))
        for _ in range(arguments.windows + 1):
            for i, walk in enumerate(walks.values()):
                physics[i].append(walk.time_physics())
                environment[i].append(walk.time_environment())
        for i, (name, walk) in enumerate(walks.items()):
            cells = []
            for times in (physics, environment):
                seconds = times[i][1:]  # the first one warms up
                ratio = statistics.median(flat / own for flat, own in zip(times[0][1:], seconds))
                cells += [f"{num_envs / statistics.median(seconds) / 1e3:,.1f}k", f"{ratio:.3f}"]
            print(
                f"| {num_envs:,} | {name} | {' | '.join(cells)} | {walk.falls:.1%} | {walk.dropped} |",
                flush=True,
            )
            walk.env.close()


class Walk:
    """Robots on their way, and what the policy does in the next window."""

    def __init__(
        self,
        engine: str,
        policy: LoadedPolicy,
        num_envs: int,
        terrain: Optional[Terrain],
        difficulty: float,
        seconds: float,
    ) -> None:
        simulator = _simulator(engine, policy, num_envs, terrain)
        self._simulator = simulator
        self._physics = accelerated(simulator, simulator.step_physics)
        placed: Any = (
            simulator if terrain is None else Placed(simulator, starts(terrain, difficulty, num_envs))
        )
        self.env = HumanoidVectorEnv(
            placed, policy.task, command=COMMAND, compiled=simulator.device.type != "cpu"
        )
        self._dropped = torch.zeros((), dtype=torch.long, device=simulator.device)
        fallen = torch.zeros(num_envs, dtype=torch.bool, device=simulator.device)
        observation, _ = self.env.reset(seed=0)
        for _ in range(round(seconds / policy.task.policy_period)):
            observation, _, terminated, *_ = self.env.step(self._act(policy, observation))
            fallen |= torch.as_tensor(terminated)
            self._note_dropped()
        self.falls = float(fallen.float().mean())
        self._start, self._start_of_physics = self.env.state_dict(), simulator.state_dict()
        self._actions: List[Tensor] = []
        self._targets: List[Tensor] = []
        for _ in range(WINDOW_STEPS):
            self._actions.append(self._act(policy, observation))
            observation = self.env.step(self._actions[-1])[0]
            self._targets.append(simulator.joint_targets.clone())
            self._note_dropped()

    @property
    def dropped(self) -> int:
        return int(self._dropped)

    def time_physics(self) -> float:
        """Seconds per step."""
        self._simulator.load_state_dict(self._start_of_physics)

        def step(k: int) -> None:
            self._simulator.joint_targets.copy_(self._targets[k])
            self._physics()

        return self._time(step)

    def time_environment(self) -> float:
        """Seconds per step."""
        self.env.load_state_dict(self._start)
        return self._time(lambda k: self.env.step(self._actions[k]))

    def _time(self, step: Callable[[int], object]) -> float:
        self._wait()
        begin = time.perf_counter()
        for k in range(WINDOW_STEPS):
            step(k)
        self._wait()
        return (time.perf_counter() - begin) / WINDOW_STEPS

    def _act(self, policy: LoadedPolicy, observation: Any) -> Tensor:
        return policy(observation.cpu()).to(self._simulator.device)

    def _note_dropped(self) -> None:
        self._dropped += (self._simulator.contacts_dropped | self._simulator.constraints_dropped).sum()

    def _wait(self) -> None:
        if self._simulator.device.type == "cuda":
            torch.cuda.synchronize(self._simulator.device)


class Placed:
    """A simulator in which each robot's world begins at a place of its own on the terrain, so that a task
    that knows flat ground alone runs there."""

    def __init__(self, simulator: Simulator, places: Tensor) -> None:
        """places: (N, 3) m."""
        self._simulator, self._places = simulator, places.to(simulator.device)
        self.state = SimState(**{name: value.clone() for name, value in vars(simulator.state).items()})
        self._show()

    def step(self, joint_targets: Tensor) -> None:
        self._simulator.step(joint_targets)
        self._show()

    def reset(self, mask: Tensor, state: RobotState) -> None:
        there = {name: getattr(state, name) for name in RobotState.__dataclass_fields__}
        there["base_pos"] = there["base_pos"] + self._places
        self._simulator.reset(mask, RobotState(**there))
        self._show(mask)

    def load_state_dict(self, state: Dict[str, Tensor]) -> None:
        self._simulator.load_state_dict(state)
        self._show()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._simulator, name)

    def _show(self, mask: Optional[Tensor] = None) -> None:
        for name, value in vars(self._simulator.state).items():
            own = getattr(self.state, name)
            if name == "base_pos":
                value = value - self._places
            elif name in ("feet_pos", "knees_pos"):
                value = value - self._places[:, None]
            own.copy_(value if mask is None else where_rows(mask, value, own))


def starts(terrain: Terrain, difficulty: float, num_envs: int) -> Tensor:
    """(N, 3): the starts of all tiles up to a difficulty, in turns."""
    tiles = terrain.tiles
    assert tiles is not None
    chosen = torch.tensor(tiles.spawn[tiles.difficulty <= max(difficulty, float(tiles.difficulty.min()))])
    return chosen[torch.arange(num_envs) % len(chosen)]


def _simulator(engine: str, policy: LoadedPolicy, num_envs: int, terrain: Optional[Terrain]) -> Any:
    if engine == "mujoco":
        from humanoid_envs.simulators.mujoco import MuJoCoSimulator

        return MuJoCoSimulator(policy.robot, policy.task.physics, num_envs, terrain=terrain)
    from humanoid_envs.simulators.mujoco_warp import MuJoCoWarpSimulator

    device = "cuda:0" if torch.cuda.is_available() else "cpu"
    return MuJoCoWarpSimulator(policy.robot, policy.task.physics, num_envs, device, terrain=terrain)


if __name__ == "__main__":
    main()
