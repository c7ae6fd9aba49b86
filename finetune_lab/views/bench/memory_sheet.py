"""Memory by component while a tune runs, stacked over the steps, under the line that was predicted before it began."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon, Rectangle

from finetune_lab.events import Event, Started, Stepped
from finetune_lab.tables import readable
from finetune_lab.views.bench.sheet import Sheet
from finetune_lab.views.bench.thinning import highest_of_each
from finetune_lab.views.bench.traces import HELD, held
from finetune_lab.views.charts import INK, LINE_HEIGHT
from finetune_lab.views.memory_charts import COLOURS, GIB, MIB

KEY = "each component at its largest in the step · dots: measured peak"


class MemorySheet:
    """The chart of one run's memory."""

    def __init__(self) -> None:
        self.sheet = Sheet("optimizer step", "MiB")
        self._unit = MIB
        for artist in self._legend():
            artist.set_figure(self.sheet.figure)
            self.sheet.figure.add_artist(artist)

    def picture(self, events: Sequence[Event]) -> bytes:
        """The memory among these events as a PNG."""
        started = next((event for event in events if isinstance(event, Started)), None)
        predicted = started.predicted_memory.get("peak", 0) if started else 0
        steps = highest_of_each([event for event in events if isinstance(event, Stepped)])
        largest = max([predicted, *(held(step) for step in steps)], default=0)
        unit = GIB if largest >= GIB else MIB
        if unit != self._unit:
            self._unit = unit
            self.sheet.axes.set_ylabel("GiB" if unit == GIB else "MiB")
            self.sheet.restart()
        self.sheet.fit(started.max_steps if started else 1, 1.04 * largest / unit)
        return self.sheet.picture([*self._areas(steps), *self._peaks(steps), *self._predicted(predicted)])

    def _areas(self, steps: Sequence[Stepped]) -> Iterator[Artist]:
        if not steps:
            return
        numbers = np.array([step.step for step in steps], dtype=np.float64)
        edges = np.repeat(np.concatenate(([numbers[0] - 1], numbers)), 2)[1:-1]
        sizes = np.array([[step.memory.get(name, 0) / self._unit for step in steps] for name in HELD])
        tops = np.repeat(sizes.cumsum(axis=0), 2, axis=1)
        for name, top in reversed(list(zip(HELD, tops, strict=True))):  # each over the next larger one
            outline = np.concatenate(([(edges[0], 0.0)], np.column_stack((edges, top)), [(edges[-1], 0.0)]))
            yield self._placed(Polygon(outline, facecolor=COLOURS[name], edgecolor="none"))

    def _peaks(self, steps: Sequence[Stepped]) -> Iterator[Artist]:
        peaks = [(step.step - 0.5, step.memory["peak"] / self._unit) for step in steps if "peak" in step.memory]
        if peaks:
            x, y = zip(*peaks, strict=True)
            mark = Line2D(x, y, linestyle="", marker="o", markersize=4.5, color=INK, markeredgecolor="white")
            yield self._placed(mark)

    def _predicted(self, predicted: int) -> Iterator[Artist]:
        if predicted:
            height = predicted / self._unit
            right = self.sheet.axes.get_xlim()[1]
            yield self._placed(Line2D([0, right], [height, height], color=INK, linestyle=(0, (5, 3)), linewidth=1.2))
            words = f"predicted\n{readable(predicted)}"
            yield self.sheet.label((1.03 * right, height), words, INK, self.sheet.axes.transData)

    def _placed(self, artist: Polygon | Line2D) -> Artist:
        artist.set_figure(self.sheet.figure)
        artist.set_transform(self.sheet.axes.transData)
        artist.set_clip_path(self.sheet.axes.patch)
        return artist

    def _legend(self) -> Iterator[Artist]:
        """Names in the order of the stack, from below: colour and place say the same."""
        axes = self.sheet.axes
        for number, name in enumerate(HELD):
            height = 0.035 + 2.2 * LINE_HEIGHT * number
            yield Rectangle((1.03, height - 0.03), 0.025, 0.06, color=COLOURS[name], transform=axes.transAxes)
            yield self.sheet.label((1.07, height), name.replace("_", " "), INK, axes.transAxes, weight="normal")


def components_said(events: Sequence[Event]) -> str:
    """The chart in words, from the same numbers."""
    steps = [event for event in events if isinstance(event, Stepped) and event.memory]
    started = next((event for event in events if isinstance(event, Started)), None)
    sentences = ["Memory by component and step."]
    if started and started.predicted_memory:
        sentences.append(f"Predicted peak {readable(started.predicted_memory['peak'])}.")
    if not steps:
        return " ".join([*sentences, "No step yet."])
    top = max(steps, key=held)
    parts = sorted(((top.memory.get(name, 0), name) for name in HELD), reverse=True)
    made_of = ", ".join(f"{name.replace('_', ' ')} {readable(size)}" for size, name in parts if size)
    return " ".join([*sentences, f"Highest so far {readable(held(top))} at step {top.step}: {made_of}."])
