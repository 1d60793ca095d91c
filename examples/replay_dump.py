"""Simulate once more, in C MuJoCo, what a robot did in the second before a NaN stopped its training.

    python examples/replay_dump.py runs/mine/nan_dump.pt                  # the robot where it appeared first
    python examples/replay_dump.py runs/mine/nan_dump.pt --env 17 --video replay.mp4
    python examples/replay_dump.py runs/mine/nan_dump.pt --viewer         # in MuJoCo's window, in real time

The replay starts in the first recorded state, with the recorded physical parameters, and follows the recorded
joint targets, pushes and resets. Printed is how far it is from the record after each step. The video is four
times as slow as the robot. Forces of `apply_forces` are not recorded, and other engines than C MuJoCo differ
from it once feet touch the ground.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Iterator, NamedTuple, Optional

from humanoid_envs.errors import UserError
from humanoid_envs.files import replacing
from humanoid_envs.flight_recorder import Dump
from humanoid_envs.mdp import terminations
from humanoid_envs.simulators.mujoco import MuJoCoSimulator
from humanoid_envs.simulators.simulator import PhysicsParameters, RobotState
from trainers.command_line import PICTURE_SIDE, add_plugin, concise_errors, integer, render_without_display

import numpy as np
import torch

_SLOWER = 4
_EVERYONE = torch.ones(1, dtype=torch.bool)


class ReplayStep(NamedTuple):
    """The end of a step."""

    row: int
    """Of the record."""
    joint_error: float
    """Largest distance of a joint from the record, rad; NaN where the record is."""
    base_error: float
    """Distance of the base from the record, m."""
    impossible: bool
    """The replay diverged, or is in a state that no robot has, see `terminations.impossible`; or it should
    have begun in numbers that are none."""
    restarted: bool
    """The record goes on with another episode, where the replay stands now; the distances are from there."""


class Replay:
    """One robot of a dump in C MuJoCo. index: which of the dump's."""

    def __init__(self, dump: Dump, index: int) -> None:
        self.dump, self.index, self.record = dump, index, dump.record
        self.simulator = MuJoCoSimulator(dump.robot, dump.task.physics, 1, num_threads=1)
        rows = {name: value[index : index + 1] for name, value in vars(dump.parameters).items()}
        self.simulator.set_parameters(_EVERYONE, PhysicsParameters(**rows))

    def steps(self) -> Iterator[ReplayStep]:
        """Simulate step by step, and tell of each."""
        simulator, record = self.simulator, self.record
        self._restart(0)
        for row in range(1, len(record.base_pos)):
            self._push(row - 1)
            simulator.step(self._at(record.joint_targets, row))
            state = simulator.state
            wrong = simulator.diverged | terminations.impossible(state, state.base_pos[:, 2])
            impossible = bool(wrong.any()) or self._lost
            joints = (state.joint_pos - self._at(record.joint_pos, row)).abs().max()
            base = (state.base_pos - self._at(record.base_pos, row)).norm()
            restarted = not bool(record.follows[row, self.index])
            if restarted:
                self._restart(row)
            yield ReplayStep(row, float(joints), float(base), impossible, restarted)

    def _at(self, value: torch.Tensor, row: int) -> torch.Tensor:
        return value[row, self.index : self.index + 1]

    def _restart(self, row: int) -> None:
        record = self.record
        velocity = self._at(record.base_velocity, row)
        state = RobotState(
            base_pos=self._at(record.base_pos, row),
            base_quat=self._at(record.base_quat, row),
            base_lin_vel=velocity[:, :3],
            base_ang_vel=velocity[:, 3:],
            joint_pos=self._at(record.joint_pos, row),
            joint_vel=self._at(record.joint_vel, row),
        )
        self._lost = not all(bool(value.isfinite().all()) for value in vars(state).values())
        if not self._lost:
            self.simulator.reset(_EVERYONE, state)

    def _push(self, row: int) -> None:
        velocity = self._at(self.record.pushed_velocity, row)
        if not torch.equal(velocity, self._at(self.record.base_velocity, row)):
            self.simulator.push(_EVERYONE, velocity[:, :3], velocity[:, 3:])


def first_not_finite(dump: Dump, index: int) -> Optional[str]:
    """In words, the first number of a robot's record that is not finite."""
    bad = ~dump.record.finite()[:, index]
    if not bool(bad.any()):
        return None
    row = int(bad.nonzero()[0])
    name = next(name for name, value in vars(dump.record).items() if not value[row, index].isfinite().all())
    entry = int((~vars(dump.record)[name][row, index].isfinite()).nonzero()[0])
    return f"{name}[{entry}] at the beginning of step {row}"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_plugin(parser)
    parser.add_argument("dump", type=Path, help="that PPO or env.write_dump wrote")
    parser.add_argument("--env", type=integer(0), help="number of the robot in its environment")
    parser.add_argument("--video", type=Path, help="write this mp4")
    parser.add_argument("--viewer", action="store_true", help="watch in MuJoCo's window")
    parser.add_argument("--size", nargs=2, type=PICTURE_SIDE, default=(960, 540), metavar=("WIDTH", "HEIGHT"))
    arguments = parser.parse_args()
    if arguments.video is not None and arguments.video.suffix != ".mp4":
        parser.error(f"--video writes an mp4: give a name that ends so, not {arguments.video}")
    if arguments.video is not None and arguments.viewer:
        parser.error("choose --video or --viewer")
    return arguments


@concise_errors()
def main() -> None:
    render_without_display()
    arguments = parse()
    dump = Dump.read(arguments.dump)
    env = dump.envs[0] if arguments.env is None else arguments.env
    if env not in dump.envs:
        raise UserError(f"{arguments.dump} has no env {env}; it has {', '.join(map(str, dump.envs))}.")
    index = dump.envs.index(env)
    seconds = (len(dump.record.base_pos) - 1) * dump.task.policy_period
    print(f"Env {env} in {arguments.dump}: {seconds:.2f} s on {dump.engine}, seed {dump.seed}.")
    print(f"Written because: {dump.reason or 'it was asked for'}")
    print(f"First number that is not finite: {first_not_finite(dump, index) or 'none in this second'}")
    replay = Replay(dump, index)
    moments = with_messages(replay)
    if arguments.video is not None:
        film(replay, moments, arguments.video, arguments.size)
    elif arguments.viewer:
        watch(replay, moments)
    else:
        for _ in moments:
            pass
    replay.simulator.close()


def with_messages(replay: Replay) -> Iterator[ReplayStep]:
    """The replay's steps, each printed."""
    first: Optional[int] = None
    print("step  joints off by  base off by")
    for moment in replay.steps():
        first = moment.row if moment.impossible and first is None else first
        notes = ["impossible state"] * moment.impossible + [
            "the record starts a new episode"
        ] * moment.restarted
        distances = f"{moment.joint_error:9.1e} rad  {moment.base_error:9.1e} m"
        print(f"{moment.row:4d}  {distances}  {', '.join(notes)}".rstrip())
        yield moment
    said = "stays possible" if first is None else f"is in an impossible state first after step {first}"
    print(f"The replay {said}.")


def film(replay: Replay, moments: Iterator[ReplayStep], path: Path, size: tuple) -> None:
    """Write a video of the replay, a picture each step."""
    from trainers.evaluation.video import open_video

    fps = round(1.0 / (_SLOWER * replay.dump.task.policy_period))
    with replacing(path) as temporary, open_video(temporary, fps) as video:
        for _ in moments:
            video.append_data(np.ascontiguousarray(replay.simulator.render(0, (size[1], size[0]))))
    print(f"Wrote {path}.")


def watch(replay: Replay, moments: Iterator[ReplayStep]) -> None:
    """Show the replay in MuJoCo's viewer, until its end or until the window is closed."""
    from humanoid_envs.viewer import Viewer

    viewer = Viewer(replay.simulator)
    for _ in moments:
        viewer.show()
        if not viewer.is_open:
            break
    viewer.close()


if __name__ == "__main__":
    main()
