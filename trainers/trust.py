"""Files that run code when they are loaded: TorchScript and the models of Stable-Baselines3.

Loading one is running a program of whoever made it. Nothing inside a file, nor in a file beside it, can say
that it is harmless, since its maker writes that too. So the known ones are listed outside, by the sha256 of
their whole content: published files in `PUBLISHED`, and what this user's own runs wrote in `list_path()`.
Everything else takes the word of the user, `trust=True` or `--trust`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Dict, Union

from humanoid_envs.errors import UserError

PUBLISHED: Dict[str, str] = {
    "b0c1fc24826a86e79c658aa3869f71eb72718f08917dd67d099ea4d94a0e593b": (
        "policy_example.pt of the Humanoid-Gym release"
    ),
}
"""Files that others publish and that were looked through, by sha256."""


def require_trust(path: Union[str, Path], trust: bool, kind: str = "TorchScript") -> None:
    """Raise UserError unless the file may be loaded. To be called before anything of it is.

    trust: the user's word. kind: what it is, in words.
    """
    if not trust and not is_known(path):
        raise UserError(
            f"{path} is {kind}: it runs code when it is loaded, and is none of the files that your own runs "
            "wrote. If you know who made it, pass --trust, in Python trust=True; ONNX would be data alone."
        )


def is_known(path: Union[str, Path]) -> bool:
    """Whether the file's content is published, or was written by this user's own runs."""
    sha256 = sha256_of(path)
    return sha256 in PUBLISHED or sha256 in _written()


def remember(path: Union[str, Path]) -> None:
    """Note that this user's own run wrote that file, so that it loads without being asked about, wherever it
    is moved. Where the list cannot be written, the file will be asked about."""
    path, sha256 = Path(path), sha256_of(path)
    if sha256 in _written():
        return
    with contextlib.suppress(OSError):
        list_path().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # One short write in append mode is whole, also beside other processes.
        with list_path().open("a", encoding="utf-8") as file:
            file.write(f"{sha256}\n")


def list_path() -> Path:
    """`written.sha256` in this user's folder for data (`$XDG_DATA_HOME`, by default `~/.local/share`): one
    sha256 a line."""
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return Path(data) / "humanoid_envs" / "written.sha256"


def sha256_of(path: Union[str, Path]) -> str:
    """Of the whole content of a file."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _written() -> Dict[str, None]:
    with contextlib.suppress(OSError):
        return dict.fromkeys(list_path().read_text(encoding="utf-8", errors="replace").split())
    return {}
