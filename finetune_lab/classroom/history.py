"""A gradebook and the one before it: what differs, and how the old one is kept."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from finetune_lab.classroom.details import Details, details_path
from finetune_lab.classroom.faults import ClassError, printable
from finetune_lab.classroom.storing import replace_text

Marks = dict[tuple[str, str], dict[str, Any]]


def marks_in(details: Details) -> Marks:
    """The mark of each student and question."""
    return {
        (student["person"]["student_id"], mark["question"]): mark
        for student in details["students"]
        for mark in student["marks"]
    }


def changes(old: Details, new: Details) -> list[str]:
    """Who has come or gone and whose marks are others than before, a line each, with what fired and didn't before.

    A mark by hand does not change, but where the grader now thinks otherwise, that is said.
    """
    before, now = marks_in(old), marks_in(new)
    earlier, later = {student for student, _ in before}, {student for student, _ in now}
    both = [key for key in sorted({*before, *now}) if key[0] in earlier & later]
    return [
        *(f"{printable(student)}: new" for student in sorted(later - earlier)),
        *(f"{printable(student)}: no longer there" for student in sorted(earlier - later)),
        *(line for key in both for line in _change(key, before.get(key), now.get(key))),
    ]


def kept_aside(out: Path) -> Path | None:
    """Copy the gradebook and its details into `gradebook.history/`, numbered; None where there are none.

    Raises:
        ClassError: the copies can't be written, or the old files not read.
    """
    folder = out.with_name(f"{out.stem}.history")
    try:
        details = details_path(out).read_text(encoding="utf-8")
        table = out.read_text(encoding="utf-8") if out.exists() else ""
        folder.mkdir(exist_ok=True)
        numbers = [int(found[1]) for one in folder.iterdir() if (found := re.match(r"(\d{1,9})\.", one.name))]
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ClassError(f"The old gradebook can't be kept in {folder}: {error}.", "Choose another --out.") from error
    kept = folder / f"{max(numbers, default=0) + 1:04}.csv"
    replace_text(details_path(kept), details)
    replace_text(kept, table)
    return kept


def _change(key: tuple[str, str], old: dict[str, Any] | None, new: dict[str, Any] | None) -> Iterator[str]:
    about = f"{printable(key[0])}, {key[1]}"
    if old is None or new is None:
        yield f"{about}: {_points(old)} -> {_points(new)}"
    elif new["manual"] and (old["score"], old["verdict"]) != (new["score"], new["verdict"]):
        grader = f"{old['verdict']} {old['score']:g} -> {new['verdict']} {new['score']:g}"
        yield f"{about}: {_points(new)} by hand stays; the grader alone: {grader}"
    elif old["points"] != new["points"]:
        yield f"{about}: {_points(old)} -> {_points(new)}{_why(old, new)}"


def _points(mark: dict[str, Any] | None) -> str:
    return "none" if mark is None else f"{mark['points']:g}"


def _why(old: dict[str, Any], new: dict[str, Any]) -> str:
    """The rules that made the difference, where rules did."""
    if old["manual"] != new["manual"]:
        return " by hand" if new["manual"] else ", no longer by hand"
    now, before = new["fired"], old["fired"]
    said = [f"now {printable(one, 80)}" for one in now if one not in before]
    said += [f"no longer {printable(one, 80)}" for one in before if one not in now]
    return f" ({'; '.join(said[:4])})" if said else ""
