"""The files of a ZIP archive from strangers: each read up to a bound, never unpacked, whatever names they have."""

import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from finetune_lab.classroom.faults import ClassError
from finetune_lab.classroom.parsing import LARGEST

BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, OSError)
ARCHIVES = (".zip", ".gz", ".tar", ".tgz", ".7z", ".rar", ".xz", ".bz2")


def files_of_archive(source: Path, most: int) -> Iterator[tuple[str, tuple[bytes, datetime] | str]]:
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
            name = entry.filename.replace("\\", "/")
            folded = name.casefold()
            fault = _fault(entry, name) or ("another file has this name" if folded in seen else "")
            seen.add(folded)
            yield name, fault or _content(archive, entry)


def _fault(entry: zipfile.ZipInfo, name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or name[1:2] == ":":
        return "its name points outside the archive"
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "a link is not followed"
    if kind not in (0, stat.S_IFREG):
        return "it is no ordinary file"
    if name.lower().endswith(ARCHIVES):
        return "an archive within the archive is not opened"
    if not name.lower().endswith(".json"):
        return "it is no .json file"
    return "it is encrypted" if entry.flag_bits & 1 else ""


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> tuple[bytes, datetime] | str:
    """What it holds, read no further than a submission may be long, whatever size the archive claims."""
    try:
        with archive.open(entry) as file:
            content = file.read(LARGEST + 1)
        # An archive has no time zone: its times are taken for UTC.
        return content, datetime(*entry.date_time, tzinfo=UTC)
    except BROKEN as error:
        return f"it can't be read: {error}"
    except ValueError:
        return "its time is no time"
