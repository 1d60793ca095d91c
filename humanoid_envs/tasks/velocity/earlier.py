"""Plain values of the task's config as earlier versions wrote them."""

from __future__ import annotations

from typing import Any, Dict, Mapping

_PARAMETERS = {
    "tracking_sharpness": ("rewards.tracking_lin_vel.sharpness", "rewards.tracking_ang_vel.sharpness"),
    "mean_tracking_width": ("rewards.mean_tracking_lin_vel.width", "rewards.mean_tracking_ang_vel.width"),
    "mean_tracking_time": ("commands.averaging_time",),
    "default_joint_sharpness": ("rewards.default_joint_pos.sharpness",),
    "default_joint_dead_band": ("rewards.default_joint_pos.dead_band",),
    "base_height_sharpness": ("rewards.base_height.sharpness",),
    "base_height": ("rewards.base_height.target",),
    "sole_height": ("feet.sole_height",),
    "clearance": ("rewards.feet_clearance.target",),
    "clearance_tolerance": ("rewards.feet_clearance.tolerance",),
    "swing_peak": ("rewards.swing_height.peak",),
    "swing_width": ("rewards.swing_height.width",),
    "min_distance": ("rewards.feet_distance.least", "rewards.knee_distance.least"),
    "max_feet_distance": ("rewards.feet_distance.most",),
    "max_knee_distance": ("rewards.knee_distance.most",),
    "contact_force": ("feet.contact_force",),
    "max_contact_force": ("rewards.feet_contact_forces.free",),
    "max_air_time": ("rewards.feet_air_time.longest",),
}
"""Where the parameters of the reward terms are now that were fields of `rewards`."""


def with_terms(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values with a reward term in each field of `rewards`, where those have weights in `scales`."""
    old = values.get("rewards")
    if not isinstance(old, Mapping) or not ("scales" in old or any(_is_old(*item) for item in old.items())):
        return values
    new: Dict[str, Any] = {**values, "rewards": {}}
    scales = old.get("scales", {})
    if not isinstance(scales, Mapping):
        return values  # which says what is wrong
    for name, weight in scales.items():
        _put(new, f"rewards.{name}.weight", weight)
    for name, value in old.items():
        if _is_old(name, value):
            for place in _PARAMETERS[name]:
                _put(new, place, value)
        elif name != "scales":
            new["rewards"][name] = value
    return new


def _is_old(name: str, value: Any) -> bool:
    return name in _PARAMETERS and not isinstance(value, Mapping)  # base_height is a term, too


def _put(values: Dict[str, Any], place: str, value: Any) -> None:
    """Set a value by its name with dots, in copies of the mappings on the way. What is no mapping there
    stays, to be refused for what it is."""
    first, dot, rest = place.partition(".")
    if not dot:
        values[first] = value
        return
    inner = values.get(first, {})
    if isinstance(inner, Mapping):
        values[first] = {**inner}
        _put(values[first], rest, value)
