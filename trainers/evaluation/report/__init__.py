"""A result of examples/sim2sim.py as one HTML page for readers, and its figures as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional

from humanoid_envs.errors import UserError
from humanoid_envs.files import replacing
from trainers.evaluation.report.page import make_page, make_sections

PAGE = "report.html"

__all__ = ["PAGE", "write_report"]


def write_report(result: Dict[str, Any], directory: Path, *, video: Optional[Path] = None) -> List[Path]:
    """Write `report.html` and a PNG of each figure, and return their paths.

    Args:
        result: as `read_result` returns it.
        directory: is made if it does not exist; files of the same names are replaced when the new ones are
            complete.
        video: an mp4 that goes into the page.

    Raises:
        FileNotFoundError: no such video.
        ValueError: the result has no protocol in it, or is of several policies.
    """
    if video is not None and not video.is_file():
        raise FileNotFoundError(f"There is no video {video}.")
    if "policy" not in result:
        raise UserError("This file holds the results of several policies; a report is about one.")
    sections = make_sections(result, video)
    if not any((result["scorecards"], result["tours"], result["gap"])):
        raise UserError("This result holds no protocol, and so there is nothing to report.")
    files = {PAGE: make_page(result, sections).encode()}
    files.update((f"{figure.name}.png", figure.picture()) for part in sections for figure in part.figures)
    return [_write(directory / name, content) for name, content in files.items()]


def _write(path: Path, content: bytes) -> Path:
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return path
