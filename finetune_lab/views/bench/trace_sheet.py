"""Runs as lines: each step thin, smoothed thick, evaluations as markers, an end that failed as a cross.

Colour, dashes and marker say the method; a label at its end says the run. A race lays its runs over one another.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.lines import Line2D

from finetune_lab.views.bench.sheet import Sheet
from finetune_lab.views.bench.thinning import Floats, chosen
from finetune_lab.views.bench.traces import Trace
from finetune_lab.views.charts import LINE_HEIGHT, STYLES, lighter, spread

LOSS_KEY = "thin: each step · thick: smoothed · markers: held-out evaluation"
LOSS_UP = "loss, nats a token"
MEMORY_UP = "MiB at the step's peak"


class TraceSheet:
    """A chart of traces over optimizer steps; `up` names the vertical axis and its unit."""

    def __init__(self, up: str) -> None:
        self.sheet = Sheet("optimizer step", up)

    def picture(self, traces: Sequence[Trace]) -> bytes:
        """The traces as a PNG."""
        highest = [value for one in traces for value in (*one.values, *(loss for _, loss in one.marks))]
        self.sheet.fit(max((one.max_steps for one in traces), default=1), max(highest, default=0.0))
        artists = [artist for one in traces for artist in self._lines(one)]
        return self.sheet.picture([*artists, *self._labels(traces)])

    def _lines(self, one: Trace) -> Iterator[Artist]:
        style = STYLES[one.method]
        color = lighter(style["color"], one.shade)
        if len(one.steps):
            kept = chosen(len(one.steps))
            dot = "." if len(one.steps) == 1 else ""  # a line needs two points
            yield self._line(one.steps[kept], one.values[kept], color=color, linewidth=0.8, alpha=0.45, marker=dot)
            dashes = style["linestyle"]
            yield self._line(one.steps[kept], one.thick[kept], color=color, linestyle=dashes, linewidth=2.0)
        for step, value in one.marks:
            mark = {"marker": style["marker"], "markersize": 7, "markeredgecolor": "white"}
            yield self._line([step], [value], color=color, linestyle="", whole=True, **mark)
        if one.failed is not None:
            cross = {"marker": "x", "markersize": 10, "markeredgewidth": 2.5}
            yield self._line([one.failed], [one.height], color=color, whole=True, **cross)

    def _line(self, x: Floats | list[int], y: Floats | list[float], *, whole: bool = False, **style: Any) -> Line2D:
        """A line in the axes' figures; a `whole` one may reach over their edge."""
        line = Line2D(x, y, transform=self.sheet.axes.transData, **style)
        line.set_figure(self.sheet.figure)
        if not whole:
            line.set_clip_path(self.sheet.axes.patch)
        return line

    def _labels(self, traces: Sequence[Trace]) -> Iterator[Artist]:
        """Name and newest value of each run in the right margin, at the height of its line's end."""
        axes = self.sheet.axes
        ends = [one for one in traces if one.last]
        to_axes = axes.transData + axes.transAxes.inverted()
        wanted = [max(float(to_axes.transform((0, one.height))[1]), 0.1) for one in ends]
        heights = spread(wanted, [4.4 * LINE_HEIGHT] * len(ends))
        for one, height in zip(ends, heights, strict=True):
            words = f"{one.name}\n{one.last}"
            yield self.sheet.label((1.03, height), words, STYLES[one.method]["color"], axes.transAxes)
