"""Answers beside their names, aligned and wrapped to the terminal; an answer's own line breaks stay.

base          Message: please send me the same
billing       {"case": "D2", "order": "M-50052", "money": "none", "due": 3}
logistics     ACTION: redirect
              ORDER: M-50052
"""

import shutil
from collections.abc import Mapping
from textwrap import wrap

NARROWEST = 20  # letters of an answer in a line, however narrow the terminal
WIDEST = 120  # longer lines are hard to read


def side_by_side(answers: Mapping[str, str], width: int | None = None) -> str:
    """One block of lines for each name; `width` is the terminal's without it."""
    letters = min(width or shutil.get_terminal_size().columns, WIDEST)
    indent = max(map(len, answers), default=0) + 2
    room = max(letters - indent, NARROWEST)
    lines = []
    for name, answer in answers.items():
        first, *more = wrapped(answer, room)
        lines += [f"{name:<{indent}}{first}".rstrip(), *(f"{'':<{indent}}{line}".rstrip() for line in more)]
    return "\n".join(lines)


def wrapped(answer: str, room: int) -> list[str]:
    """The answer in lines of at most `room` letters; what can't be shown is escaped, and nothing is `(nothing)`."""
    shown = [line.replace("\t", " ") for line in answer.strip().splitlines()]
    printable = ["".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line) for line in shown]
    return [part for line in printable for part in wrap(line, room) or [""]] or ["(nothing)"]
