"""What the live panel costs a tune: one run, drawn and not drawn in turns, in a kernel as a notebook has it.

    python benchmarks/live_panel.py [--windows 8] [--steps 24] [--write]

The run is cut into windows of a few steps. In every second one a renderer draws into the widgets of a real panel, which
a real kernel sends; in the others it does not. Windows next to each other are compared, so that a machine that becomes
busy slows both. The renderer's own processor time is counted too: it says the same with less noise.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jupyter_client.manager import start_new_kernel

from finetune_lab.bench.worker import Job, Worker
from finetune_lab.config import LoRA, TuneConfig
from finetune_lab.events import Stepped
from finetune_lab.views.bench.live_card import LiveCard
from finetune_lab.views.bench.renderer import Renderer

TABLE = Path(__file__).with_suffix(".md")
FIRST = 10  # steps of warm-up


def measured(windows: int, steps: int, folder: str) -> dict[str, Any]:
    """Within a kernel: seconds a token in each window, and what the renderer did in the drawn ones."""
    worker, card, renderers = Worker(), LiveCard(), []
    config = TuneConfig(max_steps=FIRST + windows * steps, score_examples=0, eval_examples=8)
    worker.start(Job((LoRA(),), config, Path(folder)))
    drawn_seconds = 0.0
    reach(worker, FIRST)
    card.draw(worker.snapshot())  # the first picture of a process also loads fonts
    for window in range(windows):
        reach(worker, FIRST + window * steps)
        if window % 2:
            began = time.monotonic()
            renderers.append(Renderer(worker.snapshot, card.draw, print))
            renderers[-1].start()
            reach(worker, FIRST + (window + 1) * steps)
            renderers[-1].leave()
            drawn_seconds += time.monotonic() - began
    worker.wait()
    done = [event for event in worker.snapshot().events if isinstance(event, Stepped)][FIRST:]
    parts = [done[at * steps : (at + 1) * steps] for at in range(windows)]
    return {
        "seconds_a_token": [sum(e.seconds for e in part) / sum(e.tokens for e in part) for part in parts],
        "drawn_seconds": drawn_seconds,
        "frames": sum(one.frames for one in renderers),
        "drawing_seconds": sum(one.seconds for one in renderers),
        "sent": sum(one.sent for one in renderers),
    }


def reach(worker: Worker, step: int) -> None:
    """Wait until a step is done."""
    while worker.snapshot().step < step and not worker.done.is_set():
        time.sleep(0.01)


def in_a_kernel(windows: int, steps: int) -> dict[str, Any]:
    """`measured`, in a kernel of its own."""
    manager, client = start_new_kernel(extra_arguments=["--HistoryManager.enabled=False"])
    try:
        with tempfile.TemporaryDirectory() as folder:
            here, result = Path(__file__).parent, Path(folder) / "result.json"
            code = f"import sys, json; sys.path.insert(0, {str(here)!r}); import live_panel\n"
            code += f"found = live_panel.measured({windows}, {steps}, {folder!r})\n"
            code += f"open({str(result)!r}, 'w').write(json.dumps(found))"
            client.execute_interactive(code, timeout=1800, output_hook=lambda _: None)
            found: dict[str, Any] = json.loads(result.read_text())
            return found
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def report(found: dict[str, Any], windows: int, steps: int) -> str:
    each = found["seconds_a_token"]
    ratios = [drawn / bare - 1 for bare, drawn in zip(each[::2], each[1::2], strict=True)]
    share = found["drawing_seconds"] / found["drawn_seconds"]
    names = ("matplotlib", "ipywidgets", "ipykernel", "torch")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    rows = [
        ("renderer's processor time, share of wall time", f"**{share:.2%}**", "under 2 %"),
        ("frames a second", f"{found['frames'] / found['drawn_seconds']:.2f}", "at most 2"),
        ("processor time of a frame", f"{1000 * found['drawing_seconds'] / found['frames']:.0f} ms", "-"),
        ("sent to the browser", f"{60 * found['sent'] / found['drawn_seconds'] / 1e6:.2f} MB a minute", "at most 1"),
        (
            "seconds a token, drawn against not drawn, median of pairs",
            f"{statistics.median(ratios):+.1%} ({min(ratios):+.1%} to {max(ratios):+.1%})",
            "-",
        ),
    ]
    load = f"load {os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else ""
    lines = [
        "# What the live panel costs", "",
        f"`python benchmarks/live_panel.py --windows {windows} --steps {steps} --write`. One LoRA tune of lab-base on "
        f"tickets, windows of {steps} steps drawn and not drawn in turns, {windows // 2} pairs; "
        f"{os.cpu_count()} cores, {load}; Python {platform.python_version()}, {versions}.",
        "", "| what | measured | goal |", "|---|---|---|",
        *(f"| {name} | {value} | {goal} |" for name, value, goal in rows), "",
    ]  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=8, help="an even number")
    parser.add_argument("--steps", type=int, default=24, help="of a window")
    parser.add_argument("--write", action="store_true", help=f"write {TABLE.name}")
    asked = parser.parse_args()
    text = report(in_a_kernel(asked.windows, asked.steps), asked.windows, asked.steps)
    print(text)
    if asked.write:
        TABLE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
