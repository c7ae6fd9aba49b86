"""CSV tables as people save them: by Excel, by Canvas, by Moodle, by an editor. Encoding and separator are recognised.

A byte-order mark decides; without one it is UTF-8 if it can be, and Windows-1252 if not, as older Excels write it.
"""

import codecs
import csv
import io
from dataclasses import dataclass
from pathlib import Path

from finetune_lab.classroom.faults import ClassError

LARGEST_SHEET = 50_000_000  # bytes
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
SEPARATORS = (",", ";", "\t")


@dataclass(frozen=True)
class Sheet:
    """A table: its columns, and each row with the line that it ends on."""

    columns: tuple[str, ...]
    rows: list[tuple[int, dict[str, str]]]


def read_sheet(path: Path) -> Sheet:
    """The table in a file. Cells are stripped, rows of nothing left out; of two columns of one name the first counts.

    Raises:
        ClassError: there is no such file, or it is no table of text.
    """
    try:
        if path.stat().st_size > LARGEST_SHEET:
            raise ClassError(f"{path} has over {LARGEST_SHEET:,} bytes.", "Name a table of your class.")
        return _sheet(_text(path.read_bytes()))
    except OSError as error:
        raise ClassError(f"{path} can't be read: {error.strerror}.", "Check its name and permissions.") from error
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        raise ClassError(f"{path} can't be read as a table: {error}.", "Save it as CSV in UTF-8.") from error


def _text(content: bytes) -> str:
    named = next((name for mark, name in MARKS if content.startswith(mark)), None)
    if named:
        text = content.decode(named)
    else:
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            text = content.decode("cp1252")
    if "\x00" in text:
        raise ValueError("it holds NUL characters, as no text does")
    return text


def _sheet(text: str) -> Sheet:
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:  # Excel's own way to say it
        reader, before = csv.reader(io.StringIO(rest, newline=""), delimiter=first.strip()[4]), 1
    else:
        reader, before = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text)), 0
    columns = tuple(name.strip() for name in next(reader, []))
    rows = []
    for cells in reader:
        stripped = [one.strip() for one in cells]
        padded = stripped + [""] * (len(columns) - len(stripped))
        if any(stripped):
            rows.append((reader.line_num + before, dict(reversed(list(zip(columns, padded, strict=False))))))
    return Sheet(columns, rows)


def _separator(text: str) -> str:
    """The one that cuts the first row into the most cells; a comma where none does."""
    cells = {one: len(next(csv.reader(io.StringIO(text, newline=""), delimiter=one), [])) for one in SEPARATORS}
    return max(SEPARATORS, key=lambda one: cells[one])
