"""Terms that tasks are made of."""

from humanoid_envs.mdp.gait import Gait, GaitReading
from humanoid_envs.mdp.rewards import Rewards
from humanoid_envs.mdp.step import Step
from humanoid_envs.mdp.terms import RewardTerm, Term

__all__ = ["Gait", "GaitReading", "RewardTerm", "Rewards", "Step", "Term"]
