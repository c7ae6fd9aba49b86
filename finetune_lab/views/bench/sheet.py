"""A chart that is drawn again and again while a tune runs, cheaply: a figure kept alive, blitted, sent in few colours.

    frame (axes, grid, words) --drawn when the scale changes--> copy
    copy + moving lines       --every time--------------------> pixels -> palette -> PNG

Measured on one core: a fresh figure and its PNG take 230 to 350 ms, this 7 ms. A palette halves the PNG.
It uses no pyplot: whichever thread owns a sheet draws it, and no other.
"""

import math
from collections.abc import Iterable, Sequence
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Transform
from numpy.typing import NDArray
from PIL import Image

from finetune_lab.views.charts import FAINT, INK, STYLES
from finetune_lab.views.memory_charts import COLOURS

SIZE, DPI = (5.0, 2.25), 180  # inches, points an inch: 900 x 405 points, for a column of some 460
PLACE = (0.10, 0.175, 0.63, 0.775)  # the axes in the figure; labels stand to their right
SHADES = 5  # of each colour, towards white: enough for smooth edges
Bytes = NDArray[np.uint8]


class Sheet:
    """Axes with a frame that stays, over which artists are painted; `picture` is what it looks like, as a PNG."""

    def __init__(self, across: str, up: str) -> None:
        self.figure = Figure(figsize=SIZE, dpi=DPI, facecolor="white", layout=None)
        self.canvas: Any = FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_axes(PLACE)
        self.axes.set_xlabel(across, color=INK, size=8)
        self.axes.set_ylabel(up, color=INK, size=8)
        self.axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        self.axes.yaxis.set_major_locator(MaxNLocator(5))
        self.axes.grid(axis="y", color=FAINT, linewidth=0.8)
        self.axes.set_axisbelow(True)
        self.axes.tick_params(colors=INK, labelsize=8, length=2.5, color="#999999")
        self.axes.spines[["top", "right"]].set_visible(False)
        self.axes.spines[["left", "bottom"]].set_color("#999999")
        self._nothing = self.axes.text(
            0.5,
            0.5,
            "nothing measured yet",
            color="#666666",
            size=8,
            ha="center",
            visible=False,
            transform=self.axes.transAxes,
        )
        self._scale = (0.0, 0.0)
        self._frame: Any = None

    def fit(self, right: float, top: float) -> None:
        """Show 0 to `right` and 0 to `top` at least; the scale grows in round steps, so that it seldom moves.

        A `top` of 0 says that there is nothing to show: then the axes have no numbers.
        """
        is_empty = top <= 0 and not any(self._scale)
        if is_empty != self._nothing.get_visible():
            self._nothing.set_visible(is_empty)
            self.axes.tick_params(labelcolor="white" if is_empty else INK)  # still there, so that nothing moves
            self._frame = None
        if is_empty:
            return
        right, top = max(right, self._scale[0], 1.0), max(nice(top), self._scale[1])
        if (right, top) != self._scale:
            self._scale = (right, top)
            self.axes.set_xlim(0, right)
            self.axes.set_ylim(0, top)
            self._frame = None

    def restart(self) -> None:
        """Forget the scale: another run begins."""
        self._scale, self._frame = (0.0, 0.0), None

    def label(self, place: tuple[float, float], text: str, color: str, within: Transform, weight: str = "bold") -> Text:
        """Words to paint in the right margin, their middle at this place."""
        x, y = place
        made = Text(x, y, text, color=color, fontsize=8, weight=weight, va="center", transform=within)
        made.set_figure(self.figure)
        return made

    def picture(self, moving: Iterable[Artist]) -> bytes:
        """The frame with these artists over it, as a PNG of few colours."""
        if self._frame is None:
            self.canvas.draw()
            self._frame = self.canvas.copy_from_bbox(self.figure.bbox)
        self.canvas.restore_region(self._frame)
        for artist in moving:
            self.figure.draw_artist(artist)
        return few_colours(np.asarray(self.canvas.buffer_rgba()))


def nice(value: float) -> float:
    """The next round number that is not smaller: 1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6 or 8 times a power of ten."""
    if value <= 0 or not math.isfinite(value):
        return 1.0
    unit = 10.0 ** math.floor(math.log10(value))
    return next(step * unit for step in (1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10) if step * unit >= value * 0.999)


def few_colours(pixels: Bytes) -> bytes:
    """Pixels (height, width, 4) as a PNG with the palette of our charts, each at its nearest colour."""
    colours, nearest = palette()
    red, green, blue = (pixels[..., channel].astype(np.uint16) >> 3 for channel in range(3))
    image = Image.fromarray(nearest[(red << 10) | (green << 5) | blue])
    image.putpalette(colours.tobytes())
    file = BytesIO()
    image.save(file, "PNG", compress_level=6)
    return file.getvalue()


@cache
def palette() -> tuple[Bytes, Bytes]:
    """The colours (n, 3), and for each colour of 5 bits a channel the number of the nearest one (32768)."""
    inks = list(dict.fromkeys([INK, *(style["color"] for style in STYLES.values()), *COLOURS.values()]))
    colours = np.array([(255, 255, 255), *shades(inks)], dtype=np.uint8)
    steps = np.arange(32, dtype=np.int32) * 255 // 31
    cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    nearest = np.zeros(len(cube), dtype=np.uint8)
    least = np.full(len(cube), np.iinfo(np.int32).max, dtype=np.int32)
    for number, colour in enumerate(colours.astype(np.int32)):
        distance = ((cube - colour) ** 2).sum(axis=1, dtype=np.int32)
        closer = distance < least
        nearest[closer], least[closer] = number, distance[closer]
    return colours, nearest


def shades(inks: Sequence[str]) -> list[tuple[int, ...]]:
    """Each colour mixed with white in even steps, itself last."""
    mixed = [(to_rgb(ink), share / SHADES) for ink in inks for share in range(1, SHADES + 1)]
    return [tuple(round(255 * (1 - (1 - channel) * share)) for channel in rgb) for rgb, share in mixed]
