"""Runs a lesson as Run All does, and says what it took: `python lessons/execute.py NAME [--smoke] [--html FILE]`.

It runs in an empty folder with the kernel of the Python that runs this, so that it also tries an installed wheel. With
`--smoke` the cell tagged `parameters` is replaced by a short rehearsal. `--html` writes the lesson with its outputs: a
static copy for those who only want to read.
"""

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

LESSONS = Path(__file__).resolve().parent
REHEARSAL = """\
speed = {"max_steps": 2, "batch_size": 4, "eval_examples": 4, "score_examples": 2}
ranks = (1, 2)"""


@dataclass(frozen=True)
class Taken:
    """What a run of the whole lesson took."""

    seconds: list[tuple[float, str]]  # by cell, with its first line
    peak: int  # bytes of the kernel's process

    def __str__(self) -> str:
        total, (longest, cell) = sum(seconds for seconds, _ in self.seconds), max(self.seconds)
        slowest = f"slowest cell {longest:.0f} s ({cell})"
        return f"{len(self.seconds)} cells in {total:.0f} s, {slowest}, peak memory {self.peak / 1e9:.2f} GB"


class TimedClient(NotebookClient):
    """nbclient, with the time of each cell and the kernel's peak memory."""

    def __init__(self, notebook: Any, **settings: Any) -> None:
        super().__init__(notebook, **settings)
        self.seconds: list[tuple[float, str]] = []
        self.peak = 0

    async def async_execute_cell(self, cell: Any, *arguments: Any, **settings: Any) -> Any:
        began = time.monotonic()
        try:
            return await super().async_execute_cell(cell, *arguments, **settings)
        finally:
            if cell.cell_type == "code":
                self.note(time.monotonic() - began, cell.source.strip().split("\n")[0][:60])

    def note(self, seconds: float, cell: str) -> None:
        """Keep what a cell took, and say it: whoever waits, or had to end this, sees how far it came."""
        self.seconds.append((seconds, cell))
        print(f"{len(self.seconds):3} {seconds:6.1f} s  {cell}", file=sys.stderr, flush=True)
        provisioner: Any = self.km and self.km.provisioner
        if provisioner is not None and provisioner.pid:  # the kernel has not been ended in mid-cell
            self.peak = max(self.peak, peak_bytes(provisioner.pid))


def peak_bytes(process: int) -> int:
    """The largest memory that a process has held, in bytes; what it holds now where the system keeps no record.

    0 of one that has ended: what ended it is told by others.
    """
    record = Path(f"/proc/{process}/status")
    try:
        if record.exists():
            lines = [line for line in record.read_text().split("\n") if line.startswith("VmHWM")]
            return int(lines[0].split()[1]) * 1024 if lines else 0
        return int(psutil.Process(process).memory_info().rss)
    except (OSError, psutil.NoSuchProcess):
        return 0


def rehearsed(notebook: Any) -> Any:
    """The notebook with its parameters replaced by those of a rehearsal.

    Raises:
        ValueError: not exactly one cell is tagged `parameters`.
    """
    (cell,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    cell.source = REHEARSAL
    return notebook


def executed(notebook: Any, folder: Path) -> Taken:
    """Run all cells in a folder, the outputs left in the notebook."""
    client = TimedClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    # nobody clicks here, and whoever runs this keeps their own answers to themselves
    own = {"FINETUNE_LAB_UI": "plain", "FINETUNE_LAB_PROGRESS": str(folder / "progress")}
    client.execute(env={**os.environ, **own})
    return Taken(client.seconds, client.peak)


def main() -> int:
    """Run and report; 0 when every cell ran, 1 when one did not, 2 when there is no such lesson."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("lesson", help="name or file of a lesson")
    asked.add_argument("--smoke", action="store_true", help="a rehearsal with a few steps")
    asked.add_argument("--html", type=Path, help="file to write the lesson with its outputs to")
    options = asked.parse_args()
    source = Path(options.lesson)
    source = source if source.suffix == ".ipynb" else LESSONS / f"{options.lesson}.ipynb"
    if not source.is_file():
        known = ", ".join(sorted(path.stem for path in LESSONS.glob("*.ipynb")))
        print(f"error: there is no lesson {source}. Lessons here: {known}.", file=sys.stderr)
        return 2
    notebook = nbformat.read(source, as_version=4)
    notebook = rehearsed(notebook) if options.smoke else notebook
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made).resolve()  # as the kernel names it
        try:
            print(executed(notebook, folder))
        except CellExecutionError as error:
            print(f"error: {source.name} does not run to its end: {error}", file=sys.stderr)
            return 1
    if options.html is not None:
        from static_page import page  # not needed, and not there, where this file tries a wheel

        options.html.parent.mkdir(parents=True, exist_ok=True)
        options.html.write_text(page(notebook, source.stem, folder), "utf-8")
        print(options.html)
    return 0


if __name__ == "__main__":
    sys.exit(main())
