"""Scores by adapter and data set: one panel a data set, one bar a model, the best bar of each panel dark.

                 billing        logistics       support-desk
    base         | 0 %          | 0 %           |= 13 %
    billing      |======= 93 %  | 0 %           |= 12 %
    logistics    | 0 %          |======= 91 %   |= 11 %

Read a panel downwards for who answers this customer best, a row across for what an adapter can and what it can't.
"""

from collections.abc import Mapping
from pathlib import PurePath
from textwrap import wrap

from matplotlib.axes import Axes

from finetune_lab.errors import ConfigError
from finetune_lab.serving.scores import Scores
from finetune_lab.views.charts import FAINT, INK, Chart

BEST, OTHER = "#0072B2", "#9FB6C6"  # one hue, dark and light: told apart without seeing colours
LEFT, RIGHT, GAP = 0.205, 0.985, 0.022  # of the figure's width
LETTERS = 20  # of a name in a line
KEY = "share of the answers' fields, or of their words, that is right on held-out examples; dark: the best"
Shares = Mapping[str, Mapping[str, float | None]]  # data set -> model -> share from 0 to 1


def scores_by_adapter(scores: Scores) -> Chart:
    """The score of each model (base, adapters, combinations) on each data set, labelled with its number.

    A model without a score on a data set has the words "not measured" there.

    Raises:
        ConfigError: there is no score at all.
    """
    shares = by_data_set(scores)
    figure = Chart(describe(scores))
    width = (RIGHT - LEFT - GAP * (len(shares) - 1)) / len(shares)
    for number, (name, found) in enumerate(shares.items()):
        axes = figure.add_axes((LEFT + number * (width + GAP), 0.11, width, 0.70))
        draw_bars(axes, found)
        scale(axes, wrapped(name), [wrapped(model) for model in found] if number == 0 else [], len(found))
    figure.text(0.02, 0.935, "Scores by adapter and data set", color=INK, size=14, weight="bold")
    figure.text(0.02, 0.885, KEY, color=INK, size=9.5)
    return figure


def describe(scores: Scores) -> str:
    """The chart in words, from the same numbers."""
    said = [
        f"On {name}: {', '.join(f'{model} {percent(value)}' for model, value in found.items())}."
        for name, found in by_data_set(scores).items()
    ]
    return " ".join(["Scores by model and data set.", *said])


def by_data_set(scores: Scores) -> Shares:
    """The scores the other way round, data sets in the order in which they first occur.

    Raises:
        ConfigError: there is no score at all.
    """
    names = list(dict.fromkeys(data for on_each in scores.judged.values() for data in on_each))
    shares = {
        short(name): {
            model: on_each[name].score if name in on_each else None for model, on_each in scores.judged.items()
        }
        for name in names
    }
    if not any(value is not None for found in shares.values() for value in found.values()):
        raise ConfigError("There is no score to draw: nothing was generated.", "Set score_examples to 1 or more.")
    return shares


def draw_bars(axes: Axes, found: Mapping[str, float | None]) -> None:
    """The bars of one data set, the first model on top, each with its number."""
    best = max((value for value in found.values() if value), default=None)
    for place, value in enumerate(found.values()):
        if value is None:
            axes.text(0.02, place, percent(value), va="center", color=INK, size=9.5, style="italic")
            continue
        top = value == best
        axes.barh(place, value, height=0.62, color=BEST if top else OTHER, zorder=2)
        inside = value > 0.72  # else the number stands behind the bar's end
        axes.text(
            value - 0.02 if inside else value + 0.02,
            place,
            percent(value),
            va="center",
            ha="right" if inside else "left",
            color="white" if inside and top else INK,
            size=10.5,
            weight="bold" if top else "normal",
            zorder=3,
        )


def scale(axes: Axes, title: str, models: list[str], rows: int) -> None:
    """One panel's title and axes; only the first panel names the models."""
    axes.set_title(title, color=INK, size=11.5, weight="bold", loc="left")
    axes.set_xlim(0, 1)
    axes.set_ylim(rows - 0.45, -0.55)
    axes.set_xticks([0, 0.5, 1], ["0", "50", "100 %"])
    nothing, _, everything = axes.get_xticklabels()
    nothing.set_horizontalalignment("left")  # within the panel: its neighbours' are near
    everything.set_horizontalalignment("right")
    axes.set_yticks(range(len(models)), models)
    axes.tick_params(colors=INK, labelsize=9, length=0)
    axes.tick_params(axis="y", labelsize=10.5)
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    axes.spines["left"].set_color("#999999")


def percent(value: float | None) -> str:
    """A share in whole percent; what is neither nothing nor all never looks like it."""
    if value is None:
        return "not measured"
    if 0 < value < 0.005:
        return "< 1 %"
    return "> 99 %" if 0.995 <= value < 1 else f"{100 * value:.0f} %"


def short(name: str) -> str:
    """A data set's name; of a file its last folder and its own name."""
    return "/".join(PurePath(name).parts[-2:]) if PurePath(name).suffix else name


def wrapped(name: str) -> str:
    """A name on at most two lines."""
    return "\n".join(wrap(name, LETTERS, max_lines=2, placeholder=" …"))
