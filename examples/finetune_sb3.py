"""Take a policy that was trained on a GPU, and train it further with Stable-Baselines3 on a few CPU cores.

    python examples/finetune_sb3.py                                  # the policy that comes with the project
    python examples/finetune_sb3.py runs/mine/checkpoints/last.pt --total-timesteps 1000000
    python examples/play.py runs/finetuned/policy.pt

The new domain: a payload of 30 to 40 kg, smooth soles, and commands twice as fast. Nine commands in C MuJoCo
at 1 ms show what the policy gains there, and whether it still does what it could.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Dict, List

import humanoid_envs  # noqa: F401  before torch
from humanoid_envs.assets import asset_path
from humanoid_envs.programs import example_command
from humanoid_envs.tasks import TaskConfig
from trainers.command_line import add_plugin, concise_errors
from trainers.evaluation import NINE_COMMANDS, CommandScore, evaluate_commands, format_scores, summarize
from trainers.evaluation.env import NOMINAL, DomainRandomization
from trainers.export import robot_of, task_of
from trainers.policies import LoadedPolicy
from trainers.ppo import PPO
from trainers.runs import Run, naming_what_stays, refuse_to_overwrite
from trainers.sb3 import (
    EpisodeTermsCallback,
    HumanoidVecEnv,
    InterruptionCallback,
    SaveCallback,
    as_policy,
    from_ppo,
    run_logger,
    save_model,
    to_ppo,
)
from trainers.signals import Interruption

import gymnasium
import torch

NEW_ROBOTS = DomainRandomization(foot_friction=(0.0, 0.2), added_mass=(30.0, 40.0))
TRAINED_ROBOTS = DomainRandomization(foot_friction=(0.0, 1.0), added_mass=(0.0, 40.0))
"""From the old domain to the new one: a policy that only sees the new one forgets the old."""
STD = 0.15
"""Of the actions at the start; that from the end of the policy's training explores too little."""
NEW_COMMANDS = tuple((2.0 * vx, 2.0 * vy, 2.0 * yaw_rate) for vx, vy, yaw_rate in NINE_COMMANDS)


def new_domain(task: TaskConfig) -> TaskConfig:
    """The task with more kinds of robots and commands."""
    return task.replace(
        {
            "commands.velocity.lin_vel_x": (-0.6, 1.2),
            "commands.velocity.lin_vel_y": (-0.6, 0.6),
            "commands.velocity.yaw_rate": (-0.6, 0.6),
            "randomization.foot_friction.range": TRAINED_ROBOTS.foot_friction,
            "randomization.added_mass.range": TRAINED_ROBOTS.added_mass,
        }
    )


def learning_rate(remaining: float) -> float:
    """Rises at first, since a fresh Adam's first steps are its largest, then falls to zero."""
    return 1e-4 * min(20.0 * (1.0 - remaining) + 0.05, remaining)


@concise_errors()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_plugin(parser)
    parser.add_argument("policy", nargs="?", default=asset_path("xbot_l/policies/walk.pt"), type=Path)
    parser.add_argument("--total-timesteps", type=int, default=1_200_000, help="env-steps; default 1,200,000")
    parser.add_argument("--num-envs", type=int, default=128, help="robots; default 128")
    parser.add_argument("--episodes", type=int, default=4, help="of each command in an evaluation")
    parser.add_argument("--seconds", type=float, default=8.0, help="duration of these episodes")
    parser.add_argument("--run-name", default="finetuned", help="folder below runs/")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()

    run = Run.named(chosen.run_name)
    with Interruption() as interruption, run.claim():
        for name in ("model.zip", "policy.pt"):
            refuse_to_overwrite(run.directory / name, chosen.policy)
        finetune(chosen, run, interruption)


def finetune(chosen: argparse.Namespace, run: Run, interruption: Interruption) -> None:
    ppo = PPO.load(chosen.policy, device="cpu")
    old = task_of(ppo)
    new = new_domain(old)

    def evaluate(policy: LoadedPolicy, when: str) -> Dict[str, List[CommandScore]]:
        length = {"episodes": chosen.episodes, "seconds": chosen.seconds}
        scores = {
            "new": evaluate_commands(policy, NEW_COMMANDS, config=new, randomization=NEW_ROBOTS, **length),
            "old": evaluate_commands(policy, NINE_COMMANDS, config=old, randomization=NOMINAL, **length),
        }
        for domain, table in scores.items():
            print(f"\nThe {domain} domain {when}:\n{format_scores(table)}", flush=True)
        return scores

    env = gymnasium.make_vec(
        "HumanoidXBotL-MuJoCo-v0",
        num_envs=chosen.num_envs,
        config=new,
        robot=robot_of(ppo),
        dict_obs=True,
        stagger_episodes=True,
    )
    steps = 64
    model = from_ppo(
        ppo,
        HumanoidVecEnv(env),
        n_steps=steps,
        batch_size=steps * chosen.num_envs // 2,  # a good policy is easily spoilt by noisy gradients
        n_epochs=3,
        learning_rate=learning_rate,
        target_kl=0.02,
        seed=chosen.seed,
        device="cpu",
        verbose=1,
    )
    model.set_logger(run_logger(run.directory))
    before = evaluate(as_policy(model), "before")
    with torch.no_grad():
        model.policy.log_std.fill_(math.log(STD))
    model_file, policy_file = (run.directory / name for name in ("model.zip", "policy.pt"))
    callbacks = [InterruptionCallback(interruption), EpisodeTermsCallback(), SaveCallback(model_file)]
    with interruption.saving(), naming_what_stays(model_file):
        model.learn(chosen.total_timesteps, callback=callbacks, log_interval=10)
        save_model(model, model_file)
        to_ppo(model).save(policy_file)
    interruption.farewell = lambda: f"Stopped. Go on with: {example_command('finetune_sb3.py', policy_file)}"
    if interruption.came:
        env.close()
        return
    after = evaluate(as_policy(model), "after")

    print("\n  domain          commands met      falls   worst error, m/s or rad/s       return")
    for domain, scores in before.items():
        print(f"  {domain:4s} before   {_row(scores)}\n  {domain:4s} after    {_row(after[domain])}")
    env.close()
    print(f"\nWrote {model_file} for Stable-Baselines3, {policy_file} for all else here.")


def _row(scores: List[CommandScore]) -> str:
    summary = summarize(scores)
    met = f"{sum(score.met for score in scores)}/{len(scores)}"
    falls = f"{summary['evaluation/falls']:.0f}/{sum(score.episodes for score in scores)}"
    error, total = summary.get("evaluation/worst_tracking_error"), summary["evaluation/return"]
    shown = "all fell" if error is None else f"{error:.3f}"
    return f"{met:>11s} {falls:>10s} {shown:>29s} {total:12.2f}"


if __name__ == "__main__":
    main()
