"""Where the scalars of a training with Stable-Baselines3 go: to the files that `trainers.ppo` writes."""

from __future__ import annotations

import numbers
import sys
from pathlib import Path
from typing import Any, Dict, Tuple, Union

from stable_baselines3.common.logger import HumanOutputFormat, KVWriter, Logger

from trainers.ppo.loggers import Scalars, folder_loggers


def run_logger(directory: Union[str, Path]) -> Logger:
    """For `model.set_logger`: prints tables, and writes TensorBoard events and `progress.csv` in a folder.

    A disk that fails raises StorageError where training is; Stable-Baselines3's own TensorBoard writer fails
    in a thread. Points that a killed process wrote after its last save go once training has gone on from it.
    """
    return Logger(str(directory), [HumanOutputFormat(sys.stdout), _Files(directory)])


class _Files(KVWriter):
    """Numbers that TensorBoard is to have; no texts, pictures and histograms."""

    def __init__(self, directory: Union[str, Path]) -> None:
        self._loggers = folder_loggers(directory)
        self._last: Tuple[int, Scalars] = (-1, {})

    def write(
        self, key_values: Dict[str, Any], key_excluded: Dict[str, Tuple[str, ...]], step: int = 0
    ) -> None:
        """Raises StorageError if that is not possible."""
        scalars = {
            name: float(value)
            for name, value in sorted(key_values.items())
            if isinstance(value, numbers.Real) and "tensorboard" not in key_excluded.get(name, ())
        }
        at, before = self._last
        if at == step:  # many episodes end in one step: that is one point, and the last word counts
            scalars = {**before, **scalars}
        self._last = (step, scalars)
        for logger in self._loggers:
            logger.write(scalars, step)
            logger.flush()

    def close(self) -> None:
        for logger in self._loggers:
            logger.close()
