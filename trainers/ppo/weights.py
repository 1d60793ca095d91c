"""Loading weights and optimizer state into a trainer: all of them, or a UserError before anything changes."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from torch import Tensor

from humanoid_envs.errors import UserError
from trainers.ppo.config import PPOConfig
from trainers.ppo.learner import Learner
from trainers.ppo.policy import Policy


def load_parameters(
    policy: Policy, learner: Learner, parameters: Dict[str, Any], source: str, exact_match: bool = True
) -> None:
    """Load the state dicts `parameters["policy"]` and `parameters["learner"]`.

    source: where they come from, for messages. exact_match: see `PPO.set_parameters`.
    Raises ValueError, before anything changes, for missing or unknown names and other shapes.
    """
    weights, state = parameters.get("policy"), parameters.get("learner")
    if exact_match and (weights is None or state is None):
        missing = "policy" if weights is None else "learner"
        raise UserError(f"{source}: {missing!r} is missing; exact_match=False leaves it as it is.")
    if weights is not None:
        _require_same_weights(policy.state_dict(), weights, source, exact_match)
    if state is not None:
        _require_same_moments(learner, state, source)
    if weights is not None:
        policy.load_state_dict(weights, strict=exact_match)
    if state is not None:
        learner.load_state_dict(state)


def require_same_networks(config: PPOConfig, saved: PPOConfig, source: str) -> None:
    """Raise ValueError, naming the first difference, unless both configs make the same networks."""
    for name in (
        "policy",
        "actor_hidden",
        "critic_hidden",
        "activation",
        "symmetry",
        "normalize_observations",
    ):
        if getattr(config, name) != getattr(saved, name):
            raise UserError(
                f"{source} holds other networks: its {name} is {getattr(saved, name)}, the given config's is "
                f"{getattr(config, name)}."
            )


def require_finite(weights: Mapping[str, Tensor], source: str) -> None:
    """Raise UserError, naming them, if there are weights with NaN or infinite entries. source: the beginning
    of the message."""
    broken = [name for name, weight in weights.items() if not bool(weight.isfinite().all())]
    if broken:
        what = f"the weight {broken[0]} is" if len(broken) == 1 else f"the weights {', '.join(broken)} are"
        raise UserError(f"{source}: {what} not finite.")


def _require_same_weights(
    own: Dict[str, Tensor], given: Dict[str, Tensor], source: str, exact_match: bool
) -> None:
    missing = sorted(own.keys() - given.keys()) if exact_match else []
    unknown = sorted(given.keys() - own.keys()) if exact_match else []
    if missing or unknown:
        what = f"weight {missing[0]!r} is missing" if missing else f"weight {unknown[0]!r} is unknown"
        raise UserError(f"{source}: {what}; it is of other networks.")
    for name in own:
        if name in given:
            _require_same_shape(f"weight {name!r}", own[name], given[name], source)


def _require_same_moments(learner: Learner, state: Dict[str, Any], source: str) -> None:
    parameters = learner.optimizer.param_groups[0]["params"]
    for index, moments in state["optimizer"].items():
        if index >= len(parameters):
            raise UserError(
                f"{source} have Adam's moments of {index + 1} weights or more, not {len(parameters)}."
            )
        for name in ("exp_avg", "exp_avg_sq"):
            _require_same_shape(f"Adam's moment of weight {index}", parameters[index], moments[name], source)


def _require_same_shape(what: str, own: Tensor, given: Tensor, source: str) -> None:
    if own.shape != given.shape:
        raise UserError(
            f"{source} are of other networks: {what} has shape {tuple(given.shape)}, "
            f"this policy's has {tuple(own.shape)}."
        )
