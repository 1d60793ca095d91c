"""Compiling MuJoCo Warp's kernels on several cores."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Tuple

import mujoco_warp as mjw
import warp as wp

_log = logging.getLogger(__name__)

_Part = Callable[[mjw.Model, mjw.Data], None]


def compile_step(model: mjw.Model, make_data: Callable[[], mjw.Data], own_kernels: Any) -> None:
    """Compile and load what `mjw.step`, `mjw.set_const` and the module `own_kernels` need on Warp's device.

    Warp compiles a kernel when it is first launched: those of a step, one after the other. Here the parts of
    a step are launched side by side, each on data of its own. What this machine has in Warp's cache is only
    loaded.

    model: of as many envs as the data, for `set_const` goes over its rows and reads as many of theirs. The
    constants that it derives are spoilt.
    """
    device = wp.get_device()
    parts: Tuple[_Part, ...] = (
        _kinematics,
        _constraints,
        mjw.fwd_velocity,
        _forces,
        mjw.solve,
        mjw.implicit if model.opt.integrator == mjw.IntegratorType.IMPLICITFAST else mjw.euler,
        _set_const,
    )
    data = [make_data() for _ in parts]
    with ThreadPoolExecutor(len(parts) + 1) as pool:
        done = [pool.submit(part, model, each) for part, each in zip(parts, data)]
        done.append(pool.submit(wp.load_module, own_kernels, device))
        for problem in filter(None, [each.exception() for each in done]):
            # A kernel that cannot be compiled raises again at its first launch, where it is wanted.
            _log.warning("Compiling a part of the step beforehand failed: %r", problem)


def _kinematics(model: mjw.Model, data: mjw.Data) -> None:
    mjw.fwd_kinematics(model, data)
    mjw.crb(model, data)
    mjw.transmission(model, data)


def _constraints(model: mjw.Model, data: mjw.Data) -> None:
    mjw.collision(model, data)
    mjw.make_constraint(model, data)


def _forces(model: mjw.Model, data: mjw.Data) -> None:
    mjw.fwd_actuation(model, data)
    mjw.fwd_acceleration(model, data, factorize=True)


def _set_const(model: mjw.Model, data: mjw.Data) -> None:
    mjw.set_const(model, data, restore=False)
