"""Makes the notebooks from their sources: `python lessons/build.py`, or `--check` to compare and change nothing.

A lesson is written in lessons/src/NAME.py, as text with `# %%` between the cells. lessons/NAME.ipynb is a product and
never edited. The same source gives the same bytes: a cell's id is made of its text, and no other metadata is kept.
"""

import hashlib
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import jupytext
import nbformat

LESSONS = Path(__file__).resolve().parent
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}  # the one of the environment it opens in


def notebook(source: Path) -> str:
    """The text of the notebook that a source gives."""
    cells: list[Any] = jupytext.reads(source.read_text("utf-8"), fmt="py:percent").cells
    seen: Counter[str] = Counter()
    for cell in cells:
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:12]
        seen[digest] += 1
        cell.id = f"{digest}-{seen[digest]}"  # the number tells equal cells apart
        cell.metadata = {}
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    nbformat.validate(made)
    text: str = nbformat.writes(made)
    return text + "\n"


def faults(wanted: dict[Path, str]) -> list[str]:
    """What is not as the sources say: a notebook that is missing, different or without a source."""
    found = {path: path.read_text("utf-8") for path in LESSONS.glob("*.ipynb")}
    return [
        *(f"{path.name} is missing" for path in wanted if path not in found),
        *(f"{path.name} differs from its source" for path in wanted if path in found and found[path] != wanted[path]),
        *(f"{path.name} has no source" for path in found if path not in wanted),
    ]


def main() -> int:
    """Build or check; 0 when all is well, 1 otherwise."""
    sources = sorted((LESSONS / "src").glob("*.py"))
    wanted = {LESSONS / f"{source.stem}.ipynb": notebook(source) for source in sources}
    if "--check" not in sys.argv[1:]:
        for path, text in wanted.items():
            path.write_text(text, "utf-8", newline="\n")
    problems = faults(wanted) if wanted else ["there is no source in lessons/src"]
    for problem in problems:
        print(f"error: {problem}. Run `make fix`.", file=sys.stderr)
    print(f"{len(wanted)} notebooks compared with their sources, {len(problems)} faults")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
