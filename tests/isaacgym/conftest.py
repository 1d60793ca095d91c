"""Every test here finds the stand-in under the name `isaacgym`."""

from __future__ import annotations

from typing import Iterator

import pytest

from tests.isaacgym.standin import standin

mujoco = pytest.importorskip("mujoco")


@pytest.fixture(scope="module", autouse=True)
def isaacgym() -> Iterator[None]:
    # The stand-in's MuJoCo would leave a log of what diverges in the working folder.
    mujoco.set_mju_user_warning(lambda message: None)
    with standin():
        yield
    mujoco.set_mju_user_warning(None)
