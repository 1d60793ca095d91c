"""Fixtures for all tests."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # One of several processes that have a core each. Read when torch is first imported, also in the programs
    # that tests start.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
if sys.platform == "linux" and not os.environ.get("DISPLAY"):
    os.environ.setdefault("MUJOCO_GL", "egl")  # read when mujoco is first imported


@pytest.hookimpl(hookwrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> Iterator[None]:
    """Of `-n auto`: as many as there are cores, but eight at most, for which most machines have the memory,
    and none if the output is to be seen."""
    outcome: Any = yield
    outcome.force_result(0 if config.option.capture == "no" else min(outcome.get_result(), 8))


@pytest.fixture(scope="session", autouse=True)
def heard_signals() -> None:
    """Under nohup, or in the background of a script, a process ignores signals, and so do the programs that
    tests start and then signal."""
    for name, heard in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, heard)


@pytest.fixture(scope="session")
def opengl() -> None:
    """For tests that render: skips them where no OpenGL context can be made."""
    mujoco = pytest.importorskip("mujoco")
    try:
        mujoco.Renderer(mujoco.MjModel.from_xml_string("<mujoco/>"), 16, 16).close()
    except Exception as error:  # the OpenGL back ends raise types of their own
        pytest.skip(f"no OpenGL context can be made here: {error}")


@pytest.fixture(scope="session", autouse=True)
def user_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the user's data, so that tests leave the real one alone."""
    folder = tmp_path_factory.mktemp("user_data")
    os.environ["XDG_DATA_HOME"] = str(folder)
    return folder
