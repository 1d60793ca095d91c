"""Train XBot-L, or another robot, to walk with PPO: the main job.

    python examples/train_ppo.py                          # what suits this machine
    python examples/train_ppo.py --preset fast --run-name mine --seed 1
    python examples/train_ppo.py --evaluate-every 2 --video-every 5     # minutes; the best policy is kept
    python examples/train_ppo.py --preset walk --scorecard-every 1      # survival, drift, torque, … as curves
    python examples/train_ppo.py --resume last            # or a run's name, or a checkpoint
    python examples/train_ppo.py --config runs/mine/config.yaml --ppo.gamma 0.98
    torchrun --nproc-per-node 4 examples/train_ppo.py --num-envs 16384  # on four GPUs, 4096 robots each
    python examples/train_ppo.py --sim-device cuda:1 --device cuda:0    # physics here, networks there

Where the config comes from (what suits this machine, unless told):
    --preset NAME           auto, v0, fast, walk, fast_wide, cpu, a task's, or one of a plug-in
    --config FILE           YAML, as in each run's folder
    --resume RUN            go on with a run: its name, a checkpoint, or last
    --robot NAME            the robot, ours or a plug-in's, with the task in its own terms: lengths, times and
                            forces are those of the preset or file in proportion
    --plugin NAME           load a module, here or installed, that brings terms, robots, engines or presets;
                            may stand several times
The run:
    --run-name NAME         the folder below runs/
    --viewer, --headless    watch robot 0 in a window, whose key v switches rendering off and on; or not
    --no-evaluate           leave out the evaluations before and after training
    --seed, --device        short for --ppo.seed and --ppo.device

Every value of the config is an option. `--help GROUP` shows those of a group, with what they are in the
chosen preset, config or run; `--help all` shows all:
    run                     --num-envs, --total-timesteps, --engine, --evaluate-every and what else the run is
    task                    --task.rewards.… and all else of the task; within it
    task.physics            time steps, the solver, the ground
    task.gait               the clock
    task.feet               when a foot is on the ground
    task.commands           which are given, and for how long
    task.actions            scale, bound, delay and noise
    task.observations       what actor and critic see: history, noise and scales
    task.rewards            the terms' weights and parameters
    task.terminations       when an episode ends
    task.randomization      starts, pushes, and how robots differ
    task.curricula          what changes as robots get better
    ppo                     --ppo.learning-rate, --ppo.actor-hidden and all else of the algorithm; within it
    ppo.policy              a network of one's own
    ppo.losses              losses beside PPO's
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and sys.argv[-1] in ("-h", "--help"):
    sys.exit(print(__doc__))  # before the imports, which take seconds

import argparse
import time
from pathlib import Path
from typing import List, Optional, Tuple

from humanoid_envs.compilation import can_compile
from humanoid_envs.display import has_display
from humanoid_envs.errors import UserError
from humanoid_envs.programs import example_command
from trainers.command_line import add_plugin, concise_errors, render_without_display
from trainers.evaluation import format_scores, summarize
from trainers.option_pages import show_options
from trainers.ppo import PPO
from trainers.ppo.distributed import Workers, torchrun_workers
from trainers.presets import TrainConfig, preset
from trainers.runs import Run, find_checkpoint, read_config
from trainers.signals import Interruption
from trainers.training import choose_engine, nine_command_scores, train

import tyro


@concise_errors()
def main() -> None:
    render_without_display()
    with Interruption() as interruption, torchrun_workers() as workers:
        if not workers.is_first:
            interruption.farewell = None
        _train(workers, interruption)


def _train(workers: Workers, interruption: Interruption) -> None:
    options, rest = _options()
    resumed = find_checkpoint(options.resume) if options.resume else None
    default = _defaults(options, resumed)
    if options.help is not None:
        show_options(default, options.help)
        return
    config = tyro.cli(type(default), args=rest, default=default, config=(tyro.conf.AvoidSubcommands,))
    run = _run(options.run_name, resumed)
    if workers.is_first:
        interruption.farewell = lambda: _how_to_go_on(run)

    engine, reason = choose_engine(config)
    if workers.is_first:
        shared = f" on {workers.world_size} workers" if workers.world_size > 1 else ""
        print(f"Physics: {engine}, because {reason}. {config.num_envs} robots{shared}.")
        print(f"Run: {run.directory} (tensorboard --logdir runs shows its curves)")
        print("Building the simulation and the networks …", flush=True)

    def show(ppo: PPO, when: str) -> None:
        if not options.no_evaluate:
            print(f"\nThe policy {when}, 10 s a command in C MuJoCo at 1 ms:", flush=True)
            print(f"{_evaluate(ppo)}\n", flush=True)

    def begin(ppo: PPO) -> None:
        show(ppo, "at the checkpoint" if resumed else "before training")
        print(_plan(config, ppo.num_timesteps), flush=True)

    ppo = train(
        config,
        run,
        resumed,
        on_start=begin,
        viewer=options.viewer,
        workers=workers,
        interruption=interruption,
    )
    if interruption.came or not workers.is_first:
        return
    print(f"{ppo.num_timesteps:,} steps in all. Last checkpoint: {run.last_checkpoint}")
    if run.best_checkpoint.is_file():
        print(f"Best of the evaluations while training: {run.best_checkpoint}")
    show(ppo, "after training")
    if ppo.num_timesteps < config.total_timesteps:
        print(_what_is_missing(config, ppo.num_timesteps, run))
    page = [] if has_display() else ["--web"]
    print(f"Watch it: {example_command('play.py', run.last_checkpoint, *page)}")


def _plan(config: TrainConfig, done: int) -> str:
    """What comes, which for a minute shows nothing."""
    limit = "" if config.max_minutes is None else f", {config.max_minutes:g} minutes at most"
    wait = (
        "; first the task is compiled, which takes up to a minute"
        if config.compiled and can_compile()
        else ""
    )
    return f"Training: {max(0, config.total_timesteps - done):,} steps{limit}{wait} …"


def _what_is_missing(config: TrainConfig, done: int, run: Run) -> str:
    return (
        f"Stopped by the time limit of {config.max_minutes:g} minutes (--max-minutes) after {done:,} of "
        f"{config.total_timesteps:,} steps: robots that still fall need the others. Go on with: "
        f"{example_command('train_ppo.py', '--resume', run.directory.name)}"
    )


def _options() -> Tuple[argparse.Namespace, List[str]]:
    """What is no field of the config, and the arguments that are."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    add_plugin(parser)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--preset")
    source.add_argument("--config", type=Path)
    source.add_argument("--resume")
    parser.add_argument("--robot")
    parser.add_argument("--run-name")
    window = parser.add_mutually_exclusive_group()
    window.add_argument("--headless", action="store_true")
    window.add_argument("--viewer", action="store_true")
    parser.add_argument("--seed")
    parser.add_argument("--device")
    parser.add_argument("--no-evaluate", action="store_true")
    parser.add_argument("-h", "--help", metavar="GROUP")
    options, rest = parser.parse_known_args()
    for name in ("seed", "device"):
        value, field = getattr(options, name), f"--ppo.{name}"
        if value is not None and any(argument.split("=")[0] == field for argument in rest):
            parser.error(f"--{name} is short for {field}: give one of them")
        rest += [] if value is None else [field, value]
    return options, rest


def _defaults(options: argparse.Namespace, resumed: Optional[Path]) -> TrainConfig:
    if resumed is not None:
        config = Run.of_checkpoint(resumed).read_config()
        if options.robot not in (None, config.robot):
            raise UserError(
                f"This run is of robot {config.robot!r}: begin another with --preset or --config."
            )
        return config
    config = read_config(options.config) if options.config else preset(options.preset or "auto")
    return config if options.robot is None else config.for_robot(options.robot)


def _run(name: Optional[str], resumed: Optional[Path]) -> Run:
    if name is None and resumed is not None:
        return Run.of_checkpoint(resumed)
    return Run.named(time.strftime("%Y-%m-%d_%H-%M-%S") if name is None else name)


def _how_to_go_on(run: Run) -> str:
    if not run.last_checkpoint.is_file():
        return "Stopped before anything was trained."
    return f"Stopped. Go on with: {example_command('train_ppo.py', '--resume', run.directory.name)}"


def _evaluate(ppo: PPO) -> str:
    scores = nine_command_scores(ppo)
    summary = summarize(scores)
    rates = f"fall rate {100 * summary['evaluation/fall_rate']:.0f} %"
    return f"{format_scores(scores)}\n  return {summary['evaluation/return']:.2f}, {rates}"


if __name__ == "__main__":
    main()
