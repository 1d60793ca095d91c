"""Numbers about a policy, headless, on one simulator or several.

    python examples/sim2sim.py --policy policy.onnx                       # the scorecard, C MuJoCo
    python examples/sim2sim.py --policy last --protocol all --report report --video   # and a page to read
    python examples/sim2sim.py --policy policy.onnx --protocol gap --simulators mujoco mujoco:fast

scorecard: commands, pushes and step responses on robots that differ. tour: 60 s of waypoints and punches.
gap: how far simulators are from each other. task: any task's own commands, pushes and rewards; the others are
for tasks with the velocity task's commands. What each number means: docs/sim2sim.md.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Optional, Sequence, Tuple

import humanoid_envs  # noqa: F401  # isort: skip  before torch, so that Isaac Gym can be imported
from humanoid_envs.errors import UserError
from humanoid_envs.mdp.measures import for_robot
from humanoid_envs.tasks import TaskConfig
from trainers.command_line import (
    ROLLOUTS,
    SCORED_SECONDS,
    SEED,
    add_plugin,
    add_trust,
    concise_errors,
    render_without_display,
)
from trainers.evaluation.command_scores import WIDE_COMMANDS
from trainers.evaluation.env import available_simulators, choose_simulator, evaluation_env
from trainers.evaluation.gap import GapConfig, compare_simulators
from trainers.evaluation.pushes import PushConfig
from trainers.evaluation.result_file import Result, describe_policy, read_result, read_walks, write_result
from trainers.evaluation.scorecard import ScorecardConfig, make_scorecard
from trainers.evaluation.task_score import TaskScoreConfig, is_about_velocity, score_task
from trainers.evaluation.terminal_tables import format_gap, format_scorecard, format_task_score, format_tour
from trainers.evaluation.tour import TourConfig, walk_tour
from trainers.policies import LoadedPolicy, load_policy, read_contract
from trainers.runs import find_checkpoint

from tqdm import tqdm

PROTOCOLS = ("scorecard", "tour", "gap", "task")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_plugin(parser)
    parser.add_argument(
        "--policy", required=True, help="ONNX, TorchScript or checkpoint; a run's name, or 'last'"
    )
    parser.add_argument("--contract", type=Path, help="contract (JSON) of a policy that carries none")
    parser.add_argument(
        "--simulators",
        nargs="+",
        help="default: mujoco; for the gap all that run here. The first is compared",
    )
    parser.add_argument(
        "--protocol",
        nargs="+",
        choices=(*PROTOCOLS, "all"),
        help="default: the scorecard, or task where that is not about velocity",
    )
    parser.add_argument(
        "--commands",
        choices=("nine", "wide"),
        default="nine",
        help="the scorecard's: nine, or fast_wide's twelve",
    )
    parser.add_argument("--json", type=Path, help="write everything that was measured to this file")
    parser.add_argument("--report", type=Path, help="folder for report.html, its figures and sim2sim.json")
    parser.add_argument("--video", action="store_true", help="record a walk for the report")
    parser.add_argument(
        "--compare", type=Path, nargs="+", default=[], help="JSON of gaps measured elsewhere, to compare with"
    )
    parser.add_argument("--rollouts", type=ROLLOUTS, default=64, help="per command; the rest scales with it")
    parser.add_argument(
        "--seconds", type=SCORED_SECONDS, default=20.0, help="of a scorecard's rollout; 3 do not count"
    )
    parser.add_argument("--seed", type=SEED, default=0)
    add_trust(parser)
    chosen = parser.parse_args()
    if chosen.video and chosen.report is None:
        parser.error("--video writes into the report's folder: name one with --report")
    if chosen.compare and not {"gap", "all"} & set(chosen.protocol or ()):
        parser.error("--compare belongs to --protocol gap")
    return chosen


@concise_errors()
def main() -> None:
    render_without_display()
    chosen = arguments()
    for name in chosen.simulators or []:
        choose_simulator(name)
    others = [walk for path in chosen.compare for walk in read_walks(path)]
    path = Path(chosen.policy) if Path(chosen.policy).is_file() else find_checkpoint(chosen.policy)
    policy = load_policy(
        path, read_contract(chosen.contract) if chosen.contract else None, trust=chosen.trust
    )
    protocols = fitting_protocols(chosen.protocol, policy.task)
    result = Result(describe_policy(path, policy.contract))
    print(f"{path}, trained on {result.policy.trained_on}\n", flush=True)

    scorecard, tour, gap = sizes(chosen.rollouts, chosen.seconds, chosen.seed)
    if chosen.commands == "wide":
        scorecard = dataclasses.replace(scorecard, commands=WIDE_COMMANDS, beyond=())
    robot = policy.robot
    scorecard, tour, gap = for_robot(scorecard, robot), for_robot(tour, robot), for_robot(gap, robot)
    simulators = chosen.simulators or ["mujoco"]
    if "task" in protocols:
        score_config = TaskScoreConfig(robots=4 * chosen.rollouts, seconds=chosen.seconds, seed=chosen.seed)
        for name in simulators:
            with progress(f"task, {name}", score_config.env_steps(policy.task)) as bar:
                score = score_task(
                    policy, policy.task, simulator=name, config=score_config, progress=bar.update
                )
            print(f"{format_task_score(score)}\n", flush=True)
            result = dataclasses.replace(result, tasks=(*result.tasks, score))
    if "scorecard" in protocols:
        for name in simulators:
            with progress(f"scorecard, {name}", scorecard.env_steps(policy.task)) as bar:
                card = make_scorecard(
                    policy, policy.task, simulator=name, config=scorecard, progress=bar.update
                )
            print(f"{format_scorecard(card)}\n", flush=True)
            result = dataclasses.replace(result, scorecards=(*result.scorecards, card))
    if "tour" in protocols:
        for name in simulators:
            with progress(f"tour, {name}", tour.env_steps(policy.task)) as bar:
                toured = walk_tour(policy, policy.task, simulator=name, config=tour, progress=bar.update)
            print(f"{format_tour(toured)}\n", flush=True)
            result = dataclasses.replace(result, tours=(*result.tours, toured))
    if "gap" in protocols:
        simulators = chosen.simulators or available_simulators()
        with progress("gap", (1 + len(simulators)) * gap.env_steps(policy.task)) as bar:
            report = compare_simulators(
                policy, policy.task, simulators, config=gap, others=others, progress=bar.update
            )
        print(f"{format_gap(report)}\n", flush=True)
        result = dataclasses.replace(result, gap=report)
    write(result, chosen, policy)


def fitting_protocols(chosen: Optional[Sequence[str]], task: TaskConfig) -> Sequence[str]:
    """Those that are asked for, or what suits the task.

    Raises:
        UserError: one was asked for by name that the task has no commands for.
    """
    fitting = PROTOCOLS if is_about_velocity(task) else ("task",)
    if chosen is None:
        return fitting[:1]
    if "all" in chosen:
        return fitting
    wrong = [name for name in chosen if name not in fitting]
    if wrong:
        raise UserError(
            f"--protocol {wrong[0]} is about velocity, and this policy is told "
            f"({', '.join(task.commands.labels)}): take --protocol task."
        )
    return chosen


def sizes(rollouts: int, seconds: float, seed: int) -> Tuple[ScorecardConfig, TourConfig, GapConfig]:
    """How much to measure, from the number of rollouts per command."""
    pushes = PushConfig(repeats=max(1, rollouts // 32), rounds=4 if rollouts >= 16 else 1)
    scorecard = ScorecardConfig(
        rollouts=rollouts,
        beyond_rollouts=max(1, rollouts // 8),
        seconds=seconds,
        pushes=pushes,
        seed=seed,
    )
    return (
        scorecard,
        TourConfig(runs=4 * rollouts, seed=seed),
        GapConfig(rollouts=max(1, rollouts // 16), seed=seed),
    )


def progress(name: str, env_steps: int) -> tqdm:
    """A bar where standard error is a terminal."""
    return tqdm(desc=name, total=env_steps, unit="step", unit_scale=True, disable=None)


def write(result: Result, chosen: argparse.Namespace, policy: LoadedPolicy) -> None:
    """The files that were asked for."""
    measured = chosen.report / "sim2sim.json" if chosen.report else None
    for file in filter(None, (chosen.json, measured)):
        write_result(file, result)
        print(f"Wrote {file}.")
    video = chosen.report / "walk.mp4" if chosen.video else None
    if video:
        from trainers.evaluation.video import filmed_command, record

        env = evaluation_env(policy.task, num_envs=1, seconds=10.0, robot=policy.robot)
        record(env, policy, 10.0, video, command=filmed_command(policy.task), seed=chosen.seed)
        env.close()
        print(f"Wrote {video}.")
    if measured:
        from trainers.evaluation.report import write_report

        page, *pictures = write_report(read_result(measured), chosen.report, video=video)
        print(f"Wrote {page} and {len(pictures)} pictures.")


if __name__ == "__main__":
    main()
