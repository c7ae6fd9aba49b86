"""The loss curves of a run as data: what a chart draws and what its text says. No matplotlib."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from finetune_lab.config import Method
from finetune_lab.errors import RunError
from finetune_lab.events import Evaluated, Stepped
from finetune_lab.tuning.comparison import Comparison, table_row
from finetune_lab.tuning.run import Run

SMOOTHED_SHARE = 0.08  # of the steps: the width of the weights


@dataclass(frozen=True)
class Curve:
    """One run's losses in nats a completion token. `raw` and `smooth` belong to `steps`."""

    name: str
    method: Method
    steps: tuple[int, ...]
    raw: tuple[float, ...]
    smooth: tuple[float, ...]
    evaluated: tuple[tuple[int, float], ...]  # (step, loss) on examples that are not trained on
    status: str

    @property
    def end(self) -> tuple[int, float]:
        """The last point of the smoothed line."""
        return self.steps[-1], self.smooth[-1]


def curves_of(items: Sequence[Run | Comparison]) -> list[Curve]:
    """One curve for each run that has done a step.

    Raises:
        RunError: none has.
    """
    runs = [run for item in items for run in (item.runs if isinstance(item, Comparison) else [item])]
    with_steps = [run for run in runs if any(math.isfinite(loss) for loss in run.losses)]
    if not with_steps:
        raise RunError("There is no loss to draw: no run has done a step.", "Tune first, or resume the run.")
    return [curve(run, name) for run, name in zip(with_steps, names_of(with_steps), strict=True)]


def curve(run: Run, name: str) -> Curve:
    """The curve of one run; a loss that is not finite ends it."""
    stepped = [event for event in run.events if isinstance(event, Stepped) and math.isfinite(event.loss)]
    judged = [event for event in run.events if isinstance(event, Evaluated) and math.isfinite(event.eval_loss)]
    raw = tuple(event.loss for event in stepped)
    return Curve(
        name=name,
        method=run.method,
        steps=tuple(event.step for event in stepped),
        raw=raw,
        smooth=smoothed(raw),
        evaluated=tuple((event.step, event.eval_loss) for event in judged),
        status=run.status,
    )


def smoothed(values: Sequence[float]) -> tuple[float, ...]:
    """Local linear fit with Gaussian weights: unlike a running mean it does not lag behind a curve that falls."""
    width = max(1.0, SMOOTHED_SHARE * len(values))
    reach = math.ceil(3 * width)
    fitted = []
    for at in range(len(values)):
        x = np.arange(max(0, at - reach), min(len(values), at + reach + 1)) - at
        y = np.asarray(values)[x + at]
        weight = np.exp(-((x / width) ** 2) / 2)
        w, wx, wxx, wy, wxy = (float((weight * part).sum()) for part in (np.ones_like(y), x, x * x, y, x * y))
        slope_free = w * wxx - wx * wx
        fitted.append((wxx * wy - wx * wxy) / slope_free if slope_free > 0 else wy / w)
    return tuple(fitted)


def names_of(runs: Sequence[Run]) -> list[str]:
    """A name for each run that says what sets it apart: the method, then the settings that differ, then the folder."""
    short = [table_row(run.summary)["method"] for run in runs]
    settings = [{**asdict(run.method), **asdict(run.config)} for run in runs]
    names = []
    for number, name in enumerate(short):
        same = [other for other in range(len(runs)) if short[other] == name]
        apart = [key for key in settings[number] if len({settings[other].get(key) for other in same}) > 1]
        names.append(" ".join([name, *(f"{key}={settings[number][key]}" for key in apart)]))
    return [
        f"{name} ({run.folder.name})" if names.count(name) > 1 else name for name, run in zip(names, runs, strict=True)
    ]


def said(one: Curve) -> str:
    """One sentence about a curve."""
    training = f"training loss from {one.raw[0]:.2f} at step {one.steps[0]} to {one.end[1]:.2f} at step {one.end[0]}"
    if len(one.evaluated) > 1:
        training += f", evaluation loss from {one.evaluated[0][1]:.2f} to {one.evaluated[-1][1]:.2f}"
    return f"{one.name}: {training}{'' if one.status == 'finished' else f', {one.status}'}."
