"""Where the model files lie: inside an installed wheel, or in the repository's `assets/` folder."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def asset_path(relative: str) -> Path:
    """Absolute path of a file of the project's assets, e.g. `"xbot_l/xbot_l.xml"`.

    Does not open the file: whoever does names it in the error if it is missing.
    """
    installed = _PACKAGE / "_assets"
    return (installed if installed.is_dir() else _PACKAGE.parent / "assets") / relative
