"""Terms that tasks are made of."""

from humanoid_envs.mdp.commands import Commands, CommandTerm
from humanoid_envs.mdp.curricula import Curricula, CurriculumTerm, Episodes
from humanoid_envs.mdp.events import EventTerm, ParameterTerm, PushTerm, Randomization, Start, StartTerm
from humanoid_envs.mdp.gait import Gait, GaitReading
from humanoid_envs.mdp.live import LIVE
from humanoid_envs.mdp.observations import Frame, Observations, ObservationTerm
from humanoid_envs.mdp.rewards import Rewards, RewardTerm
from humanoid_envs.mdp.step import Step
from humanoid_envs.mdp.terminations import Terminations, TerminationTerm
from humanoid_envs.mdp.terms import Term

__all__ = [
    "LIVE",
    "CommandTerm",
    "Commands",
    "Curricula",
    "CurriculumTerm",
    "Episodes",
    "EventTerm",
    "Frame",
    "Gait",
    "GaitReading",
    "ObservationTerm",
    "Observations",
    "ParameterTerm",
    "PushTerm",
    "Randomization",
    "RewardTerm",
    "Rewards",
    "Start",
    "StartTerm",
    "Step",
    "Term",
    "TerminationTerm",
    "Terminations",
]
