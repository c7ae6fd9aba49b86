"""The entries of a ZIP archive from strangers: what in one is a trap, told before it is opened. No torch."""

import lzma
import stat
import zipfile
import zlib
from pathlib import PurePosixPath

BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, OSError)


def entry_name(entry: zipfile.ZipInfo) -> str:
    """An entry's path within the archive, with `/` between its parts on every system."""
    return entry.filename.replace("\\", "/")


def entry_fault(entry: zipfile.ZipInfo) -> str:
    """Why an entry must not be opened: it leads out of the archive, is no plain file, or is encrypted; else nothing."""
    name = entry_name(entry)
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or name[1:2] == ":":
        return "its name points outside the archive"
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "a link is not followed"
    if kind not in (0, stat.S_IFDIR if entry.is_dir() else stat.S_IFREG):
        return "it is no ordinary file"
    return "it is encrypted" if entry.flag_bits & 1 else ""
