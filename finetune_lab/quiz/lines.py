"""Finds the line of a place in a TOML bank, for messages. The standard parser gives the data without lines."""

import re
from collections.abc import Sequence

HEADER = re.compile(r"^\s*\[\[?\s*([A-Za-z0-9_.\-]+)\s*\]\]?")
KEY = re.compile(r"^\s*([A-Za-z0-9_\-]+)\s*=")
Place = tuple[str | int, ...]  # such as ("question", 3, "choice", 0, "feedback")


def line_table(text: str) -> dict[Place, int]:
    """The line of every table and key, by the place that a validator names."""
    table: dict[Place, int] = {}
    counts: dict[Place, int] = {}
    here: Place = ()
    inside: str | None = None  # the quotes of an open string of several lines
    for number, line in enumerate(text.splitlines(), 1):
        if inside:
            inside = None if inside in line else inside
            continue
        header, key = HEADER.match(line), KEY.match(line)
        if header and "=" not in line.split("]")[0]:
            here = _enter(header[1].split("."), counts, is_list=line.lstrip().startswith("[["))
            table.setdefault(here, number)
        elif key:
            table.setdefault((*here, key[1]), number)
            inside = next((quotes for quotes in ('"""', "'''") if line.count(quotes) == 1), None)
    return table


def _enter(names: Sequence[str], counts: dict[Place, int], *, is_list: bool) -> Place:
    """The place that a header opens; the elements of a list of tables are counted."""
    place: Place = ()
    for depth, name in enumerate(names):
        place = (*place, name)
        if is_list and depth == len(names) - 1:
            counts[place] = counts.get(place, -1) + 1
        if place in counts:
            place = (*place, counts[place])
    return place


def line_of(place: Place, table: dict[Place, int]) -> int | None:
    """The line of the place, or of the nearest table around it."""
    for length in range(len(place), 0, -1):
        if place[:length] in table:
            return table[place[:length]]
    return None
