"""Evaluation of policies: falls, tracking errors, pushes, gait, and the gap between simulators."""

from trainers.evaluation.command_scores import (
    NINE_COMMANDS,
    CommandScore,
    evaluate_commands,
    format_scores,
    summarize,
)
from trainers.evaluation.env import evaluation_env
from trainers.evaluation.gap import GapConfig, compare_simulators
from trainers.evaluation.scorecard import ScorecardConfig, make_scorecard
from trainers.evaluation.tour import TourConfig, walk_tour

__all__ = [
    "NINE_COMMANDS",
    "CommandScore",
    "GapConfig",
    "ScorecardConfig",
    "TourConfig",
    "compare_simulators",
    "evaluate_commands",
    "evaluation_env",
    "format_scores",
    "make_scorecard",
    "summarize",
    "walk_tour",
]
