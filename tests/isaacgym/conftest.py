"""Every test here finds the stand-in under the name `isaacgym`."""

from __future__ import annotations

from typing import Iterator

import pytest

from tests.isaacgym.standin import standin

pytest.importorskip("mujoco")


@pytest.fixture(scope="module", autouse=True)
def isaacgym() -> Iterator[None]:
    with standin():
        yield
