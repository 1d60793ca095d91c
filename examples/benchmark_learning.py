"""Measure how soon training gives a policy that passes, for several seeds.

    python examples/benchmark_learning.py --preset fast --seeds 0 1 2 --every 2.5 --out learning.json

Passing: in C MuJoCo at 1 ms with explicit PD, on nine commands, 20 s each from 5 starts, no fall and a mean
velocity within 10 % (or 0.03 m/s, 0.03 rad/s) of the command in every direction. Seconds are those of
training: start-up, and what it takes to keep the policies, are left out. Other processes judge meanwhile.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import tempfile
import time
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Dict, List, Optional

from humanoid_envs.cpu_count import available_cores
from humanoid_envs.files import replacing
from trainers.command_line import add_plugin, concise_errors
from trainers.evaluation import evaluate_commands
from trainers.policies import policy_of
from trainers.ppo import PPO
from trainers.presets import PRESETS, TrainConfig, preset
from trainers.training import make_env

THREADS_PER_JUDGE = 4


@dataclass(frozen=True)
class Point:
    """One policy on the way."""

    seed: int
    seconds: float
    """Of training."""
    steps: int
    falls: int
    met: int
    """Commands of nine that the policy met, falling on none of their episodes."""
    worst: Optional[float]
    """Largest error of a mean velocity over all commands, m/s or rad/s."""
    mean_abs_torque: Optional[float]
    """N·m"""

    @property
    def passed(self) -> bool:
        return self.met == 9


@concise_errors()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_plugin(parser)
    parser.add_argument("--preset", default="auto", help=f"auto, {', '.join(PRESETS)}")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--every", type=float, default=5.0, help="seconds of training between two policies")
    parser.add_argument("--out", type=Path, help="write all points to this JSON file")
    arguments = parser.parse_args()
    config = preset(arguments.preset)
    start = time.monotonic()
    env = make_env(config)
    judges = ProcessPoolExecutor(
        max(1, available_cores() // THREADS_PER_JUDGE), mp_context=get_context("spawn")
    )
    with tempfile.TemporaryDirectory() as folder, judges:
        futures: List[Future] = []
        for seed in arguments.seeds:
            seeded = dataclasses.replace(config, ppo=dataclasses.replace(config.ppo, seed=seed))
            ppo = PPO(env, seeded.ppo)
            print(f"seed {seed}: ready {time.monotonic() - start:.1f} s after the start", flush=True)
            keeper = Keeper(seeded, Path(folder), judges, arguments.every)
            ppo.learn(config.total_timesteps, callback=keeper, progress_bar=False)
            keeper.keep(ppo)
            futures += keeper.futures
        points: List[Point] = [future.result() for future in futures]
    env.close()
    print(table(points))
    if arguments.out is not None:
        with replacing(arguments.out) as temporary:
            temporary.write_text(json.dumps([dataclasses.asdict(point) for point in points], indent=1))


class Keeper:
    """A callback that keeps the policy every few seconds of training and sends it to be judged."""

    def __init__(self, config: TrainConfig, folder: Path, judges: ProcessPoolExecutor, every: float) -> None:
        self.futures: List[Future] = []
        self._config, self._folder, self._judges, self._every = config, folder, judges, every
        self._seconds = 0.0
        self._last: Optional[float] = None
        self._due = every

    def __call__(self, ppo: PPO) -> None:
        now = time.monotonic()
        if self._last is None:  # the first update includes what is done once
            self._last = now - ppo.metrics["speed/collect_s"] - ppo.metrics["speed/learn_s"]
        self._seconds += now - self._last
        if self._seconds >= self._due:
            self._due += self._every
            self.keep(ppo)
        self._last = time.monotonic()

    def keep(self, ppo: PPO) -> None:
        """Judge the policy as it is."""
        seed = self._config.ppo.seed
        path = self._folder / f"{seed}_{ppo.num_updates}.pt"
        ppo.metadata["task"] = self._config.task.plain()
        ppo.save(path, environment=False)
        self.futures.append(self._judges.submit(judge, path, seed, self._seconds, ppo.num_timesteps))


def judge(path: Path, seed: int, seconds: float, steps: int) -> Point:
    """Evaluate one policy."""
    policy = policy_of(PPO.load(path, device="cpu"))
    scores = evaluate_commands(policy, config=policy.task, num_threads=THREADS_PER_JUDGE)
    path.unlink()
    torques = [score.mean_abs_torque for score in scores if score.mean_abs_torque is not None]
    return Point(
        seed=seed,
        seconds=seconds,
        steps=steps,
        falls=sum(score.falls for score in scores),
        met=sum(score.met for score in scores),
        worst=max((s.worst_error for s in scores if s.worst_error is not None), default=None),
        mean_abs_torque=statistics.fmean(torques) if torques else None,
    )


def table(points: List[Point]) -> str:
    """Commands met over seconds, a line per seed, and when the seed passed first and at the end."""
    by_seed: Dict[int, List[Point]] = {}
    for point in points:
        by_seed.setdefault(point.seed, []).append(point)
    lines = ["seed  passed first   at the end (commands met, worst error, falls)   commands met at seconds"]
    for seed, curve in by_seed.items():
        first = next((f"{point.seconds:.1f} s" for point in curve if point.passed), "never")
        last = curve[-1]
        worst = "–" if last.worst is None else f"{last.worst:.3f}"
        end = f"{last.seconds:.1f} s: {last.met}/9, {worst}, {last.falls}"
        progress = " ".join(f"{point.seconds:.0f}:{point.met}" for point in curve)
        lines.append(f"{seed:4d}  {first:>12}   {end:<48}   {progress}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
