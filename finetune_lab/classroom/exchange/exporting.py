"""`class export`: a gradebook's details, written in another system's format."""

from pathlib import Path
from typing import Literal, get_args

from finetune_lab.classroom.details import Details, read_details
from finetune_lab.classroom.exchange.gradescope import gradescope_files
from finetune_lab.classroom.exchange.tables import canvas_table, moodle_table, nbgrader_table
from finetune_lab.classroom.exchange.xapi import xapi_lines
from finetune_lab.classroom.faults import ClassError
from finetune_lab.classroom.storing import replace_text

Format = Literal["nbgrader", "canvas", "moodle", "gradescope", "xapi"]
FORMATS: tuple[str, ...] = get_args(Format)


def export_gradebook(
    gradebook: Path, kind: str, out: Path | None, assignment: str | None = None, site: str | None = None
) -> Path:
    """Write a gradebook for another system; Gradescope's is a folder with a file a student.

    Args:
        gradebook: what `class grade` wrote.
        kind: one of FORMATS.
        out: the file or folder; without it, named after the gradebook and beside it.
        assignment: what the other system calls it; without it, the bank's title.
        site: the course's address, for xAPI.

    Raises:
        ClassError: there is no such gradebook or format, or the place can't be written.
    """
    if kind not in FORMATS:
        raise ClassError(f"There is no format {kind!r}.", f"Choose one of {', '.join(FORMATS)}.")
    details = read_details(gradebook)
    if details is None:
        raise ClassError(f"There is no gradebook {gradebook}.", "Write one: finetune-lab class grade.")
    ending = {"gradescope": "", "xapi": ".jsonl"}.get(kind, ".csv")
    out = out or gradebook.with_name(f"{gradebook.stem}.{kind}{ending}")
    if out.resolve() == gradebook.resolve():
        raise ClassError(f"{out} is the gradebook itself.", "Choose another --out.")
    if kind == "gradescope":
        _write_files(out, gradescope_files(details))
    else:
        replace_text(out, _text(details, kind, assignment or details["bank"]["title"], site))
    return out


def _text(details: Details, kind: str, assignment: str, site: str | None) -> str:
    if kind == "xapi":
        return "".join(f"{line}\n" for line in xapi_lines(details, site))
    table = {"nbgrader": nbgrader_table, "canvas": canvas_table, "moodle": moodle_table}[kind]
    return table(details, assignment)


def _write_files(folder: Path, files: dict[str, str]) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ClassError(f"{folder} can't be made: {error.strerror}.", "Choose another --out.") from error
    for name, text in files.items():
        replace_text(folder / name, text)
