"""What a tune did to the weights, layer by layer: how spread out each change is, and how far each layer moved.

rank for 90 %    |  .-.-.  |  .-.-.  |        one field for each kind of layer; in each, the blocks from first to
norm             |  .-.-.  |  .-.-.  |        last
                    q_proj    k_proj
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, PercentFormatter

from finetune_lab.views.charts import FAINT, INK, Chart
from finetune_lab.views.spectrum_charts import SHARE, Drawn, label_items, named, plain
from finetune_lab.weight_change.layer_spectrum import rank_within
from finetune_lab.weight_change.spectra import Spectrum


def layer_chart(*spectra: Spectrum) -> Chart:
    """By kind of layer, from the first block to the last: the rank for 90 % of the energy, and how far W moved.

    Raises:
        ConfigError: as in `spectrum_chart`.
    """
    drawn = named(spectra)
    figure = Chart(describe_layers(*spectra))
    kinds = list(dict.fromkeys(layer.kind for one in drawn for layer in one.spectrum.layers))
    deepest = max(count for one in drawn for count in Counter(layer.kind for layer in one.spectrum.layers).values())
    upper = figure.add_axes((0.075, 0.51, 0.73, 0.31))
    lower = figure.add_axes((0.075, 0.12, 0.73, 0.31))
    for one in drawn:
        for number, kind in enumerate(kinds):
            layers = [layer for layer in one.spectrum.layers if layer.kind == kind]
            places = [number + 0.1 + 0.8 * (at + 0.5) / deepest for at in range(len(layers))]
            upper.plot(places, [rank_within(layer.captured, SHARE) for layer in layers], **pencil(one))
            lower.plot(places, [layer.relative_norm for layer in layers], **pencil(one))
    for axes, unit in ((upper, f"rank for {SHARE:.0%} of energy"), (lower, "norm of change / of W")):
        dress_kinds(axes, kinds, unit)
    upper.set_yscale("log", base=2)
    upper.yaxis.set_major_formatter(FuncFormatter(lambda rank, _: f"{rank:g}"))
    lower.set_ylim(bottom=0)
    lower.yaxis.set_major_formatter(PercentFormatter(1.0))
    label_items(figure, drawn)
    lower.set_xlabel("kind of layer; within each, from the first block to the last", color=INK, size=11)
    base = drawn[0].spectrum.base
    figure.text(0.075, 0.935, f"The change of the weights of {base}, by layer", color=INK, size=14, weight="bold")
    key = "above: how spread out the change is (logarithmic scale)     below: how far the layer moved"
    figure.text(0.075, 0.885, key, color=INK, size=9.5)
    return figure


def describe_layers(*spectra: Spectrum) -> str:
    """The chart of `layer_chart` in words, from the same numbers."""
    said = []
    for one in named(spectra):
        layers = one.spectrum.layers
        needing = max(layers, key=lambda layer: rank_within(layer.captured, SHARE))
        moved = max(layers, key=lambda layer: layer.relative_norm)
        said.append(
            f"{one.name}: {needing.name} needs the highest rank, {rank_within(needing.captured, SHARE)}; "
            f"{moved.name} moved furthest, by {moved.relative_norm:.1%} of its norm."
        )
    return " ".join([f"By layer, the rank for {SHARE:.0%} of the energy and how far the weight moved.", *said])


def pencil(one: Drawn) -> dict[str, Any]:
    """How a line with a marker at each layer is drawn."""
    return {**one.style, "linewidth": 1.6, "markersize": 5, "markeredgecolor": "white"}


def dress_kinds(axes: Axes, kinds: Sequence[str], unit: str) -> None:
    """Axes with a field for each kind of layer."""
    axes.set_xlim(0, len(kinds))
    axes.set_xticks([number + 0.5 for number in range(len(kinds))], kinds)
    axes.tick_params(axis="x", length=0)
    for number in range(1, len(kinds)):
        axes.axvline(number, color=FAINT, linewidth=0.8, zorder=0)
    plain(axes, unit)
