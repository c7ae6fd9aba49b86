"""Text in a CSV cell: spreadsheets run what begins like a formula, and remake what looks like a number or a date."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence

UTF_8 = "\ufeff"  # at the start of a table that people edit: without it Excel takes it for Windows-1252
STARTERS = "=+-@|%"
MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
# What Excel or LibreOffice writes back in another way: 007, 12 digits and more, 1e5, 2.50, 3-4, true, mar1.
REMADE = re.compile(
    rf"0\d+|\d{{12,}}|\d+(?:\.\d*)?e[+-]?\d+|\d+\.\d+|\d+(?:[-/.:,]\d+)+|true|false|{MONTH}[- ]?\d+|\d+[- ]?{MONTH}",
    re.IGNORECASE,
)


def cell(text: str) -> str:
    """The text on one line, with an apostrophe in front where a spreadsheet could take it for a formula.

    Spaces of every kind and invisible letters before the sign don't hide it, and full-width signs count (OWASP's "CSV
    injection"; CVE-2021-41270). Numbers don't belong here: they stay numbers.
    """
    line = "".join(" " if unicodedata.category(one) in ("Cc", "Zl", "Zp") else one for one in text)
    seen = unicodedata.normalize("NFKC", line)
    first = next((one for one in seen if not one.isspace() and unicodedata.category(one) not in ("Cf", "Mn")), "")
    return f"'{line}" if first and first in STARTERS else line


def kept_cell(text: str) -> str:
    """`cell` for the ids in a table that comes back to us: also where a spreadsheet would make another text of it."""
    return f"'{text}" if REMADE.fullmatch(text) or _looks_marked(text) else cell(text)


def uncelled(text: str) -> str:
    """The text of a cell that `cell` or `kept_cell` wrote: without the apostrophe that it put in front."""
    return text[1:] if _looks_marked(text) else text


def _looks_marked(text: str) -> bool:
    """Apostrophes before what a spreadsheet would run or remake."""
    bare = text.lstrip("'")
    return bare != text and bool(REMADE.fullmatch(bare) or cell(bare) != bare)


def edited_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV table that people open, change and save; `read_sheet` reads it back."""
    return UTF_8 + table(columns, rows)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV table for a program or a terminal; its cells are written as they are given."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()
