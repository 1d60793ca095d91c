"""Pictures of kinds of ground: for each, tiles from above at three difficulties and a cut through them.

    python examples/picture_terrain.py                                  # all kinds of `rough`, to pictures/
    python examples/picture_terrain.py --terrain sparse --kinds stones beams --difficulties 0.2 0.6 1
    python examples/picture_terrain.py --plugin my_hills --terrain my_hills --folder mine

Robots start at the red dot; the dashed line is where the cut is. White is height 0, brown below, green above.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple, Sequence

from humanoid_envs.files import replacing
from humanoid_envs.terrain import TERRAINS, Patch, Start, TerrainConfig, TerrainKind
from humanoid_envs.terrain.build import tile_heights
from trainers.command_line import add_plugin, concise_errors

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from PIL import Image

_COLOURS = 128  # of a file
_LIGHT = np.array([-0.5, 0.5, 1.0]) / np.sqrt(1.5)  # towards the light, in the upper left
_MAP = colormaps["BrBG"]
_NEAR = 0.3  # m, how far from the start and the middle the cut may be


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_plugin(parser)
    parser.add_argument("--terrain", default="rough", help=f"one of {', '.join(TERRAINS)} (default rough)")
    parser.add_argument("--kinds", nargs="+", help="some of its kinds (default all)")
    parser.add_argument("--difficulties", nargs=3, type=float, default=(0.0, 0.5, 1.0), metavar="D")
    parser.add_argument("--folder", type=Path, default=Path("pictures"), help="where KIND.png is written")
    arguments = parser.parse_args()
    if not all(0 <= difficulty <= 1 for difficulty in arguments.difficulties):
        parser.error("--difficulties are from 0 to 1")
    return arguments


@concise_errors()
def main() -> None:
    arguments = parse()
    config = TERRAINS.find(arguments.terrain)()
    kinds = config.kinds.only(*arguments.kinds).active if arguments.kinds else config.kinds.all
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name, kind in kinds.items():
        path = arguments.folder / f"{name}.png"
        picture = draw(config, name, kind, arguments.difficulties)
        with replacing(path) as temporary:
            picture.save(temporary, format="png", optimize=True)
        print(f"Wrote {path}.")


class Cut(NamedTuple):
    """A line through a tile, along x or y."""

    axis: int
    place: float
    """Of the line on the other axis, m."""
    heights: np.ndarray


def draw(config: TerrainConfig, name: str, kind: TerrainKind, difficulties: Sequence[float]) -> Image.Image:
    """A row of tiles from above and, below, their cuts."""
    patch = Patch(config.tile_size, config.resolution, config.rim)
    tiles = [
        tile_heights(kind, name, difficulty, np.random.default_rng([config.seed, k]), patch)
        for k, difficulty in enumerate(difficulties)
    ]
    low, high = min(tile.min() for tile in tiles), max(tile.max() for tile in tiles)
    margin = max(0.1 * (high - low), 0.15)
    norm = Normalize(-max(high, -low, 0.3), max(high, -low, 0.3))  # white at 0
    figure = Figure(figsize=(8.4, 4.1), dpi=75, layout="constrained")
    above, cuts = figure.subplots(2, 3, sharey="row", height_ratios=(3, 1))
    start = kind.start(patch)
    for difficulty, tile, map_axes, cut_axes in zip(difficulties, tiles, above, cuts):
        cut = telling_cut(tile, patch, start)
        show(map_axes, tile, patch, norm)
        line = map_axes.axhline if cut.axis == 0 else map_axes.axvline
        line(cut.place, color="black", linewidth=0.6, linestyle="--")
        map_axes.plot(start.x, start.y, "o", color="red", markeredgecolor="black", markersize=5)
        map_axes.set_title(f"{name}, difficulty {difficulty:g}", fontsize=9)
        cut_axes.fill_between(patch.x[:, 0], cut.heights, low - margin, color="#8c7a5b")
        cut_axes.set_xlim(*map_axes.get_xlim())
        cut_axes.set_ylim(low - margin, high + margin)
        cut_axes.grid(alpha=0.3)
        cut_axes.set_xlabel(f"{'xy'[cut.axis]}, m", fontsize=8)
        for axes in (map_axes, cut_axes):
            axes.tick_params(labelsize=7)
    above[0].set_ylabel("y, m", fontsize=8)
    cuts[0].set_ylabel("z, m", fontsize=8)
    return as_image(figure)


def telling_cut(tile: np.ndarray, patch: Patch, start: Start) -> Cut:
    """The line along x near the start, or along y near the middle, on which the ground rises and falls most;
    of equal ones that nearest to the start or the middle."""
    x = patch.x[:, 0]
    along_x = [Cut(0, place, tile[:, j]) for j, place in enumerate(x) if abs(place - start.y) <= _NEAR]
    along_y = [Cut(1, place, tile[i]) for i, place in enumerate(x) if abs(place) <= _NEAR]
    return max(
        along_x + along_y, key=lambda cut: (np.abs(np.diff(cut.heights)).sum().round(6), -abs(cut.place))
    )


def show(axes: Axes, tile: np.ndarray, patch: Patch, norm: Normalize) -> None:
    """A tile from above: colour is height, and slopes that face the light are brighter."""
    slope_x, slope_y = np.gradient(tile, patch.resolution)
    facing = (_LIGHT[2] - _LIGHT[0] * slope_x - _LIGHT[1] * slope_y) / np.sqrt(1 + slope_x**2 + slope_y**2)
    light = 0.45 + 0.55 * np.clip(facing, 0.0, None) / _LIGHT[2]  # 1 on level ground
    colours = np.clip(_MAP(norm(tile))[..., :3] * light[..., None], 0.0, 1.0)
    edge = 0.5 * patch.size
    pixels = colours.transpose(1, 0, 2)[::-1]
    axes.imshow(pixels, extent=(-edge, edge, -edge, edge), interpolation="antialiased")


def as_image(figure: Figure) -> Image.Image:
    """The figure in few colours, which makes a small file."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    return Image.fromarray(np.ascontiguousarray(pixels)).quantize(_COLOURS)


if __name__ == "__main__":
    main()
