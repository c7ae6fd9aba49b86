"""All runs of the notebook's folder: a table with a box to tick beside each run, overlays of those ticked, differences.

Made and changed on the kernel's main thread only: it makes widgets.
"""

from pathlib import Path
from typing import Any

import ipywidgets as widgets

from finetune_lab.bench.run_table import HIGHER_IS_BETTER, LOWER_IS_BETTER, RunTable
from finetune_lab.tuning.run import Run
from finetune_lab.views.bench import markup
from finetune_lab.views.bench.live_card import card
from finetune_lab.views.bench.trace_sheet import LOSS_KEY, LOSS_UP, MEMORY_UP, TraceSheet
from finetune_lab.views.bench.traces import loss_trace, losses_said, memory_said, memory_trace
from finetune_lab.views.curves import names_of

COLUMNS = ("rate", "steps", "eval loss", "score", "tokens/s", "peak", "error", "artifact", "status")
MOST_TICKED = 6  # lines that can be told apart
MEMORY_KEY = "held at each step's peak"


class RunsCard:
    """The card; `refresh` reads the folder again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._table = RunTable(folder)
        self._ticks: dict[str, Any] = {}
        self._rows, self._changes, self._loss, self._memory = (widgets.HTML() for _ in range(4))
        self._boxes = widgets.VBox([])
        self._boxes.add_class("ftl-ticks")
        self._best = widgets.Dropdown(
            description="best by",
            options=[(name.replace("_", " "), name) for name in (*LOWER_IS_BETTER, *HIGHER_IS_BETTER)],
        )
        self._first, self._second = widgets.Dropdown(description="from"), widgets.Dropdown(description="to")
        for field in (self._best, self._first, self._second):
            field.style.description_width = "initial"
        self._best.observe(lambda _: self._show_rows(), names="value")
        for field in (self._first, self._second):
            field.observe(lambda _: self._show_changes(), names="value")
        self.box = self._layout()
        self.refresh()

    def _layout(self) -> Any:
        head = row(widgets.HTML(markup.title("Runs in this folder", str(self._folder))), self._best)
        head.add_class("ftl-head")
        table = widgets.Box([self._boxes, self._rows])
        table.add_class("ftl-runs")
        self._charts = widgets.Box([card(self._loss), card(self._memory)])
        self._charts.add_class("ftl-charts")
        asked = row(widgets.HTML(markup.title("What did I change?")), self._first, self._second)
        asked.add_class("ftl-head")
        self._asked = card(asked, self._changes)
        box = widgets.VBox([card(head, table), self._charts, self._asked])
        box.add_class("ftl-stack")
        return box

    def refresh(self, ticked: tuple[str, ...] = ()) -> None:
        """Read the folder again; tick these, where they are new."""
        self._table = RunTable(self._folder)
        names = names_of(self._table.runs) if self._table.runs else []
        for run, name in zip(self._table.runs, names, strict=True):
            if run.folder.name not in self._ticks:
                self._ticks[run.folder.name] = self._tick(name, ticked=run.folder.name in ticked)
        self._boxes.layout.display = None if len(self._table) else "none"
        self._boxes.children = [self._ticks[run.folder.name] for run in self._newest_first()]
        options = [
            (f"{name} · {run.folder.name}", run.folder.name) for run, name in zip(self._table.runs, names, strict=True)
        ]
        for field, at in ((self._first, -2), (self._second, -1)):
            field.options = options
            if len(options) > 1:
                field.value = options[at][1]
        self._asked.layout.display = None if len(options) > 1 else "none"
        self._show_rows()
        self._show_charts()

    def _tick(self, name: str, *, ticked: bool) -> Any:
        box = widgets.Checkbox(value=ticked, description=name, indent=False)
        box.observe(lambda _: self._show_charts(), names="value")
        return box

    def _newest_first(self) -> list[Run]:
        return list(reversed(self._table.runs))

    def _show_rows(self) -> None:
        if not self._table.runs:
            self._rows.value = markup.note("No run yet.")
            return
        best = self._table.best(self._best.value)
        cells = dict(zip(self._table.names, self._table.rows(COLUMNS), strict=True))
        rows = [{"best": "★ best" if run is best else "", **cells[run.folder.name]} for run in self._newest_first()]
        faults = "".join(markup.note(f"not readable: {fault}") for fault in self._table.faults)
        self._rows.value = markup.table(rows, "runs") + faults

    def _show_charts(self) -> None:
        """Loss and memory of the ticked runs, over one another."""
        ticked = [run for run in self._table.runs if self._ticks[run.folder.name].value][-MOST_TICKED:]
        self._charts.layout.display = None if ticked else "none"
        if not ticked:
            return
        shades: dict[str, int] = {}
        losses, memories = [], []
        for run, name in zip(ticked, names_of(ticked), strict=True):
            method = run.method.name
            shade = shades[method] = shades.get(method, -1) + 1
            losses.append(loss_trace(name, method, run.events, shade))
            memories.append(memory_trace(name, method, run.events, shade))
        loss, memory = TraceSheet(LOSS_UP).picture(losses), TraceSheet(MEMORY_UP).picture(memories)
        self._loss.value = markup.chart("Loss, ticked runs", LOSS_KEY, losses_said(losses), loss)
        self._memory.value = markup.chart("Memory, ticked runs", MEMORY_KEY, memory_said(memories), memory)

    def _show_changes(self) -> None:
        if self._first.value is None or self._second.value is None:
            return
        found = self._table.differences(self._first.value, self._second.value)
        rows = [
            {"setting": one.name, "from": str(one.first), "to": str(one.second), "what it is": one.help}
            for one in found
        ]
        self._changes.value = markup.table(rows, "differences") if rows else markup.note("The same settings.")


def row(*inside: Any) -> widgets.Box:
    """Widgets beside each other."""
    box = widgets.Box(list(inside))
    box.add_class("ftl-row")
    return box
