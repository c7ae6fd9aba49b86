"""The lesson as a learner goes through it: Run All, bench, checkpoint, reload, submission; and then its grade."""

import csv
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from lab_page import LabPage
from playwright.sync_api import Locator, expect

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
LESSONS = Path(__file__).resolve().parents[2] / "lessons"
RUN_ALL_MS = 600_000
ANSWER = (
    "LoRA adds two small trainable low-rank matrices A and B beside each frozen weight matrix; their product BA is the "
    "learned update, and it is added to the output of the frozen weights."
)


def rehearsed_cells() -> list[str]:
    """The code of the lesson, with the parameters of a rehearsal."""
    spec = importlib.util.spec_from_file_location("lessons_execute", LESSONS / "execute.py")
    assert spec is not None
    assert spec.loader is not None
    execute: Any = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = execute
    spec.loader.exec_module(execute)
    notebook = execute.rehearsed(nbformat.read(LESSONS / "full_lora_qlora.ipynb", as_version=4))
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def shown(lab: LabPage, cells: list[str], text: str) -> Locator:
    """The output of the one cell with this text, in view."""
    (number,) = [at for at, source in enumerate(cells) if text in source]
    lab.show_cell(number)
    return lab.cell_now().locator(".jp-Cell-outputArea")


def errors(saved: dict[str, Any]) -> list[str]:
    outputs = [output for cell in saved["cells"] for output in cell.get("outputs", [])]
    return [output["evalue"] for output in outputs if output["output_type"] == "error"]


def test_the_lesson_from_run_all_to_a_grade(open_lab: Callable[..., LabPage]) -> None:
    cells = ["import os\nos.environ['FINETUNE_LAB_PROGRESS'] = 'progress'", *rehearsed_cells()]
    lab = open_lab(cells, height=1100)
    lab.run_all(wait=False)
    lab.wait_idle(RUN_ALL_MS)
    saved = lab.save()
    assert errors(saved) == []
    assert len([cell for cell in saved["cells"] if cell["outputs"]]) >= 40

    panel = shown(lab, cells, "bench = lab.Bench").locator(".ftl-bench")
    panel.get_by_role("button", name="Run", exact=True).click()
    expect(panel.locator(".ftl-tiles")).to_contain_text("✓ Finished", timeout=120_000)

    quick = shown(lab, cells, '"quick-adapters", "quick-qlora"')
    quick.locator("label", has_text="They adapt fewer parameters").locator("input").check()
    quick.get_by_role("button", name="Check", exact=True).click()
    expect(quick.get_by_role("status")).to_contain_text("✓ Right")

    four = shown(lab, cells, "from_memory=True")
    four.locator("select").first.select_option(index=2)
    expect(four.locator(".ftq-prompt")).to_contain_text("what is LoRA adding")
    four.locator("textarea").fill(ANSWER)
    four.get_by_role("button", name="Check", exact=True).click()
    expect(four.get_by_role("status")).to_contain_text("✓ Right")

    lab.reload()
    expect(shown(lab, cells, '"quick-adapters", "quick-qlora"')).to_contain_text("1 of 2 answered")
    lab.run_cell(lab.add_cell('lab.submit(student="ann", course="ml-101")'))
    assert errors(lab.save()) == []

    hand_in = lab.folder / "handed-in"
    hand_in.mkdir()
    (lab.folder / "submission.json").rename(hand_in / "submission.json")
    command = [sys.executable, "-m", "finetune_lab", "class", "grade", str(hand_in), "--out", "book.csv"]
    subprocess.run(command, cwd=lab.folder, check=True, capture_output=True)
    (row,) = csv.DictReader((lab.folder / "book.csv").open(encoding="utf-8-sig"))
    assert row["student_id"] == "ann"
    assert (float(row["quick-adapters"]), float(row["checkpoint-lora"])) == (1.0, 2.0)
