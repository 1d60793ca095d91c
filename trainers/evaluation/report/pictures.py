"""Figures as PNG files."""

from __future__ import annotations

from typing import Any

from humanoid_envs.errors import MissingPackage, UnfitMachine
from trainers.evaluation.report import style
from trainers.evaluation.report.figure import Figure
from trainers.evaluation.report.svg import element, text

_ZOOM = 2.0


class PngRenderer:
    """Draws SVG with resvg.

    Raises:
        ImportError: resvg_py is not installed.
        RuntimeError: the machine has no font, so that pictures would lack their words.
    """

    def __init__(self) -> None:
        try:
            import resvg_py
        except ImportError as error:
            raise MissingPackage(
                "Pictures of the figures need resvg: pip install resvg-py, or this project's extra 'report'."
            ) from error
        self._resvg: Any = resvg_py
        letters, nothing = (self._draw(_sample(content)) for content in ("abc", ""))
        if letters == nothing:
            raise UnfitMachine(
                "This machine has no font to write with in pictures: apt-get install fonts-dejavu-core"
            )

    def __call__(self, figure: Figure) -> bytes:
        """A PNG file's content, light, with two pixels for each of the figure's."""
        return self._draw(figure.picture())

    def _draw(self, svg: str) -> bytes:
        drawn = self._resvg.svg_to_bytes(
            svg_string=svg, style_sheet=style.for_pictures(), background=style.background(), zoom=_ZOOM
        )
        return bytes(drawn)


def _sample(content: str) -> str:
    word = text(1.0, 12.0, content)
    return element("svg", word, xmlns="http://www.w3.org/2000/svg", width=40.0, height=16.0)
