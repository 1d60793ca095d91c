"""What cannot be right, or is not supported, in a robot's model."""

from __future__ import annotations

import mujoco
import numpy as np

from humanoid_envs.errors import UserError
from humanoid_envs.robots.legs import Legs

_LONGEST, _SHORTEST = 3.0, 0.05
"""m of base above the soles."""
_DENSEST, _LIGHTEST = 5000.0, 5.0
"""kg over the cube of that height, m³: 40 to 180 of the humanoids in use."""
_LOPSIDED = 0.25


def require_serial(spec: mujoco.MjSpec) -> None:
    """UserError for links that close a chain and for couplings of joints."""
    for equality in spec.equalities:
        kind = equality.type
        if kind in (mujoco.mjtEq.mjEQ_CONNECT, mujoco.mjtEq.mjEQ_WELD):
            raise UserError(
                f"An equality ties {equality.name1!r} to {equality.name2 or 'the world'!r}: closed chains, "
                "such as the legs of Cassie and Digit, are not supported, as their motors are not the joints "
                "that a policy sees, and their passive springs have no gains. Take a model whose legs are "
                "serial."
            )
        if kind == mujoco.mjtEq.mjEQ_JOINT:
            raise UserError(
                f"An equality couples joint {equality.name1!r} to {equality.name2!r}: coupled joints are not "
                "supported. Remove the equality, or the joint that follows."
            )


def require_plausible(model: mujoco.MjModel, legs: Legs) -> None:
    """UserError for lengths, masses and shapes that are no humanoid's, most of them for wrong units."""
    _require_size(model, legs)
    _require_mass(model, legs)
    _require_rigid_legs(model, legs)
    for foot in legs.feet:
        geoms = np.flatnonzero(model.body_weldid[model.geom_bodyid] == foot)
        if not (model.geom_contype[geoms] | model.geom_conaffinity[geoms]).any():
            has = "only geoms that touch nothing" if len(geoms) else "no geom"
            raise UserError(
                f"The foot {model.body(foot).name!r} has {has}: give it collision geometry, a box or "
                "spheres, with its lowest points where the sole is."
            )


def _require_size(model: mujoco.MjModel, legs: Legs) -> None:
    if not _SHORTEST < legs.height < _LONGEST:
        unit = (
            "millimetres"
            if legs.height > 100.0
            else "centimetres"
            if legs.height > _LONGEST
            else "km or inches"
        )
        raise UserError(
            f"The base {model.body(legs.base).name!r} is {legs.height:.4g} m above the soles. Is the model "
            f"in {unit}? Write metres, in meshes by their scale."
        )


def _require_mass(model: mujoco.MjModel, legs: Legs) -> None:
    mass = float(model.body_subtreemass[legs.base])
    density = mass / legs.height**3
    if not _LIGHTEST < density < _DENSEST:
        unit = "grams" if density > _DENSEST else "tonnes"
        raise UserError(
            f"The robot has a mass of {mass:.4g} kg, with its base {legs.height:.2f} m above the soles. Are "
            f"masses in {unit}, or is one wrong? Write kg."
        )
    firsts = [int(model.jnt_bodyid[joints[0]]) for joints in legs.joints]
    left, right = (float(model.body_subtreemass[body]) for body in firsts)
    if abs(left - right) > _LOPSIDED * max(left, right):
        raise UserError(
            f"The left leg has a mass of {left:.2f} kg, the right one {right:.2f} kg: look for a wrong mass "
            f"in {_most_unlike(model, legs)}."
        )
    _require_inertias(model, legs, mass)


def _most_unlike(model: mujoco.MjModel, legs: Legs) -> str:
    pairs = [tuple(int(model.jnt_bodyid[joint]) for joint in pair) for pair in zip(*legs.joints)]
    one, other = max(pairs, key=lambda pair: abs(float(model.body_mass[pair[0]] - model.body_mass[pair[1]])))
    return (
        f"{model.body(one).name!r} ({model.body_mass[one]:.3g} kg) or {model.body(other).name!r} "
        f"({model.body_mass[other]:.3g} kg)"
    )


def _require_inertias(model: mujoco.MjModel, legs: Legs, mass: float) -> None:
    """Radii of gyration, √(I/m), between 1 mm and the height of the base, of links above 1 % of the mass."""
    for body in range(1, model.nbody):
        if model.body_mass[body] < 0.01 * mass:
            continue
        radii = np.sqrt(model.body_inertia[body] / model.body_mass[body])
        if radii.min() < 1e-3 or radii.max() > legs.height:
            raise UserError(
                f"Body {model.body(body).name!r} of {model.body_mass[body]:.3g} kg has moments of inertia "
                f"{', '.join(f'{moment:.3g}' for moment in model.body_inertia[body])}, those of a body of "
                f"{radii.max() if radii.max() > legs.height else radii.min():.2g} m: write kg·m²."
            )


def _require_rigid_legs(model: mujoco.MjModel, legs: Legs) -> None:
    driven = set(model.actuator_trnid[:, 0].tolist())
    for joint in legs.all_joints:
        stiffness = np.ravel(model.jnt_stiffness[joint])[0]
        if stiffness > 0.0 and joint not in driven:
            raise UserError(
                f"Joint {model.joint(joint).name!r} of a leg is a spring without a motor: such legs, as "
                "Cassie's and Digit's, are not supported, as a policy would have to move it. Make it rigid, "
                "or give it a motor."
            )
