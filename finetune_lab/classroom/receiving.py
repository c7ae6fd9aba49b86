"""The files of a folder or a ZIP archive, one by one and bounded; nothing is unpacked to disk, no link followed."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from finetune_lab.classroom.archive import files_of_archive
from finetune_lab.classroom.faults import ClassError, printable
from finetune_lab.classroom.parsing import LARGEST

MOST_FILES = 10_000
MOST_BYTES = 500_000_000  # of all submissions together
DEEPEST_FOLDER = 8
NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
SYSTEM_FILES = ("__MACOSX", "Thumbs.db", "desktop.ini")  # what computers put into folders and archives by themselves


@dataclass(frozen=True)
class Received:
    """A file that may be a submission. `at` is the file's own time."""

    name: str
    content: bytes
    at: datetime


@dataclass(frozen=True)
class Refused:
    """A file that can't be a submission, or was not read."""

    name: str
    why: str


def received(source: Path, zone: tzinfo = UTC) -> Iterator[Received | Refused]:
    """Every file in a folder (and its folders) or a ZIP archive, in the order of their names.

    Args:
        source: the folder or the archive.
        zone: of the times in an archive, where it does not say them in UTC.

    Raises:
        ClassError: there is no such folder or archive, it can't be read, or it holds too many files.
    """
    files = _files_of_folder(source) if source.is_dir() else files_of_archive(source, MOST_FILES, zone)
    total = 0
    for number, (name, content) in enumerate(files):
        if number >= MOST_FILES:
            raise ClassError(f"{source} holds over {MOST_FILES:,} files.", "Name the folder with the submissions only.")
        if any(part.startswith(".") or part in SYSTEM_FILES for part in name.split("/") if part not in (".", "..")):
            continue
        shown = printable(name)
        if isinstance(content, str):
            yield Refused(shown, content)
            continue
        total += len(content[0])
        if total > MOST_BYTES:
            raise ClassError(f"{source} holds over {MOST_BYTES:,} bytes of submissions.", "Grade it in parts.")
        yield Received(shown, *content)


Content = tuple[bytes, datetime] | str


def _files_of_folder(source: Path) -> Iterator[tuple[str, Content]]:
    try:
        top = sorted(os.scandir(source), key=lambda entry: entry.name)
    except OSError as error:
        raise ClassError(f"{source} can't be read: {error.strerror}.", "Check its permissions.") from error
    waiting = [(entry.name, entry) for entry in reversed(top)]
    while waiting:
        name, entry = waiting.pop()
        if not entry.is_dir(follow_symlinks=False):
            yield name, _content(entry, name)
            continue
        try:
            inner = sorted(os.scandir(entry.path), key=lambda one: one.name, reverse=True)
        except OSError as error:
            yield name, f"the folder can't be read: {error.strerror}"
            continue
        if name.count("/") + 1 >= DEEPEST_FOLDER:
            yield name, f"folders deeper than {DEEPEST_FOLDER} levels are not read"
            continue
        waiting += [(f"{name}/{one.name}", one) for one in inner]


def _content(entry: "os.DirEntry[str]", name: str) -> Content:
    if entry.is_symlink():
        return "a link is not followed"
    if not entry.is_file(follow_symlinks=False):
        return "it is no ordinary file"
    if not name.lower().endswith(".json"):
        return "it is no .json file"
    try:
        handle = os.open(entry.path, os.O_RDONLY | NO_LINKS)
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                return "it is no ordinary file"
            content = file.read(LARGEST + 1)
        return content, datetime.fromtimestamp(found.st_mtime, UTC)
    except (OSError, OverflowError, ValueError) as error:
        return f"it can't be read: {error}"
