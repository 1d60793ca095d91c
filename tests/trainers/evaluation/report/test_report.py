"""The page and its pictures, from a result's file."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, List

import pytest

from tests.trainers.evaluation.report.results import made, scorecard, tour
from tests.trainers.evaluation.test_result_file import INFO, gap_result
from trainers.evaluation.report import write_report
from trainers.evaluation.report.page import make_page, make_sections
from trainers.evaluation.result_file import Result, read_result, write_results

pytest.importorskip("mujoco")

_VOID = {"meta", "br"}


class Outline(HTMLParser):
    """Demands that tags are closed in order, and collects what a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.open: List[str] = []
        self.fetched: List[str] = []
        self.words: List[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag not in _VOID:
            self.open.append(tag)
        self._collect(attrs)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self._collect(attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def _collect(self, attrs: list) -> None:
        names = ("src", "href", "xlink:href", "poster", "srcset")
        self.fetched += [value for name, value in attrs if name in names]


def outline(page: str) -> Outline:
    parsed = Outline()
    parsed.feed(page)
    assert parsed.open == []
    return parsed


@pytest.fixture
def result(tmp_path: Path) -> Any:
    return made(tmp_path)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    result = made(tmp_path_factory.mktemp("page"))
    return make_page(result, make_sections(result))


@pytest.fixture
def short(tmp_path: Path) -> Any:
    """A result with few figures."""
    return made(tmp_path, Result(INFO, tours=(tour(),)))


def test_the_page_needs_nothing_but_itself(short: Any, tmp_path: Path) -> None:
    (tmp_path / "walk.mp4").write_bytes(b"film")
    (tmp_path / "walk.png").write_bytes(b"still")
    page = make_page(short, make_sections(short, tmp_path / "walk.mp4"))
    assert {address[:5] for address in outline(page).fetched if address[0] != "#"} == {"data:"}
    assert {f'href="#s{i}"' for i in range(2)} <= set(re.findall(r'href="[^"]*"', page))
    assert 'src="data:video/mp4;base64,ZmlsbQ=="' in page
    assert 'poster="data:image/png;base64,c3RpbGw="' in page
    assert not re.search(r"https?:|@import|url\((?!#)|<script", page)


def test_numbers_stand_with_their_interval_and_the_published_ones(page: str) -> None:
    row = re.search(r"<tr><td>forward 0.4</td>.*?</tr>", page)
    assert row is not None
    # Of 0.40, 0.41, 0.42, 0.43: the mean and Student's interval, 0.415 ± 3.182 · 0.01291 / 2.
    assert '0.415 <span class="ci">[0.394, 0.436]</span>' in row[0]
    assert '3 of 4 <span class="ci">[30.1, 95.4] %</span>' in row[0]
    assert "0.402, −0.021, −0.025" in row[0]
    assert "mean |torque|, N·m: 13.2 instead of at most 13.0" in page
    assert "trained in mujoco_warp" in page


def test_every_figure_has_a_sentence(page: str) -> None:
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", page)
    assert len(captions) == page.count("<figure>") >= 12
    for caption in captions:
        assert re.findall(r"\.(?=\s|$)", caption) == ["."], caption
        assert caption.endswith(".")


def test_names_from_the_file_cannot_be_markup(result: Any) -> None:
    evil = "<script>alert(1)</script>"
    result["policy"]["file"] = result["scorecards"][0]["simulator"] = result["machine"] = evil
    result["tours"][0]["by_link"][0]["name"] = result["gap"]["walks"][0]["simulator"] = evil
    page = make_page(result, make_sections(result))
    assert "<script" not in page
    assert evil in "".join(outline(page).words)


def test_robots_that_all_fell_leave_dashes(tmp_path: Path) -> None:
    fallen = made(tmp_path, Result(INFO, scorecards=(scorecard(fallen=True),), tours=(tour(fell=True),)))
    page = make_page(fallen, make_sections(fallen))
    outline(page)
    assert not re.search(r"\bnan\b|None", page)
    assert "Phase portraits" not in page
    assert "not measured, 4 of 4 fell" in page


def test_both_schemes_define_every_colour(page: str) -> None:
    light, dark = re.findall(r":root\{([^}]*)\}", page)
    used = set(re.findall(r"var\((--\w+)\)", page))
    assert "--first" in used
    for scheme in (light, dark):
        assert used <= set(re.findall(r"(--\w+):#", scheme))


def test_pictures_of_every_figure(result: Any, tmp_path: Path) -> None:
    page, *pictures = write_report(result, tmp_path / "new")
    names = {figure.name for section in make_sections(result) for figure in section.figures}
    assert {path.stem for path in pictures} == names
    assert {path.name for path in (tmp_path / "new").iterdir()} == {page.name, *(p.name for p in pictures)}
    assert "velocity-mujoco-fast" in names
    for path in pictures:
        content = path.read_bytes()
        assert content[:8] == b"\x89PNG\r\n\x1a\n"
        width, height = struct.unpack(">II", content[16:24])
        assert width > 700
        assert height > 300


def test_pictures_show_what_is_drawn(short: Any) -> None:
    imageio = pytest.importorskip("imageio.v2")
    tour_map = next(f for section in make_sections(short) for f in section.figures if f.wide)
    pixels = imageio.imread(tour_map.picture())[..., :3].reshape(-1, 3)
    shades = {tuple(pixel) for pixel in pixels.tolist()}
    assert {(255, 255, 255), (0x1B, 0x1F, 0x24)} <= shades  # paper and ink


def test_the_same_result_gives_the_same_page(short: Any) -> None:
    first, second = (make_page(short, make_sections(short)) for _ in range(2))
    assert first == second


def test_bad_input_gets_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no protocol"):
        write_report(made(tmp_path, Result(INFO)), tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no video .*none\.mp4"):
        write_report(made(tmp_path), tmp_path, video=tmp_path / "none.mp4")
    write_results(tmp_path / "several.json", [gap_result(), gap_result()])
    with pytest.raises(ValueError, match="results of several policies"):
        write_report(read_result(tmp_path / "several.json"), tmp_path)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.usefixtures("short")
def test_command_line(tmp_path: Path) -> None:
    module = [sys.executable, "-m", "trainers.evaluation.report"]
    done = subprocess.run(
        [*module, str(tmp_path / "result.json"), "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Wrote {tmp_path / 'out' / 'report.html'} and ")
    assert (tmp_path / "out" / "report.html").is_file()
    done = subprocess.run([*module, "none.json", "--out", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip() == "Error: There is no result none.json."
