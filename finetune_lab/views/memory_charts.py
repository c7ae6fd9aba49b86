"""Memory as charts: over steps, within a step, predicted against measured, against length. Computes nothing.

A component has the same colour everywhere (the palette of Okabe and Ito, told apart by colour-blind eyes). Each figure
has an alternative text computed from its data: its `description`, and PNG metadata from `save_png`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from finetune_lab.events import MEMORY_COMPONENTS
from finetune_lab.memory.curve import StepCurve
from finetune_lab.views.charts import Chart

COLOURS = {
    "base_weights": "#0072B2",
    "adapter_weights": "#D55E00",
    "quantization_state": "#56B4E9",
    "gradients": "#CC79A7",
    "optimizer": "#E69F00",
    "activations": "#009E73",
    "other": "#999999",
}
LINE = "#000000"
GIB, MIB = 2**30, 2**20
Sizes = Mapping[str, int]  # bytes by component


def over_steps(steps: Sequence[Sizes], predicted_peak: int | None = None, limit: int | None = None) -> Chart:
    """Bytes by component at each step, stacked; measured peaks as dots, the predicted peak and the limit as lines."""
    figure, axes = _figure("Memory over steps, each component at its largest within the step", "step")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    unit, size = _unit(max([predicted_peak or 0, *(sum(_parts(step)) for step in steps)]))
    numbers = range(1, len(steps) + 1)
    stacked = [[step.get(name, 0) / size for step in steps] for name in MEMORY_COMPONENTS]
    axes.stackplot(numbers, stacked, labels=_labels(), colors=list(COLOURS.values()), step="mid")
    peaks = [(number, step["peak"] / size) for number, step in zip(numbers, steps, strict=True) if "peak" in step]
    if peaks:
        axes.plot(*zip(*peaks, strict=True), "o", color=LINE, markersize=4, label="measured peak")
    _line(axes, predicted_peak, size, "predicted peak", "--")
    _line(axes, limit, size, "the device's limit", "-")
    worst = max((step.get("peak", sum(_parts(step))) for step in steps), default=0)
    said = f"Memory over {len(steps)} steps, at most {_said(worst)}. Largest: {_ranking(steps[-1] if steps else {})}."
    foretold = f" Predicted peak {_said(predicted_peak)}." if predicted_peak else ""
    return _finished(figure, axes, unit, f"{said}{foretold}")


def within_step(curve: StepCurve, predicted_peak: int | None = None) -> Chart:
    """The mountain of one step: forward climbs, backward falls; each moment split by component."""
    figure, axes = _figure("Memory within one step", "operation")
    unit, size = _unit(max(curve.peak, predicted_peak or 0))
    columns = list(zip(*(point.split for point in curve.points), strict=True))
    stacked = [[value / size for value in column] for column in columns]
    axes.stackplot(range(len(curve.points)), stacked, labels=_labels(), colors=list(COLOURS.values()))
    highest = curve.points.index(curve.highest)
    place = curve.highest.module.split(".")[-1] or "the loss"
    told = f"peak, {curve.highest.phase}, {place}"
    axes.annotate(told, (highest, curve.peak / size), fontsize=8, ha="center", va="bottom")
    _line(axes, predicted_peak, size, "predicted peak", "--")
    turns = [at for at, point in enumerate(curve.points[1:], 1) if point.phase != curve.points[at - 1].phase]
    for at in turns:
        axes.axvline(at, color=LINE, linewidth=0.5, linestyle=":")
    said = f"Memory within one step: it rises to {_said(curve.peak)} in {curve.highest.phase} at {place}, then falls."
    return _finished(figure, axes, unit, f"{said} At the peak: {_ranking(curve.at_peak())}.")


def at_the_peak(plans: Mapping[str, Sizes], limit: int | None = None) -> Chart:
    """One stacked bar a plan or run: its bytes by component at the moment of its peak."""
    figure, axes = _figure("Memory at the peak", "")
    unit, size = _unit(max([limit or 0, *(sum(_parts(split)) for split in plans.values())]))
    below = [0.0] * len(plans)
    for name, colour in COLOURS.items():
        heights = [split.get(name, 0) / size for split in plans.values()]
        axes.bar(list(plans), heights, 0.6, bottom=below, color=colour, label=name.replace("_", " "))
        below = [low + height for low, height in zip(below, heights, strict=True)]
    _line(axes, limit, size, "the device's limit", "-")
    said = [f"{name} {_said(sum(_parts(split)))}, of which {_ranking(split)}" for name, split in plans.items()]
    return _finished(figure, axes, unit, f"Memory at the peak: {'; '.join(said)}.")


def predicted_and_measured(predicted: Sizes, measured: Sizes) -> Chart:
    """Two bars a component and for the peak, with the error in percent."""
    figure, axes = _figure("Predicted and measured", "")
    names = [name for name in (*MEMORY_COMPONENTS, "peak") if predicted.get(name) or measured.get(name)]
    unit, size = _unit(max(sizes.get(name, 0) for name in names for sizes in (predicted, measured)))
    at = range(len(names))
    colours = [COLOURS.get(name, LINE) for name in names]
    axes.bar([x - 0.2 for x in at], [predicted.get(n, 0) / size for n in names], 0.38, color="white", edgecolor=colours,
             hatch="///", label="predicted")  # fmt: skip
    axes.bar([x + 0.2 for x in at], [measured.get(n, 0) / size for n in names], 0.38, color=colours, label="measured")
    axes.set_xticks(list(at), [name.replace("_", " ") for name in names], rotation=30, ha="right", fontsize=8)
    for x, name in enumerate(names):
        if measured.get(name):
            error = 100 * (predicted.get(name, 0) / measured[name] - 1)
            top = max(predicted.get(name, 0), measured[name]) / size
            axes.annotate(f"{error:+.1f} %", (x, top), fontsize=7, ha="center", va="bottom")
    said = [f"{name} {_said(predicted.get(name, 0))} and {_said(measured.get(name, 0))}" for name in names]
    return _finished(figure, axes, unit, f"Predicted and measured memory: {'; '.join(said)}.")


def against_length(lengths: Sequence[int], peaks: Mapping[str, Sequence[int]], limit: int | None = None) -> Chart:
    """The peak against the length of a row, one line a method."""
    figure, axes = _figure("Peak memory and length", "tokens in a row")
    unit, size = _unit(max(value for values in peaks.values() for value in values))
    styles = zip(("#0072B2", "#D55E00", "#009E73", "#CC79A7"), ("o-", "s--", "^-.", "D:"), strict=True)
    for (name, values), (colour, style) in zip(peaks.items(), styles, strict=False):
        axes.plot(lengths, [value / size for value in values], style, color=colour, label=name)
    _line(axes, limit, size, "the device's limit", "-")
    said = [f"{name} from {_said(values[0])} to {_said(values[-1])}" for name, values in peaks.items()]
    text = f"Peak memory for rows of {lengths[0]} to {lengths[-1]} tokens: {'; '.join(said)}."
    return _finished(figure, axes, unit, text)


def save_png(figure: Chart, file: Path) -> None:
    """Write a figure with its alternative text in the file's metadata."""
    figure.savefig(file, format="png", dpi=120, metadata={"Description": figure.description})


def _figure(title: str, across: str) -> tuple[Chart, Axes]:
    figure = Chart(size=(7.2, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, fontsize=11)
    axes.set_xlabel(across)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _finished(figure: Chart, axes: Axes, unit: str, said: str) -> Chart:
    axes.set_ylabel(unit)
    axes.set_ylim(bottom=0)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    figure.description = said
    return figure


def _line(axes: Axes, value: int | None, size: int, label: str, style: str) -> None:
    if value is not None:
        axes.axhline(value / size, color=LINE, linestyle=style, linewidth=1, label=label)


def _labels() -> list[str]:
    return [name.replace("_", " ") for name in MEMORY_COMPONENTS]


def _parts(sizes: Sizes) -> list[int]:
    return [sizes.get(name, 0) for name in MEMORY_COMPONENTS]


def _unit(largest: int) -> tuple[str, int]:
    return ("GiB", GIB) if largest >= GIB else ("MiB", MIB)


def _said(size: int) -> str:
    unit, divisor = _unit(size)
    return f"{size / divisor:.1f} {unit}"


def _ranking(sizes: Sizes) -> str:
    found = sorted(((sizes.get(name, 0), name) for name in MEMORY_COMPONENTS), reverse=True)
    return ", ".join(f"{name.replace('_', ' ')} {_said(size)}" for size, name in found[:3] if size)
