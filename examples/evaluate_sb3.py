"""Numbers about a model of Stable-Baselines3, of any algorithm: the same as examples/sim2sim.py's.

    python examples/evaluate_sb3.py runs/sb3_tqc/model.zip                        # nine commands, quickly
    python examples/evaluate_sb3.py runs/sb3_tqc/model.zip --protocol scorecard tour --rollouts 16
    python examples/evaluate_sb3.py mine.zip --algorithm stable_baselines3.SAC --task v0

A model of examples/train_sb3.py, or any after trainers.sb3.describe(model), says what it was trained on; of
others name algorithm and task. Models, and statistics of VecNormalize, hold code that runs when they are
loaded: those that your own runs did not write (examples/train_sb3.py, trainers.sb3.save_model) want --trust.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import humanoid_envs  # noqa: F401  before torch
from humanoid_envs.mdp.measures import for_robot
from humanoid_envs.robots import XBOT_L
from humanoid_envs.tasks import preset
from trainers.command_line import ROLLOUTS, SCORED_SECONDS, SEED, add_plugin, concise_errors
from trainers.evaluation import evaluate_commands, format_scores, summarize
from trainers.evaluation.scorecard import ScorecardConfig, make_scorecard
from trainers.evaluation.terminal_tables import format_scorecard, format_tour
from trainers.evaluation.tour import TourConfig, walk_tour
from trainers.sb3 import as_policy, load_model
from trainers.sb3.model_files import find_algorithm
from trainers.sb3.wrappers import load_normalization


@concise_errors()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_plugin(parser)
    parser.add_argument("model", type=Path)
    parser.add_argument("--algorithm", help="its class, such as sb3_contrib.TQC, if the model does not say")
    parser.add_argument("--task", help="a preset of the task, if the model does not say")
    parser.add_argument("--robot", default=XBOT_L.name, help="with --task: the name of the robot")
    parser.add_argument(
        "--vec-normalize",
        type=Path,
        help="file of VecNormalize.save, if the model does not carry its statistics",
    )
    parser.add_argument("--trust", action="store_true", help="load what others made, though it runs code")
    parser.add_argument(
        "--protocol", nargs="+", default=["commands"], choices=["commands", "scorecard", "tour"]
    )
    parser.add_argument("--simulator", default="mujoco", help="of scorecard and tour")
    parser.add_argument("--rollouts", type=ROLLOUTS, default=16, help="per command")
    parser.add_argument("--seconds", type=SCORED_SECONDS, default=10.0, help="duration of a rollout")
    parser.add_argument("--seed", type=SEED, default=0)
    chosen = parser.parse_args()

    algorithm = None if chosen.algorithm is None else find_algorithm(chosen.algorithm, "--algorithm")
    model = load_model(chosen.model, algorithm=algorithm, trust=chosen.trust, device="cpu")
    statistics = None
    if chosen.vec_normalize is not None:
        statistics = load_normalization(chosen.vec_normalize, trust=chosen.trust)
    task = None if chosen.task is None else preset(chosen.task, chosen.robot)
    policy = as_policy(model, task, statistics, chosen.robot)
    print(f"{chosen.model}: {type(model).__name__} after {model.num_timesteps:,} env-steps\n", flush=True)

    if "commands" in chosen.protocol:
        scores = evaluate_commands(
            policy, config=policy.task, episodes=chosen.rollouts, seconds=chosen.seconds, seed=chosen.seed
        )
        rate = summarize(scores)["evaluation/fall_rate"]
        print(f"{format_scores(scores)}\n  fall rate {100 * rate:.0f} %\n", flush=True)
    if "scorecard" in chosen.protocol:
        config = ScorecardConfig(
            rollouts=chosen.rollouts,
            beyond_rollouts=max(1, chosen.rollouts // 8),
            seconds=chosen.seconds,
            seed=chosen.seed,
        )
        card = make_scorecard(
            policy, policy.task, simulator=chosen.simulator, config=for_robot(config, policy.robot)
        )
        print(f"{format_scorecard(card)}\n", flush=True)
    if "tour" in chosen.protocol:
        tour = TourConfig(runs=4 * chosen.rollouts, seed=chosen.seed)
        tour = for_robot(tour, policy.robot)
        print(format_tour(walk_tour(policy, policy.task, simulator=chosen.simulator, config=tour)))


if __name__ == "__main__":
    main()
