"""What stays in the notebook file when a run has ended: a picture and a table, as ordinary output.

A widget's state is not in the file, so that GitHub, a reader without a kernel and a reload show nothing of it. The cell
that shows the panel therefore displays a second, empty output under an id, and the end of a run fills it in. Outputs
may be changed by the kernel's main thread only, so that the renderer asks the kernel's loop to do it.
"""

import asyncio
import base64
import secrets
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

from IPython.display import display
from PIL import Image

from finetune_lab.memory.run_plan import error_rows
from finetune_lab.tables import as_html, as_text
from finetune_lab.tuning.comparison import table_row
from finetune_lab.tuning.run import Run
from finetune_lab.views.bench.memory_sheet import MemorySheet, components_said
from finetune_lab.views.bench.trace_sheet import LOSS_UP, TraceSheet
from finetune_lab.views.bench.traces import loss_trace, losses_said
from finetune_lab.views.curves import names_of

WIDTH = 1000  # of the picture on the page
Bundle = dict[str, Any]


class Keepsake:
    """Two outputs of the present cell, a picture and a table, that are filled in when there is something to keep.

    Until then, the first one holds the `script` that the page is to run once.
    """

    def __init__(self, script: str) -> None:
        self._ids = [secrets.token_hex(8) for _ in range(2)]
        self._loop = running_loop()
        first = ({"application/javascript": script}, {"text/plain": ""})
        for one, data in zip(self._ids, first, strict=True):
            display(data, raw=True, display_id=one)  # type: ignore[no-untyped-call]

    def later(self, do: Callable[[], None]) -> None:
        """Have the kernel's main thread do something once it is free; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(do)

    def fill(self, runs: Sequence[Run]) -> None:
        """Show these runs in the outputs; on the kernel's main thread."""
        for one, (data, metadata) in zip(self._ids, static(runs), strict=True):
            display(data, raw=True, metadata=metadata, display_id=one, update=True)  # type: ignore[no-untyped-call]


def show(runs: Sequence[Run]) -> None:
    """Display runs in the present cell, for good."""
    for data, metadata in static(runs):
        display(data, raw=True, metadata=metadata)  # type: ignore[no-untyped-call]


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that runs this cell, where there is one."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def static(runs: Sequence[Run]) -> list[tuple[Bundle, Bundle]]:
    """Runs as a picture and as tables: data by type, and how to show it."""
    names = names_of(runs)
    traces = [loss_trace(name, run.method.name, run.events) for name, run in zip(names, runs, strict=True)]
    last = runs[-1]
    words = f"{losses_said(traces)} {components_said(last.events)}"
    png = beside(TraceSheet(LOSS_UP).picture(traces), MemorySheet().picture(last.events))
    picture = {"image/png": base64.b64encode(png).decode(), "text/plain": words}
    rows = [table_row(run.summary) for run in runs]
    memory = error_rows(**last.memory) if last.losses else []
    tables = {"text/html": as_html(rows) + (as_html(memory) if memory else ""), "text/plain": as_text(rows)}
    return [(picture, {"image/png": {"width": WIDTH, "alt": words}}), (tables, {})]


def beside(left: bytes, right: bytes) -> bytes:
    """Two pictures of one palette and height as one."""
    first, second = (Image.open(BytesIO(png)) for png in (left, right))
    both = Image.new("P", (first.width + second.width, first.height))
    both.putpalette(first.getpalette() or [])
    both.paste(first, (0, 0))
    both.paste(second, (first.width, 0))
    file = BytesIO()
    both.save(file, "PNG", optimize=True)
    return file.getvalue()
