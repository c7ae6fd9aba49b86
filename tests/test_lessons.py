"""Every lesson runs from its first cell to its last, in a kernel of its own, with fewer steps than a learner takes."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

LESSONS = Path(__file__).resolve().parent.parent / "lessons"
NOTEBOOKS = sorted(LESSONS.glob("*.ipynb"))
ASKED = 'data="tickets"'
SHORTER = ASKED + ", max_steps=2, eval_examples=4, score_examples=2"


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(notebook: Any) -> list[str]:
    """The MIME types of all that the cells put out."""
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    return [kind for output in outputs for kind in output.get("data", {})]


def test_no_cell_of_code_is_longer_than_twelve_lines() -> None:
    cells = [cell for path in NOTEBOOKS for cell in code_cells(nbformat.read(path, as_version=4))]
    assert len(cells) >= 5
    assert [cell.source for cell in cells if len(cell.source.splitlines()) > 12] == []


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_three_tunes_runs_and_shows_its_table_and_its_plot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):  # nothing of the home is read or written
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    notebook = nbformat.read(LESSONS / "00_three_tunes.ipynb", as_version=4)
    runs = [cell for cell in code_cells(notebook) if ASKED in cell.source]
    assert len(runs) == 2
    for cell in runs:
        cell.source = cell.source.replace(ASKED, SHORTER)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert "text/html" in shown(notebook), "the comparison shows no table"
    assert "image/png" in shown(notebook), "lab.plot shows no picture"
    asked = next(cell for cell in code_cells(notebook) if "generate" in cell.source)
    answers = "".join(output.text for output in asked.outputs if output.get("name") == "stdout")
    assert all(f"{name}: " in answers for name in ("base", "full", "lora", "qlora"))
    assert len(list((tmp_path / "runs").rglob("run.json"))) == 4
