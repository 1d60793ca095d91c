"""The folder of a training run."""

from __future__ import annotations

from pathlib import Path

import yaml

from humanoid_envs.configs import from_plain, to_plain
from humanoid_envs.errors import UserError
from humanoid_envs.files import replacing
from trainers.presets import TrainConfig


class Run:
    """A folder `runs/<name>/`: `config.yaml`, TensorBoard events, `progress.csv`, `checkpoints/`, and if
    wanted `videos/` and `scorecards/`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.checkpoints = directory / "checkpoints"
        self.last_checkpoint = self.checkpoints / "last.pt"
        self.best_checkpoint = self.checkpoints / "best.pt"

    @classmethod
    def of_checkpoint(cls, checkpoint: Path) -> Run:
        """The run that wrote a checkpoint."""
        return cls(checkpoint.parent.parent)

    def write_config(self, config: TrainConfig) -> None:
        """Write the config beside the run, whole or not at all."""
        with replacing(self.directory / "config.yaml") as temporary:
            temporary.write_text(yaml.safe_dump(to_plain(config), sort_keys=False))

    def read_config(self) -> TrainConfig:
        """The config that the run was started with.

        Raises:
            FileNotFoundError: there is none.
            ValueError: it has fields that this version does not know.
        """
        path = self.directory / "config.yaml"
        if not path.is_file():
            raise FileNotFoundError(f"{self.directory} is no training run: it has no config.yaml.")
        return read_config(path)


def read_config(path: Path) -> TrainConfig:
    """The config of a YAML file, such as a run's; fields that are left out take their defaults.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is no YAML, or has fields that this version does not know.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no config file {path}.")
    try:
        values = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no YAML file: {error}") from error
    return from_plain(TrainConfig, values, str(path))


def find_checkpoint(name: str, runs: Path = Path("runs")) -> Path:
    """A checkpoint file by its path, by its run's name, or for `"last"` that of the run trained last.

    Raises:
        FileNotFoundError: there is none.
    """
    if Path(name).is_file():
        return Path(name)
    written = sorted(runs.glob("*/checkpoints/last.pt"), key=lambda path: path.stat().st_mtime)
    if name != "last":
        written = [path for path in written if Run.of_checkpoint(path).directory.name == name]
    if not written:
        raise FileNotFoundError(
            f"{name!r} is neither a checkpoint file nor a run with one in {runs}/; "
            "python examples/train_ppo.py trains one."
        )
    return written[-1]
