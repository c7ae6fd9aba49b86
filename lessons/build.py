"""Makes the notebooks from their sources: `python lessons/build.py`, or `--check` to compare and change nothing.

A lesson is written in lessons/src/NAME.py, as text with `# %%` between the cells. What is made of it is never edited:

    lessons/NAME.ipynb             what a learner opens: no outputs, no counts, no cell tagged `solution`
    lessons/solutions/NAME.ipynb   the same with the solutions
    lessons/COVERAGE.md            where each statement of the source lesson is taught, run and asked

Tags: S1 to S16 for the statements that a cell is about, `solution`, and `parameters` for the cell that a test or
papermill replaces. The same source gives the same bytes: a cell's id is made of its text.
"""

import hashlib
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from address import PLACEHOLDER, badges, installing, repository

from finetune_lab.quiz.loading import load_bank

LESSONS = Path(__file__).resolve().parent
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}  # the one of the environment it opens in
STATEMENTS = [f"S{number}" for number in range(1, 17)]
KEPT_TAGS = ("parameters",)


def cells_of(source: Path) -> list[Any]:
    """The cells of a source, in order."""
    cells: list[Any] = jupytext.reads(source.read_text("utf-8"), fmt="py:percent").cells
    return cells


def tags(cell: Any) -> list[str]:
    """The tags that the source gives a cell."""
    found: list[str] = cell.metadata.get("tags", [])
    return found


def notebook(source: Path, *, solutions: bool) -> str:
    """The text of the notebook that a source gives, with or without its solutions."""
    cells = [cell for cell in cells_of(source) if solutions or "solution" not in tags(cell)]
    name = repository()
    if line := badges(name, f"lessons/{source.stem}.ipynb"):
        cells.insert(0, nbformat.v4.new_markdown_cell(line))
    for cell in cells:
        cell.source = cell.source.replace(PLACEHOLDER, installing(name))
    seen: Counter[str] = Counter()
    for cell in cells:
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:12]
        seen[digest] += 1
        cell.id = f"{digest}-{seen[digest]}"  # the number tells equal cells apart
        kept = [tag for tag in tags(cell) if tag in KEPT_TAGS]
        cell.metadata = {"tags": kept} if kept else {}
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    nbformat.validate(made)
    text: str = nbformat.writes(made)
    return text + "\n"


def coverage(sources: list[Path]) -> str:
    """A table: for each statement, the headings it is taught and run under, and the questions that ask for it."""
    taught: dict[str, list[str]] = {one: [] for one in STATEMENTS}
    run: dict[str, list[str]] = {one: [] for one in STATEMENTS}
    for source in sources:
        heading = source.stem
        for cell in cells_of(source):
            headings = [line.lstrip("# ") for line in cell.source.split("\n") if line.startswith(("# ", "## "))]
            heading = headings[0] if cell.cell_type == "markdown" and headings else heading
            for one in tags(cell):
                place = taught if cell.cell_type == "markdown" else run
                if one in place and heading not in place[one]:
                    place[one].append(heading)
    asked = {one: [q.id for q in load_bank("lesson").questions if one in q.source] for one in STATEMENTS}
    lines = [
        "# What is taught, run and asked where",
        "",
        "Made by `lessons/build.py` from the tags of the cells and the sources of the questions.",
        "",
    ]
    lines += ["| | taught in | run in | asked by |", "|---|---|---|---|"]
    lines += [
        f"| {one} | {'; '.join(taught[one])} | {'; '.join(run[one])} | {', '.join(asked[one])} |" for one in STATEMENTS
    ]
    return "\n".join([*lines, ""])


def uncovered(table: str) -> list[str]:
    """The statements with an empty cell. The gate and the checkpoint (S14 to S16) are asked, and run by being asked."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.split("\n") if line.startswith("| S")]
    return [f"{row[0]} is not taught, run and asked" for row in rows if not all(row)]


def made_from(sources: list[Path]) -> dict[Path, str]:
    """Every product with its text."""
    plain = {LESSONS / f"{source.stem}.ipynb": notebook(source, solutions=False) for source in sources}
    solved = {LESSONS / "solutions" / f"{source.stem}.ipynb": notebook(source, solutions=True) for source in sources}
    return {**plain, **solved, LESSONS / "COVERAGE.md": coverage(sources)}


def faults(wanted: dict[Path, str]) -> list[str]:
    """What is not as the sources say: a product that is missing, different or without a source."""
    places = [*LESSONS.glob("*.ipynb"), *LESSONS.glob("solutions/*.ipynb"), *LESSONS.glob("COVERAGE.md")]
    found = {path: path.read_text("utf-8") for path in places}
    names = {path: path.relative_to(LESSONS) for path in [*wanted, *found]}
    return [
        *(f"{names[path]} is missing" for path in wanted if path not in found),
        *(f"{names[path]} differs from its source" for path in wanted if path in found and found[path] != wanted[path]),
        *(f"{names[path]} has no source" for path in found if path not in wanted),
        *uncovered(wanted[LESSONS / "COVERAGE.md"]),
    ]


def main() -> int:
    """Build or check; 0 when all is well, 1 otherwise."""
    sources = sorted((LESSONS / "src").glob("*.py"))
    wanted = made_from(sources)
    if "--check" not in sys.argv[1:]:
        for path, text in wanted.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8", newline="\n")
    problems = faults(wanted) if sources else ["there is no source in lessons/src"]
    for problem in problems:
        print(f"error: {problem}. Run `make fix`.", file=sys.stderr)
    print(f"{len(wanted)} products of {len(sources)} lessons compared with their sources, {len(problems)} faults")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
