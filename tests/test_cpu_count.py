"""Only the cores that this process may use count."""

from __future__ import annotations

import os

import pytest

from humanoid_envs.cpu_count import available_cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux's scheduler calls")
def test_counts_the_cores_left_to_the_process() -> None:
    all_cores = os.sched_getaffinity(0)
    assert available_cores() == len(all_cores)
    os.sched_setaffinity(0, {min(all_cores)})
    try:
        assert available_cores() == 1
    finally:
        os.sched_setaffinity(0, all_cores)
