"""The folder of a training run."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import yaml

from humanoid_envs import plugins
from humanoid_envs.configs import from_plain, to_plain
from humanoid_envs.errors import StorageError, UserError
from humanoid_envs.files import naming, remove_strays, replacing
from humanoid_envs.programs import example_command
from trainers.lock import locked
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
    def named(cls, name: str) -> Run:
        """The run of that name below runs/. Raises UserError for a path."""
        if Path(name).name != name or name in ("", ".."):
            raise UserError(f"--run-name is the name of a folder below runs/, not a path: {name!r}.")
        return cls(Path("runs") / name)

    @classmethod
    def of_checkpoint(cls, checkpoint: Path) -> Run:
        """The run that wrote a checkpoint."""
        return cls(checkpoint.parent.parent)

    def wrote(self, checkpoint: Path) -> bool:
        """Whether a checkpoint is one of this run's."""
        return checkpoint.resolve().parent == self.checkpoints.resolve()

    @contextlib.contextmanager
    def claim(self) -> Iterator[None]:
        """Have the folder, which is made if need be, for this process alone. Half-written files of processes
        that were killed are removed from it. One that was made goes again if the block fails before the
        first update has been logged.

        Raises:
            StorageError: the folder cannot be written, or another process has it.
        """
        made = [folder for folder in (self.directory, *self.directory.parents) if not folder.exists()]
        try:
            with naming(self.directory):
                self.directory.mkdir(parents=True, exist_ok=True)
            with locked(self.directory / ".lock", str(self.directory)):
                remove_strays(self.directory)
                yield
        except BaseException:
            if self.directory in made:
                self._remove_if_nothing_was_trained(made)
            raise

    def _remove_if_nothing_was_trained(self, made: List[Path]) -> None:
        content = list(self.directory.rglob("*"))
        files = [path for path in content if not path.is_dir()]
        if not all(map(_is_made_at_the_start, files)):
            return
        folders = sorted((path for path in content if path.is_dir()), reverse=True)  # those within come first
        with contextlib.suppress(OSError):
            for path in files:
                path.unlink()
            for folder in [*folders, *made]:
                folder.rmdir()

    def write_config(self, config: TrainConfig) -> None:
        """Write the config and the loaded plug-ins' names beside the run, whole or not at all."""
        with replacing(self.directory / "config.yaml") as temporary:
            content = {**to_plain(config, TrainConfig), **plugins.record()}
            temporary.write_text(yaml.safe_dump(content, sort_keys=False))

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


def _is_made_at_the_start(path: Path) -> bool:
    if path.name == "progress.csv":
        return len(path.read_bytes().splitlines()) < 2  # the names of its columns
    return path.name == "config.yaml" or path.name.startswith("events.out.tfevents.")


class _Loader(yaml.SafeLoader):
    """YAML in which 1e-3 is a number, as in version 1.2, and no key stands twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            problem = f"{twice[0]!r} stands there twice"
            raise yaml.constructor.ConstructorError(problem=problem, problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def read_config(path: Path) -> TrainConfig:
    """The config of a YAML file, such as a run's; fields that are left out take their defaults.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is no YAML, or has fields that this version does not know.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no config file {path}.")
    try:
        values = yaml.load(path.read_text(), _Loader)  # a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no YAML file: {error}") from error
    except RecursionError:
        raise UserError(f"{path} is no config: its values are nested too deeply.") from None
    recorded = values.pop("plugins", None) if isinstance(values, dict) else None
    with plugins.naming_missing(recorded):
        return from_plain(TrainConfig, values, str(path))


def refuse_to_overwrite(model: Path, resume: Optional[Path]) -> None:
    """Raise UserError if a training that goes on from `resume`, or None, would write over another's model:
    there is one already, and `resume` is not from its folder."""
    if model.exists() and (resume is None or resume.resolve().parent != model.resolve().parent):
        folder = model.parent.parent if model.parent.name == "checkpoints" else model.parent
        raise UserError(f"{folder} already holds a run: resume it, or choose another name.")


@contextlib.contextmanager
def naming_what_stays(model: Path) -> Iterator[None]:
    """Have a StorageError in the block say that the model is whole, if there is one."""
    try:
        yield
    except StorageError as error:
        if model.is_file():
            raise StorageError(f"{error} {model} is whole, to go on from.") from error
        raise


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
            f"{example_command('train_ppo.py')} trains one."
        )
    return written[-1]
