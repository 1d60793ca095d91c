"""Plain values of the task's config as earlier versions wrote them."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Tuple

_REWARDS = {
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

_COMMANDS = {
    name: (f"commands.velocity.{name}",)
    for name in (
        "lin_vel_x", "lin_vel_y", "yaw_rate", "heading", "heading_mode", "heading_gain",
        "max_heading_yaw_rate", "min_speed", "standing_share", "single_axis_share",
    )
}  # fmt: skip

_OBSERVATIONS = {
    "history": ("observations.policy.history",),
    "privileged_history": ("observations.critic.history",),
    "lin_vel_scale": (
        "observations.policy.command_lin_vel.scale",
        "observations.critic.command_lin_vel.scale",
        "observations.critic.base_lin_vel.scale",
    ),
    "joint_vel_scale": ("observations.policy.joint_vel.scale", "observations.critic.joint_vel.scale"),
    "mass_scale": ("observations.critic.base_mass.scale",),
    "joint_pos_noise": ("observations.policy.joint_pos.noise",),
    "joint_vel_noise": ("observations.policy.joint_vel.noise",),
    "ang_vel_noise": ("observations.policy.base_ang_vel.noise",),
    "euler_noise": ("observations.policy.euler.noise",),
}
_TRACKING_CRITIC = "humanoid_envs.tasks.velocity.config.TrackingCriticFrame"
_TRACKING_SCALE = tuple(
    f"observations.critic.{name}.scale" for name in ("mean_velocity_error", "base_height", "foot_height")
)

_TERMINATIONS = {
    "base_contact_force": ("terminations.base_contact.force",),
    "min_base_height": ("terminations.low_base.height",),
    "max_tilt": ("terminations.tilt.angle",),
}

_RANDOMIZATION = {
    "foot_friction": ("randomization.foot_friction.range",),
    "added_mass": ("randomization.added_mass.range",),
    "gains": ("randomization.gains.share",),
    "start_joint_pos": ("randomization.start_joint_pos.angle",),
    "start_yaw": ("randomization.start_yaw.angle",),
    "start_phase": ("randomization.start_phase.on",),
    "push_period": ("randomization.push.period",),
    "push_lin_vel": ("randomization.push.lin_vel",),
    "push_ang_vel": ("randomization.push.ang_vel",),
    "push_adds": ("randomization.push.adds",),
}

_MOVED: Dict[str, Mapping[str, Tuple[str, ...]]] = {
    "rewards": _REWARDS,
    "commands": _COMMANDS,
    "observations": _OBSERVATIONS,
    "terminations": _TERMINATIONS,
    "randomization": _RANDOMIZATION,
}
"""By the old group and field, the new places of a value that was no mapping."""


def with_terms(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values as terms have them, where they are of a time in which groups had all numbers themselves."""
    new: Dict[str, Any] = {**values}
    for group in _MOVED:
        old = values.get(group)
        if isinstance(old, Mapping):
            new[group] = {name: value for name, value in old.items() if not _is_old(group, name, value)}
    for group in _MOVED:
        old = values.get(group)
        if isinstance(old, Mapping):
            _move(new, group, old)
    return new


def _move(new: Dict[str, Any], group: str, old: Mapping[str, Any]) -> None:
    if old.get("privileged_tracking") is True:
        _put(new, "observations.critic.class", _TRACKING_CRITIC)
    for name, value in old.items():
        if not _is_old(group, name, value):
            continue
        if name == "scales":
            for term, weight in value.items():
                _put(new, f"rewards.{term}.weight", weight)
        elif name == "tracking_scale" and old.get("privileged_tracking") is True:
            for place in _TRACKING_SCALE:
                _put(new, place, value)
        for place in _MOVED[group].get(name, ()):
            _put(new, place, value)


def _is_old(group: str, name: str, value: Any) -> bool:
    """Whether it is a field that is elsewhere now; terms that are called the same are mappings."""
    if group == "rewards" and name == "scales":
        return isinstance(value, Mapping)
    if group == "observations" and name in ("privileged_tracking", "tracking_scale"):
        return isinstance(value, (bool, int, float))
    return name in _MOVED[group] and not isinstance(value, Mapping)


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
