"""The page: head, sections, and the video, in one HTML file that asks nobody for anything."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from trainers.evaluation.report import style
from trainers.evaluation.report.figure import Figure
from trainers.evaluation.report.gap import gap_section
from trainers.evaluation.report.scorecard import scorecard_section, scorecard_tiles
from trainers.evaluation.report.section import Section, Tile
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
    links = "".join(f'<a href="#s{i}">{escape(section.title)}</a>' for i, section in enumerate(sections))
    body = "".join(_section(f"s{i}", section) for i, section in enumerate(sections))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_TITLE} {escape(result['policy']['file'])}</title><style>{style.for_page()}</style></head>"
        f"<body><main>{_head(result)}<nav>{links}</nav>{body}{_foot(result)}</main></body></html>\n"
    )


def _head(result: Dict[str, Any]) -> str:
    policy = result["policy"]
    contract = policy["contract"]
    tiles: List[Tile] = []
    for card in result["scorecards"][:1]:
        tiles += scorecard_tiles(card)
    for tour in result["tours"][:1]:
        tiles.append(tour_tile(tour))
    boxes = "".join(
        f'<div class="tile"><span class="muted">{escape(tile.label)}</span><b>{tile.value}</b>'
        f'<span class="muted">{escape(tile.remark)}</span></div>'
        for tile in tiles
    )
    period = 1e3 * contract["timestep"] * contract["decimation"]
    engine = contract.get("engine")
    trained = f" It was trained in {escape(engine)}." if engine else ""
    return (
        f'<p class="muted">{_TITLE}</p><h1>{escape(policy["file"])}</h1>'
        f"<p>A policy is a neural network that tells the {len(contract['joint_names'])} joints of the robot "
        f"{escape(contract['robot'])} every {period:.3g} ms where to go, so that it walks as it is told: "
        "forward, sideways, turning, or standing still. This page says how well it does so in simulation."
        f"{trained}</p>"
        f"<p>Numbers in brackets are 95 % intervals: if everything were measured again with other random "
        "numbers, about 19 of 20 such intervals would hold the true value for robots drawn like these.</p>"
        f'<div class="tiles">{boxes}</div>'
    )


def _section(anchor: str, section: Section) -> str:
    blocks = (block.html() if isinstance(block, Figure) else block for block in section.blocks)
    return f'<h2 id="{anchor}">{escape(section.title)}</h2><p>{section.introduction}</p>{"".join(blocks)}'


def _video_section(path: Path) -> Section:
    """An mp4, with the picture of the same name as its first."""

    def data(file: Path, kind: str) -> str:
        return f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode()}"

    picture = path.with_suffix(".png")
    poster = f' poster="{data(picture, "image/png")}"' if picture.is_file() else ""
    video = f'<video controls playsinline{poster} src="{data(path, "video/mp4")}"></video>'
    return Section("Video", "The policy walking in simulation, in real time.", (video,))


def _foot(result: Dict[str, Any]) -> str:
    sha256 = result["policy"]["sha256"]
    file = f" Policy file: SHA-256 {escape(sha256)}." if sha256 else ""
    return (
        f'<h2>About these numbers</h2><p class="muted">Measured {escape(result["created"])} on '
        f"{escape(result['machine'])} by examples/sim2sim.py of humanoid_envs, whose docs/sim2sim.md defines "
        f"every number.{file} The published policy is that of the "
        "Humanoid-Gym release (arXiv 2404.05695).</p>"
    )
