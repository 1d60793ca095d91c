"""Parts of the page: what each protocol's module makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple, Union

from markupsafe import Markup

from trainers.evaluation.report.figure import Figure


@dataclass(frozen=True)
class Section:
    """A heading, a sentence or two, and what follows."""

    title: str
    introduction: str
    blocks: Tuple[Union[Figure, Markup], ...]
    """Figures, and HTML."""

    @property
    def figures(self) -> Tuple[Figure, ...]:
        """Those that become pictures."""
        return tuple(block for block in self.blocks if isinstance(block, Figure))


@dataclass(frozen=True)
class Tile:
    """A number for the head of the page."""

    label: str
    value: Markup
    remark: str
