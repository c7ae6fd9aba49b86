"""Charts as matplotlib figures of their own, without pyplot: nothing global, nothing to close."""

import base64
from collections import Counter
from collections.abc import Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from textwrap import wrap
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from finetune_lab.tuning.comparison import Comparison
from finetune_lab.tuning.run import Run
from finetune_lab.tuning.run_folder import explained_writing
from finetune_lab.views.curves import Curve, curves_of, said

SIZE, DPI = (10.0, 5.6), 100  # inches, points an inch: 1000 x 560 points
# After Okabe and Ito, darkened until text in them reads well: apart in every kind of colour blindness. Dashes and
# markers say the same once more.
STYLES: dict[str, dict[str, Any]] = {
    "full": {"color": "#0072B2", "linestyle": "-", "marker": "o"},
    "lora": {"color": "#C04E00", "linestyle": (0, (6, 1.5)), "marker": "s"},
    "qlora": {"color": "#007A5A", "linestyle": (0, (4, 1.2, 1, 1.2)), "marker": "^"},
}
INK, FAINT = "#333333", "#E2E2E2"
KEY = "thin: each step     thick: smoothed"
KEY_EVALUATED = f"{KEY}     markers: evaluation, on examples that are not trained on"
LINE_HEIGHT = 0.055  # of the axes' height: from one label's middle to the next
LOGARITHMIC_FROM = 4.0  # largest over smallest loss: an even scale would press the curves' ends together


class Chart(Figure):
    """A figure that shows itself in a notebook, with its description as alternative text and in words below."""

    def __init__(
        self, description: str = "", size: tuple[float, float] = SIZE, layout: Literal["constrained"] | None = None
    ) -> None:
        super().__init__(figsize=size, dpi=DPI, facecolor="white", layout=layout)
        self.description = description

    def png(self) -> bytes:
        """The picture, with its description inside."""
        buffer = BytesIO()
        self.savefig(buffer, format="png", dpi=DPI, metadata={"Description": self.description})
        return buffer.getvalue()

    def _ipython_display_(self) -> None:
        from IPython.display import display

        picture = {"image/png": base64.b64encode(self.png()).decode(), "text/plain": self.description}
        display(picture, raw=True, metadata={"image/png": {"alt": self.description}})  # type: ignore[no-untyped-call]
        # JupyterLab gives a picture no alternative text, so that the words stand in a line of their own, folded.
        words = f"<details><summary>This chart in words</summary>{escape(self.description)}</details>"
        display({"text/html": words}, raw=True)  # type: ignore[no-untyped-call]

    def __repr__(self) -> str:
        return f"Chart: {self.description}"


def loss_chart(item: Run | Comparison, *more: Run | Comparison) -> Chart:
    """The loss of each run by step, with its evaluations; the lines are labelled at their ends.

    Raises:
        RunError: no run has done a step.
    """
    curves = curves_of([item, *more])
    figure = Chart(describe(item, *more))
    axes = figure.add_axes((0.075, 0.11, 0.70, 0.745))
    shades = Counter[str]()
    for one in curves:
        draw(axes, one, shades[one.method.name])
        shades[one.method.name] += 1
    scale(axes, curves)
    label_ends(axes, curves)
    config = (item.runs[0] if isinstance(item, Comparison) else item).config
    figure.text(0.075, 0.94, f"Tuning {config.model} on {config.data}", color=INK, size=14, weight="bold")
    key = KEY_EVALUATED if any(one.evaluated for one in curves) else KEY
    figure.text(0.075, 0.89, key, color=INK, size=9.5)
    return figure


def describe(item: Run | Comparison, *more: Run | Comparison) -> str:
    """The chart of `loss_chart` in words, from the same numbers."""
    return " ".join(["Loss by step, in nats a completion token.", *(said(one) for one in curves_of([item, *more]))])


def save_loss_png(item: Run | Comparison, path: Path | str) -> Path:
    """Write the chart of `loss_chart` as a PNG file."""
    picture, file = loss_chart(item).png(), Path(path)
    with explained_writing(file):
        file.write_bytes(picture)
    return file


def draw(axes: Axes, one: Curve, shade: int) -> None:
    """One run: raw, smoothed and evaluated; `shade` tells runs of the same method apart, the first is the darkest."""
    style = STYLES[one.method.name]
    color = lighter(style["color"], shade)
    dot = "." if len(one.steps) == 1 else ""  # a line needs two points
    axes.plot(one.steps, one.raw, color=color, linewidth=0.8, marker=dot, alpha=0.4, zorder=2)
    axes.plot(one.steps, one.smooth, color=color, linestyle=style["linestyle"], linewidth=2.4, zorder=3)
    steps, losses = [step for step, _ in one.evaluated], [loss for _, loss in one.evaluated]
    axes.plot(
        steps,
        losses,
        color=color,
        linestyle="",
        marker=style["marker"],
        markersize=8,
        markeredgecolor="white",
        zorder=4,
    )


def lighter(color: str, shade: int) -> tuple[float, float, float]:
    """The colour, mixed with white: not at all at shade 0, at most to two thirds."""
    white = (2 / 3) * (1 - 0.6**shade)
    red, green, blue = (channel + (1 - channel) * white for channel in to_rgb(color))
    return red, green, blue


def scale(axes: Axes, curves: Sequence[Curve]) -> None:
    """Axes with their units, logarithmic where the losses span a wide range."""
    losses = [loss for one in curves for loss in (*one.raw, *(loss for _, loss in one.evaluated)) if loss > 0]
    axes.set_xlabel("optimizer step", color=INK, size=11)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    unit = "loss (nats a completion token"
    if losses and max(losses) / min(losses) > LOGARITHMIC_FROM:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 4, 6, 8), numticks=20))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
        unit += ", logarithmic scale"
    axes.set_ylabel(f"{unit})", color=INK, size=11)
    axes.grid(axis="y", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=10, length=3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#999999")
    last = max(one.end[0] for one in curves)
    axes.set_xlim(-0.015 * last, 1.015 * last)


def label_ends(axes: Axes, curves: Sequence[Curve]) -> None:
    """Name and last loss of each run to the right of its line's end, pushed apart where they would overlap."""
    to_axes = axes.transData + axes.transAxes.inverted()
    ends = [one.evaluated[-1] if len(one.evaluated) > 1 else one.end for one in curves]
    points = [to_axes.transform(end) for end in ends]
    texts = [ending(one, loss) for one, (_, loss) in zip(curves, ends, strict=True)]
    heights = spread([float(y) for _, y in points], [LINE_HEIGHT * text.count("\n") + LINE_HEIGHT for text in texts])
    for one, (x, y), text, height in zip(curves, points, texts, heights, strict=True):
        color = STYLES[one.method.name]["color"]
        axes.plot(
            [x + 0.012, 1.01, 1.035], [y, y, height], color=color, linewidth=1.0, linestyle=(0, (1, 1.5)),
            transform=axes.transAxes, clip_on=False,
        )  # fmt: skip
        axes.text(1.042, height, text, color=color, size=10, weight="bold", va="center", transform=axes.transAxes)


def ending(one: Curve, loss: float) -> str:
    """The label of a line: its run, its last loss, and how it ended if not by itself."""
    kind = "evaluation" if len(one.evaluated) > 1 else "training"
    status = [] if one.status == "finished" else [f"{one.status} after step {one.end[0]}"]
    return "\n".join([*wrap(one.name, 23), f"{kind} {loss:.2f}", *status])


def spread(wanted: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Middles as near to the wanted ones as may be without an overlap, none above 1; same order from below."""
    order = sorted(range(len(wanted)), key=lambda number: wanted[number])
    middles = dict.fromkeys(order, 0.0)
    floor = -1.0
    for number in order:  # upwards: none below its place or into the one below
        middles[number] = max(wanted[number], floor + heights[number] / 2)
        floor = middles[number] + heights[number] / 2
    ceiling = 1.0 + LINE_HEIGHT
    for number in reversed(order):  # downwards from the upper edge
        middles[number] = min(middles[number], ceiling - heights[number] / 2)
        ceiling = middles[number] - heights[number] / 2
    return [middles[number] for number in range(len(wanted))]
