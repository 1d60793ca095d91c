"""Numbers about a policy: does it walk, how fast, how well."""

from trainers.evaluation.walk import (
    NINE_COMMANDS,
    CommandScore,
    evaluate_commands,
    evaluation_env,
    format_scores,
)

__all__ = ["NINE_COMMANDS", "CommandScore", "evaluate_commands", "evaluation_env", "format_scores"]
