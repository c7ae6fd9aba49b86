"""The files of a ZIP archive from strangers: each read up to a bound, never unpacked, whatever names they have."""

import struct
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from finetune_lab.classroom.faults import ClassError
from finetune_lab.classroom.parsing import LARGEST
from finetune_lab.zipped import BROKEN, entry_fault, entry_name

UNIX_TIMES = 0x5455  # an extra field of APPNOTE.TXT, section 4.6: seconds since 1970, in UTC
ARCHIVES = (".zip", ".gz", ".tar", ".tgz", ".7z", ".rar", ".xz", ".bz2")


def files_of_archive(source: Path, most: int, zone: tzinfo = UTC) -> Iterator[tuple[str, tuple[bytes, datetime] | str]]:
    """Name and content of each file, or name and why it is not read; in the order of their names.

    Raises:
        ClassError: it is no archive that can be read, or has more than `most` entries.
    """
    try:
        archive = zipfile.ZipFile(source)
    except FileNotFoundError as error:
        raise ClassError(f"There is no {source}.", "Name a folder or a ZIP archive of submissions.") from error
    except (*BROKEN, ValueError) as error:
        raise ClassError(f"{source} is no ZIP archive that can be read: {error}.", "Download it again.") from error
    with archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(entries) > most:
            raise ClassError(f"{source} holds over {most:,} files.", "Pack the submissions only.")
        seen: set[str] = set()
        for entry in sorted(entries, key=lambda one: (one.filename, one.header_offset)):
            name = entry_name(entry)
            folded = name.casefold()
            fault = _fault(entry, name) or ("another file has this name" if folded in seen else "")
            seen.add(folded)
            yield name, fault or _content(archive, entry, zone)


def _fault(entry: zipfile.ZipInfo, name: str) -> str:
    if fault := entry_fault(entry):
        return fault
    if name.lower().endswith(ARCHIVES):
        return "an archive within the archive is not opened"
    return "" if name.lower().endswith(".json") else "it is no .json file"


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, zone: tzinfo) -> tuple[bytes, datetime] | str:
    """What it holds, read no further than a submission may be long, whatever size the archive claims."""
    try:
        with archive.open(entry) as file:
            content = file.read(LARGEST + 1)
        return content, _time(entry, zone)
    except BROKEN as error:
        return f"it can't be read: {error}"
    except (ValueError, OverflowError, struct.error):
        return "its time is no time"


def _time(entry: zipfile.ZipInfo, zone: tzinfo) -> datetime:
    """In UTC where the archive says so (the field that Info-ZIP and macOS add), and else what its clock showed."""
    extra = entry.extra
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        if kind == UNIX_TIMES and size >= 5 and extra[4] & 1:
            return datetime.fromtimestamp(struct.unpack("<i", extra[5:9])[0], UTC)
        extra = extra[4 + size :]
    return datetime(*entry.date_time, tzinfo=zone).astimezone(UTC)
