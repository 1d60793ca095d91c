"""Fixtures for the trainer's tests."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture
def two_gpus() -> None:
    """Skips where there are not two CUDA devices."""
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two CUDA devices")
