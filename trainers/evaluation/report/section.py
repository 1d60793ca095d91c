"""Parts of the page: what each protocol's module makes."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Sequence, Tuple, Union

from trainers.evaluation.report.figure import Figure


@dataclass(frozen=True)
class Section:
    """A heading, a sentence or two, and what follows."""

    title: str
    introduction: str
    """HTML."""
    blocks: Tuple[Union[Figure, str], ...]
    """Figures, and HTML."""

    @property
    def figures(self) -> Tuple[Figure, ...]:
        """Those that become pictures."""
        return tuple(block for block in self.blocks if isinstance(block, Figure))


@dataclass(frozen=True)
class Tile:
    """A number for the head of the page."""

    label: str
    value: str
    """HTML."""
    remark: str


def table(
    title: str, head: Sequence[str], rows: Sequence[Sequence[str]], caption: str, stacked: bool = False
) -> str:
    """An HTML table that scrolls by itself where the page is narrow. Cells are HTML, all else is text.
    stacked: intervals stand below their estimates."""
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    kind = "scroll stacked" if stacked else "scroll"
    return (
        f'<figure><h3>{escape(title)}</h3><div class="{kind}"><table><thead><tr>{cells}</tr></thead>'
        f"<tbody>{body}</tbody></table></div><figcaption>{escape(caption)}</figcaption></figure>"
    )


def folded(summary: str, content: str) -> str:
    """What a reader opens by a click."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"
