"""What is seen of a tune while it runs: figures, charts, a sample answer. Drawn by the renderer's thread alone.

It only sets the value of HTML widgets, which any thread may do; the buttons belong to the panel.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ipywidgets import HTML, Box, VBox

from finetune_lab.bench.snapshot import Snapshot
from finetune_lab.events import Evaluated, Event
from finetune_lab.tuning.comparison import run_name
from finetune_lab.tuning.run import load_run
from finetune_lab.views.bench import markup
from finetune_lab.views.bench.memory_sheet import KEY, MemorySheet, components_said
from finetune_lab.views.bench.trace_sheet import LOSS_KEY, LOSS_UP, TraceSheet
from finetune_lab.views.bench.traces import Trace, loss_trace, losses_said
from finetune_lab.views.bench.words import figures, last_values, name_of, sentence

MOVING = ("running", "pausing", "stopping")
SECONDS_BETWEEN_WORDS = 10.0  # a screen reader is not interrupted more often


class LiveCard:
    """The card; `draw` shows a snapshot and returns how many bytes that sent."""

    def __init__(self) -> None:
        self.tiles, self.status, self.loss, self.memory, self.sample, self.values = (HTML() for _ in range(6))
        charts = Box([card(self.loss), card(self.memory)])
        charts.add_class("ftl-charts")
        self.box = VBox([card(self.tiles, self.status), charts, card(self.sample)])
        self.box.add_class("ftl-stack")
        self.status.add_class("ftl-live")  # page.js makes it one that a screen reader follows
        self._loss, self._memory = TraceSheet(LOSS_UP), MemorySheet()
        self._before: dict[Path, Trace] = {}  # runs of a race that are over
        self._line = self._spoken = ""
        self._spoke_at = 0.0
        self._run: Path | None = None

    def draw(self, now: Snapshot) -> int:
        """Show a snapshot."""
        if now.run_dir != self._run:
            self._run = now.run_dir
            self._memory.sheet.restart()
            if now.number == 1:
                self._loss.sheet.restart()
        traces = self._traces(now)
        loss = markup.chart("Loss", LOSS_KEY, losses_said(traces), self._loss.picture(traces))
        picture = self._memory.picture(now.events)
        memory = markup.chart("Memory", KEY, components_said(now.events), picture)
        tiles = markup.facts(figures(now), "ftl-tiles") + markup.progress(now.step, now.max_steps)
        shown = [
            (self.tiles, tiles), (self.loss, loss), (self.memory, memory), (self.sample, answered(now.events)),
            (self.values, markup.table(last_values(now.events), "last values")),
            (self.status, markup.spoken(self._words(now), seen=now.state not in MOVING)),
        ]  # fmt: skip
        return sum(changed(widget, value) for widget, value in shown)

    def _traces(self, now: Snapshot) -> list[Trace]:
        """The race's runs that are over, then the present one."""
        for folder in now.folders:
            if folder != now.run_dir and folder not in self._before:
                run = load_run(folder)
                self._before[folder] = loss_trace(run_name(run.summary), run.method.name, run.events)
        before = [self._before[folder] for folder in now.folders if folder != now.run_dir]
        return [*before, loss_trace(name_of(now), now.method.name, now.events)] if now.method else before

    def _words(self, now: Snapshot) -> str:
        """The status line: at once where the state is another, else at most every ten seconds."""
        if now.state != self._spoken or time.monotonic() - self._spoke_at > SECONDS_BETWEEN_WORDS or not now.live:
            self._spoken, self._spoke_at, self._line = now.state, time.monotonic(), sentence(now)
        return self._line


def card(*inside: Any) -> VBox:
    """A frame around widgets."""
    box = VBox(list(inside))
    box.add_class("ftl-card")
    return box


def changed(widget: HTML, value: str) -> int:
    """Set a value if it is another; returns the bytes that this sends."""
    if widget.value == value:
        return 0
    widget.value = value
    return len(value.encode())


def answered(events: Sequence[Event]) -> str:
    """The sample prompt and the newest answer to it."""
    judged = [event for event in events if isinstance(event, Evaluated) and event.sample_prompt]
    if not judged:
        return markup.sample("", "", "comes with the first evaluation")
    last = judged[-1]
    when = "before training" if last.step == 0 else f"after step {last.step}"
    return markup.sample(last.sample_prompt, last.sample_answer, when)
