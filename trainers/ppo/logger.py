"""TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Dict, Optional, Union

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter


class Logger:
    """Writes scalars over environment steps to a folder of TensorBoard events, made at the first write.

    Without a folder nothing is written. After a resume, later entries of the interrupted run are hidden.
    """

    def __init__(self, log_dir: Optional[Union[str, Path]]) -> None:
        self._log_dir = log_dir
        self._writer: Optional[SummaryWriter] = None

    def write(self, scalars: Dict[str, float], step: int) -> None:
        """Add one point to every curve."""
        if self._log_dir is None:
            return
        if self._writer is None:
            from torch.utils.tensorboard.writer import SummaryWriter  # slow to import: only where it is used

            self._writer = SummaryWriter(str(self._log_dir), purge_step=step)
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, step)

    def flush(self) -> None:
        """Put on disk what was written so far."""
        if self._writer is not None:
            self._writer.flush()
