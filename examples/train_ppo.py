"""Train XBot-L to walk with PPO: the main job.

    python examples/train_ppo.py                          # what suits this machine
    python examples/train_ppo.py --preset fast --run-name mine
    python examples/train_ppo.py --resume last            # or a run's name, or a checkpoint
    python examples/train_ppo.py --ppo.gamma 0.98 --task.rewards.scales.alive 0.5

--preset, --resume, --run-name (folder below runs/) and --no-evaluate come beside the fields of the config:
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Optional

import tyro

from humanoid_envs.registration import best_engine
from trainers.command_line import concise_errors
from trainers.evaluation import evaluate_commands, format_scores
from trainers.ppo import PPO
from trainers.training import PRESETS, Run, TrainConfig, find_checkpoint, preset, task_of, train


@concise_errors()
def main() -> None:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--preset", default="auto", help=f"auto, {', '.join(PRESETS)}")
    parser.add_argument("--resume", default=None, help="a checkpoint, a run's name, or 'last'")
    parser.add_argument("--run-name", default=None)
    parser.add_argument("--no-evaluate", action="store_true")
    options, rest = parser.parse_known_args()

    resumed = find_checkpoint(options.resume) if options.resume else None
    defaults = Run.of_checkpoint(resumed).read_config() if resumed else preset(options.preset)
    config = tyro.cli(TrainConfig, args=rest, default=defaults, description=__doc__)
    run = _run(options.run_name, resumed)

    engine, reason = best_engine() if config.engine == "auto" else (config.engine, "it was asked for")
    print(f"Physics: {engine}, because {reason}. {config.num_envs} robots.")
    print(f"Run: {run.directory} (tensorboard --logdir runs shows its curves)", flush=True)

    def show(ppo: PPO, when: str) -> None:
        if not options.no_evaluate:
            print(f"\nThe policy {when}, 10 s a command in C MuJoCo at 1 ms:\n{_evaluate(ppo)}\n", flush=True)

    start = "at the checkpoint" if resumed else "before training"
    ppo = train(config, run, resumed, on_start=lambda ppo: show(ppo, start))
    print(f"{ppo.num_timesteps:,} steps in all. Last checkpoint: {run.last_checkpoint}")
    show(ppo, "after training")
    print(f"Watch it: python examples/play.py {run.last_checkpoint}")


def _run(name: Optional[str], resumed: Optional[Path]) -> Run:
    if name is None and resumed is not None:
        return Run.of_checkpoint(resumed)
    return Run(Path("runs") / (name or time.strftime("%Y-%m-%d_%H-%M-%S")))


def _evaluate(ppo: PPO) -> str:
    scores = evaluate_commands(
        lambda observation: ppo.predict(observation)[0], config=task_of(ppo), episodes=2, seconds=10.0
    )
    falls, episodes = sum(score.falls for score in scores), sum(score.episodes for score in scores)
    mean_return = sum(score.mean_return for score in scores) / len(scores)
    summary = f"  return {mean_return:.2f}, fall rate {100 * falls / episodes:.0f} %"
    return f"{format_scores(scores)}\n{summary}"


if __name__ == "__main__":
    main()
