r"""What a tune did to the weights, drawn: its singular values, and the energy that each rank holds.

    singular value                      energy held by rank
    |\                                  100 % |        ____----
    | \____ full: a long tail            90 % |--.--/--------      full needs a high rank,
    |  \    lora: ends at its rank            |  | /               LoRA has no more than r
    +--------- rank                           +------------ rank

Several spectra lie over each other. Colour, dashes and marker are the method's, as in the charts of losses.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from textwrap import wrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator, PercentFormatter

from finetune_lab.errors import ConfigError
from finetune_lab.views.charts import FAINT, INK, STYLES, Chart, lighter
from finetune_lab.weight_change.spectra import Spectrum

SHARE = 0.9  # of the energy: the rank that holds it is marked
TOP, BOTTOM = 0.80, 0.12  # of the figure's height
LOWEST = 5e-4  # of the largest singular value: smaller ones are not shown


@dataclass(frozen=True)
class Drawn:
    """A spectrum with the name and the style that it has in one chart."""

    spectrum: Spectrum
    name: str
    style: dict[str, Any]

    @property
    def middle_values(self) -> list[float]:
        """The median over the layers of the first singular value, of the second, and so on; zeros are left out."""
        layers = self.spectrum.layers
        longest = max(len(layer.values) for layer in layers)
        at_rank = ([layer.values[at] for layer in layers if at < len(layer.values)] for at in range(longest))
        return [value for values in at_rank if (value := median(values)) > 0]


def spectrum_chart(*spectra: Spectrum) -> Chart:
    """Singular values on the left, the cumulative energy by rank on the right.

    Raises:
        ConfigError: none of them has a layer that changed.
    """
    drawn = named(spectra)
    figure = Chart(describe(*spectra))
    values = figure.add_axes((0.075, BOTTOM, 0.345, TOP - BOTTOM))
    held = figure.add_axes((0.50, BOTTOM, 0.305, TOP - BOTTOM))
    for one in drawn:
        draw_values(values, one)
        draw_energy(held, one)
    dress(values, "singular value of the change (median over layers)", widest(drawn))
    values.set_yscale("log")
    values.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    largest = max(one.middle_values[0] for one in drawn)
    values.set_ylim(largest * LOWEST, largest * 1.5)  # below it lies what the weights' rounding left
    dress(held, "share of the change's energy (squared norm)", widest(drawn))
    held.set_ylim(0, 1.02)
    held.yaxis.set_major_formatter(PercentFormatter(1.0))
    held.axhline(SHARE, color="#999999", linewidth=1.0, linestyle=(0, (1, 1.5)), zorder=1)
    label_items(figure, drawn)
    base = drawn[0].spectrum.base
    figure.text(0.075, 0.935, f"The change of the weights of {base}", color=INK, size=14, weight="bold")
    key = f"over all linear layers     marker: the rank, given to every layer, that holds {SHARE:.0%} of the energy"
    figure.text(0.075, 0.885, key, color=INK, size=9.5)
    return figure


def describe(*spectra: Spectrum) -> str:
    """The chart of `spectrum_chart` in words, from the same numbers."""
    said = [
        f"{one.name}: the largest singular value is {one.middle_values[0]:.3g} in the middle layer; rank 1 holds "
        f"{one.spectrum.captured[0]:.0%} of the energy, rank {one.spectrum.rank_for(SHARE)} holds {SHARE:.0%}, "
        f"rank {len(one.spectrum.captured)} all."
        for one in named(spectra)
    ]
    return " ".join(["Singular values of the change by rank, and the energy that each rank holds.", *said])


def named(spectra: Sequence[Spectrum]) -> list[Drawn]:
    """Each spectrum with a name of its own; of one method, the first is the darkest."""
    changed = [one for one in spectra if one.layers]
    if not changed:
        raise ConfigError("There is no change to draw: no linear layer has changed.", "Tune first.")
    seen, shades = Counter[str](), Counter[str]()
    drawn = []
    for one in changed:
        seen[one.what] += 1
        style = STYLES[one.method]
        name = one.what if seen[one.what] == 1 else f"{one.what} ({seen[one.what]})"
        drawn.append(Drawn(one, name, {**style, "color": lighter(style["color"], shades[one.method])}))
        shades[one.method] += 1
    return drawn


def draw_values(axes: Axes, one: Drawn) -> None:
    """The median singular value at each rank."""
    values = one.middle_values
    line = {key: one.style[key] for key in ("color", "linestyle")}
    axes.plot(range(1, len(values) + 1), values, linewidth=2.4, **line)
    axes.plot([len(values)], [values[-1]], linestyle="", markersize=7, color=line["color"], marker=one.style["marker"])


def draw_energy(axes: Axes, one: Drawn) -> None:
    """The energy held by each rank, with the rank of nine tenths marked and named."""
    captured, rank = one.spectrum.captured, one.spectrum.rank_for(SHARE)
    color = one.style["color"]
    axes.plot(range(1, len(captured) + 1), captured, color=color, linestyle=one.style["linestyle"], linewidth=2.4)
    axes.plot([rank], [captured[rank - 1]], linestyle="", marker=one.style["marker"], markersize=9, color=color,
              markeredgecolor="white", zorder=4)  # fmt: skip


def label_items(figure: Chart, drawn: Sequence[Drawn]) -> None:
    """The items' names to the right of the axes, each with its marker and its rank of nine tenths."""
    for number, one in enumerate(drawn):
        height = TOP - 0.03 - 0.1 * number
        dark = STYLES[one.spectrum.method]["color"]
        mark = Line2D([0.83], [height], marker=one.style["marker"], color=one.style["color"], markersize=8)
        figure.add_artist(mark)
        name = "\n".join(wrap(one.name, 17))
        text = f"{name}\nrank {one.spectrum.rank_for(SHARE)} for {SHARE:.0%}"
        figure.text(0.85, height, text, color=dark, size=10, weight="bold", va="center")


def dress(axes: Axes, unit: str, longest: int) -> None:
    """Axes by rank, logarithmic, with their units."""
    axes.set_xscale("log", base=2)
    axes.set_xlim(0.93, longest * 1.12)
    axes.xaxis.set_major_locator(LogLocator(base=2, numticks=12))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rank, _: f"{rank:g}"))
    axes.set_xlabel("rank (logarithmic scale)", color=INK, size=11)
    plain(axes, unit)


def plain(axes: Axes, unit: str) -> None:
    """What all axes here have in common."""
    axes.set_ylabel(unit, color=INK, size=11)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="y", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=10)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def widest(drawn: Sequence[Drawn]) -> int:
    """The most singular values that a layer has."""
    return max(len(one.spectrum.captured) for one in drawn)
