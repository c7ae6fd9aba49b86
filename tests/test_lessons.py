"""The lessons: thin cells, every statement covered, built byte for byte, and run from the first cell to the last."""

import ast
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest

LESSONS = Path(__file__).resolve().parent.parent / "lessons"
NOTEBOOKS = sorted(LESSONS.glob("*.ipynb"))


def script(name: str) -> ModuleType:
    """A script beside the lessons, as a module."""
    spec = importlib.util.spec_from_file_location(f"lessons_{name}", LESSONS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def parsed(cell: Any) -> ast.Module:
    """The code of a cell, its magics left out."""
    return ast.parse("\n".join(line for line in cell.source.split("\n") if not line.strip().startswith("%")))


def test_cells_are_thin_no_definitions_and_one_loop() -> None:
    cells = [cell for path in NOTEBOOKS for cell in code_cells(path)]
    assert len(cells) >= 30
    assert [cell.source for cell in cells if len(cell.source.splitlines()) > 12] == []
    nodes = [node for cell in cells for node in ast.walk(parsed(cell))]
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    assert [node for node in nodes if isinstance(node, definitions)] == []
    trains = [node for node in nodes if isinstance(node, ast.For | ast.While) and "backward" in ast.unparse(node)]
    prints = [node for node in nodes if isinstance(node, ast.For | ast.While) and "print(" in ast.unparse(node)]
    assert len(trains) == 1
    assert len([node for node in nodes if isinstance(node, ast.For | ast.While)]) == len(trains) + len(prints)


def test_no_outputs_no_counts_no_widget_state_and_no_solution() -> None:
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        assert set(notebook.metadata) == {"kernelspec"}
        assert [cell.outputs for cell in code_cells(path) if cell.outputs or cell.execution_count] == []
        tags = [tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])]
        assert tags == ["parameters"]
    solved = sorted((LESSONS / "solutions").glob("*.ipynb"))
    assert [path.name for path in solved] == [path.name for path in NOTEBOOKS]
    for with_solutions, without in zip(solved, NOTEBOOKS, strict=True):
        sizes = [len(nbformat.read(path, as_version=4).cells) for path in (with_solutions, without)]
        assert sizes[0] > sizes[1]


def test_the_build_is_byte_identical_and_notices_every_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = script("build")
    sources = sorted((LESSONS / "src").glob("*.py"))
    wanted = build.made_from(sources)
    assert wanted == build.made_from(sources)
    assert len(wanted) == 2 * len(sources) + 1
    assert build.faults(wanted) == []
    changed = dict(wanted)
    changed[LESSONS / "COVERAGE.md"] = wanted[LESSONS / "COVERAGE.md"].replace("data-first", "")
    assert build.faults(changed) == ["COVERAGE.md differs from its source", "S13 is not taught, run and asked"]
    changed = {path: text for path, text in wanted.items() if path.suffix == ".md"}
    assert min(build.faults(changed)).endswith("has no source")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("lesson", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_lesson_runs_to_its_end_without_a_frontend(
    lesson: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):  # nothing of the home is read or written
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    execute = script("execute")
    notebook = execute.rehearsed(nbformat.read(lesson, as_version=4))
    work = tmp_path / "work"
    work.mkdir()
    taken = execute.executed(notebook, work)
    assert taken.peak < 1.2e9
    assert len(taken.seconds) >= 30
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    kinds = [kind for output in outputs for kind in output.get("data", {})]
    assert kinds.count("image/png") >= 8
    assert kinds.count("text/html") >= 8
    text = "".join(output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs)
    assert "main-question" in text, "the questions are not there as plain text"
    runs = sorted(path.parent.name for path in (work / "runs").rglob("run.json"))
    assert len(runs) == 7, "full, LoRA, QLoRA; two ranks; full and LoRA on the messy data: none of them twice"
    page = script("static_page").page(notebook, "a title", work)
    assert "progress/lesson.json" in page
    assert str(tmp_path) not in page, "the folder is gone when somebody reads this"
    assert page.count("<img") >= 8
    assert page.count("<math") >= 10
    assert re.findall(r'<(?:script|link|iframe|img)\b[^>]*(?:src|href)="(?!data:)[^"]*', page) == []
