"""What may run after each update. A callback is any function of the trainer; returning False stops it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Callable, Optional, Union

if TYPE_CHECKING:
    from trainers.ppo.ppo import PPO

Callback = Callable[["PPO"], Optional[bool]]


class CheckpointCallback:
    """Saves `last.pt` regularly, and copies under their own name, `update_000200.pt`, that are kept."""

    def __init__(self, directory: Union[str, Path], save_every: int = 20, keep_every: int = 200) -> None:
        """Both intervals in updates."""
        for name, interval in (("save_every", save_every), ("keep_every", keep_every)):
            if interval < 1:
                raise ValueError(f"CheckpointCallback's {name} must be at least 1 update; got {interval}.")
        self.directory = Path(directory)
        self.save_every = save_every
        self.keep_every = keep_every

    def __call__(self, ppo: PPO) -> None:
        if ppo.num_updates % self.save_every == 0:
            ppo.save(self.directory / "last.pt")
        if ppo.num_updates % self.keep_every == 0:
            ppo.save(self.directory / f"update_{ppo.num_updates:06d}.pt", environment=False)
