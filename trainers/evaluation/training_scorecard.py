"""A small scorecard of the policy from time to time while it is trained."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Dict, Union

from humanoid_envs.mdp.measures import for_robot
from humanoid_envs.tasks import AnyConfig, preset
from trainers.evaluation.pushes import PushConfig
from trainers.evaluation.result_file import PolicyInfo, Result, write_result
from trainers.evaluation.scorecard import Scorecard, ScorecardConfig, make_scorecard
from trainers.evaluation.step_response import StepConfig
from trainers.evaluation.task_score import TaskScoreConfig, is_about_velocity, score_task, summarize_task
from trainers.export import contract_of
from trainers.given_configs import Given, config_of
from trainers.policies import policy_of
from trainers.ppo import PPO, Every

SMALL = ScorecardConfig(
    beyond=(), rollouts=8, seconds=10.0, pushes=PushConfig(repeats=1, rounds=1), steps=StepConfig(robots=1)
)
"""Nine commands with 8 rollouts of 10 s each, 72 pushes of 1 m/s, six changes of command: 107,000 env-steps
instead of the 1.5 million of a whole scorecard."""

SMALL_TASK = TaskScoreConfig(robots=50, seconds=20.0)
"""Of tasks that are not about velocity: 100,000 env-steps."""


class ScorecardCallback:
    """Adds the headline of a scorecard in C MuJoCo at 1 ms to `ppo.metrics`, and writes the whole of it as
    `update_000200.json`, of which `python -m trainers.evaluation.report` makes a page. Of a task that is not
    about velocity it is the task's own score."""

    def __init__(
        self,
        task: AnyConfig,
        directory: Union[str, Path],
        every: Every,
        config: Given[ScorecardConfig] = SMALL,
    ) -> None:
        """task: what the policy is trained on. config: in XBot-L's numbers, to which other robots' are in
        proportion."""
        self._task, self._config = preset(task), config_of(ScorecardConfig, config)
        self._directory, self._every = Path(directory), every

    def __call__(self, ppo: PPO) -> None:
        if not self._every(ppo):
            return
        name = f"update_{ppo.num_updates:06d}"
        result = Result(PolicyInfo(name, None, contract_of(ppo)))
        policy = policy_of(ppo, self._task)
        if is_about_velocity(self._task):
            config = for_robot(self._config, policy.robot)
            card = make_scorecard(policy, self._task, config=config)
            numbers, result = headline(card), dataclasses.replace(result, scorecards=(card,))
        else:
            score = score_task(policy, self._task, config=SMALL_TASK)
            numbers, result = summarize_task(score), dataclasses.replace(result, tasks=(score,))
        ppo.metrics.update(numbers)
        write_result(self._directory / f"{name}.json", result)


def headline(card: Scorecard) -> Dict[str, float]:
    """The scorecard as few numbers, by the names of their TensorBoard curves; docs/sim2sim.md defines them.
    Those without a value, such as the drift of a policy that always falls, are left out."""
    overall = card.overall
    errors = [
        abs(axis.value)
        for result in card.commands
        if not result.beyond
        for axis in vars(result.metrics.error).values()
        if axis.value is not None
    ]
    numbers = {
        "survived": overall.survived.value,
        "worst_velocity_error": max(errors, default=None),
        "drift": overall.drift.value,
        "torque": overall.torque.value,
        "cost_of_transport": overall.cost_of_transport.value,
        "action_rate": overall.action_rate.value,
        "slip": overall.slip.value,
        "push_survival": card.pushes.survived.value,
        "commands_met": sum(result.training_goal for result in card.commands if not result.beyond),
        "shipping_goal_lacks": len(card.shipping_goal),
    }
    return {f"scorecard/{name}": float(value) for name, value in numbers.items() if value is not None}
