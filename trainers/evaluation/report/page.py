"""The page: head, sections, and the video, in one HTML file that asks nobody for anything."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from trainers.evaluation.report.gap import gap_section
from trainers.evaluation.report.scorecard import scorecard_section, scorecard_tiles
from trainers.evaluation.report.section import Section, Tile
from trainers.evaluation.report.style import COLORS
from trainers.evaluation.report.templates import blocks, environment
from trainers.evaluation.report.tour import tour_section, tour_tile

_TITLE = "How does it walk?"


def make_sections(result: Dict[str, Any], video: Optional[Path] = None) -> List[Section]:
    """The video, and one for each protocol and simulator of a result."""
    contract = result["policy"]["contract"]
    return [
        *([_video_section(video)] if video else []),
        *(scorecard_section(card, contract) for card in result["scorecards"]),
        *(tour_section(tour) for tour in result["tours"]),
        *([gap_section(result["gap"])] if result["gap"] else []),
    ]


def make_page(result: Dict[str, Any], sections: Sequence[Section]) -> str:
    """HTML."""
    contract = result["policy"]["contract"]
    tiles: List[Tile] = []
    for card in result["scorecards"][:1]:
        tiles += scorecard_tiles(card)
    for tour in result["tours"][:1]:
        tiles.append(tour_tile(tour))
    return (
        environment()
        .get_template("page.html")
        .render(
            title=_TITLE,
            colors=COLORS,
            result=result,
            policy=result["policy"],
            contract=contract,
            period=f"{1e3 * contract['timestep'] * contract['decimation']:.3g}",
            tiles=tiles,
            sections=sections,
        )
    )


def _video_section(path: Path) -> Section:
    """An mp4, with the picture of the same name as its first."""

    def data(file: Path, kind: str) -> str:
        return f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode()}"

    picture = path.with_suffix(".png")
    poster = data(picture, "image/png") if picture.is_file() else None
    video = blocks().video(data(path, "video/mp4"), poster)
    return Section("Video", "The policy walking in simulation, in real time.", (video,))
