"""What the tests of examples/run_policy.py share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.examples.run_policy import Stand, export, run_policy_module


@pytest.fixture(scope="module")
def script() -> Any:
    return run_policy_module()


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(Stand(), tmp_path_factory.mktemp("stand") / "stand.onnx")
