"""Reads the rows of a JSON Lines or CSV file and finds every line that can't be used. UTF-8, with or without a mark."""

import codecs
import csv
import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

from finetune_lab.data.records import Source
from finetune_lab.errors import DataError

JSON_SUFFIXES = (".jsonl", ".json")
SUFFIXES = (*JSON_SUFFIXES, ".csv")
Rows = list[tuple[int, dict[str, Any]]]
Faults = list[tuple[int, str]]


def is_file_name(name: str) -> bool:
    """Whether `name` means a file: it exists, or it is written like a path or with a suffix of letters.

    A Hugging Face name has at most one slash and no such suffix: `squad`, `openai/gsm8k`, `x/wiki_v1.1`.
    """
    written = name.startswith((".", "/", "~")) or "\\" in name or name.count("/") > 1 or Path(name).suffix[1:].isalpha()
    return written or _exists(name)


def _exists(name: str | Path) -> bool:
    return os.path.exists(name)  # noqa: PTH110 - Path.exists raises for a name that is too long


def read_file(name: str) -> Source:
    """The rows of the file, numbered by the line they start on, and the faults of the lines that give no row.

    Raises:
        DataError: there is no such file, or the file as a whole can't be read: a folder, another kind of file, empty,
            not UTF-8 at all.
    """
    path = Path(name).expanduser()
    data = _bytes_of(path, name)
    sha256 = hashlib.sha256(data).hexdigest()
    data = data.removeprefix(codecs.BOM_UTF8)
    if not data.strip():
        raise DataError(f"{name} is empty.", "Write one example on each line.")
    bad_lines = _bad_lines(data)
    read_rows = _json_rows if path.suffix.lower() in JSON_SUFFIXES else _csv_rows
    rows, faults = read_rows(data, bad_lines)
    if not rows and not faults and not bad_lines:
        raise DataError(f"{name} has no rows.", "Write one example on each line.")
    return Source(name, rows, sha256, faults=[*bad_lines.items(), *faults])


def _bytes_of(path: Path, name: str) -> bytes:
    if not _exists(path):
        raise DataError(f"There is no file {name}.", "Check the name and the folder you are in.")
    if path.is_dir():
        raise DataError(f"{name} is a folder, not a file.", f"Name a file in it ({', '.join(SUFFIXES)}).")
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(
            f"{name} has the unknown suffix {path.suffix!r}.", f"Save it as one of {', '.join(SUFFIXES)} (JSON: lines)."
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{name} can't be read: {error.strerror}.", "Check its permissions.") from error
    if _is_utf16(data):
        raise DataError(f"{name} is UTF-16 (or UTF-32), not UTF-8.", "Save it as UTF-8 in your editor.")
    return data


def _is_utf16(data: bytes) -> bool:
    """By its mark; without one, by the zero bytes that plain letters leave at every other place."""
    start = data[:200]
    few, many = sorted((start[0::2].count(0), start[1::2].count(0)))
    return start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or (few == 0 and many * 4 > len(start))


def _bad_lines(data: bytes) -> dict[int, str]:
    """What is wrong with the bytes of a line, by line number."""
    bad = {}
    for number, line in enumerate(data.splitlines(), 1):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            bad[number] = f"invalid UTF-8 at byte {error.start + 1} of the line"
            continue
        if b"\0" in line:
            bad[number] = "a NUL byte"
    return bad


def _json_rows(data: bytes, bad_lines: dict[int, str]) -> tuple[Rows, Faults]:
    if data.lstrip().startswith(b"["):
        return [], [(0, "the file is one JSON array; write one object on each line instead (JSON Lines)")]
    rows: Rows = []
    faults: Faults = []
    for number, line in enumerate(data.splitlines(), 1):
        if number in bad_lines or not line.strip():
            continue
        row = _json_row(line.decode())
        if isinstance(row, str):
            faults.append((number, row))
        else:
            rows.append((number, row))
    return rows, faults


def _json_row(line: str) -> dict[str, Any] | str:
    """The object on the line, or what is wrong with it."""
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        return f"broken JSON at character {error.pos + 1}: {error.msg}"
    except RecursionError:
        return "broken JSON: brackets too deep"
    except ValueError:  # Python reads no integer of more than 4,300 digits
        return "broken JSON: a number too long"
    return row if isinstance(row, dict) else "no JSON object"


def _csv_rows(data: bytes, bad_lines: dict[int, str]) -> tuple[Rows, Faults]:
    """Bytes that are no UTF-8 are replaced here: their records are left out, and `bad_lines` has the fault."""
    (start, _, header), *records = _csv_records(io.StringIO(data.decode(errors="replace"), newline=""))
    if isinstance(header, str):
        return [], [(start, header)]
    rows: Rows = []
    twice = [name for name in dict.fromkeys(header) if header.count(name) > 1]
    faults = [(start, f"the column name {name!r} stands twice in the header") for name in twice]
    for start, end, record in records:
        if isinstance(record, str):
            faults.append((start, record))
        elif len(record) != len(header):
            faults.append((start, f"{len(record)} columns, the header has {len(header)}"))
        elif bad_lines.keys().isdisjoint(range(start, end + 1)):
            rows.append((start, dict(zip(header, record, strict=True))))
    return rows, faults


def _csv_records(text: io.StringIO) -> list[tuple[int, int, list[str] | str]]:
    """(first line, last line, columns or what is wrong) for each record; a quoted column may span lines."""
    reader = csv.reader(text, strict=True)
    records: list[tuple[int, int, list[str] | str]] = []
    while True:
        start = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return records
        except csv.Error as error:
            records.append((start, reader.line_num, f"broken CSV: {error}"))
            continue
        if record:
            records.append((start, reader.line_num, record))
