"""An adapter as one ZIP file: packed the same, byte for byte, each time; unpacked only when nothing in it is a trap.

    billing.zip
        billing/adapter_config.json, adapter_model.safetensors, card.json, README.md

Other files in an archive from elsewhere (a tokenizer, what computers add) are left in it. A pickle, a link, a path that
leads out, a folder within the folder, two files of one name or a size that can't be: the whole archive is refused.
"""

import filecmp
import os
import secrets
import zipfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from finetune_lab.adapters.card import CARD, CONFIG, README, WEIGHTS
from finetune_lab.adapters.checking import LARGEST_JSON
from finetune_lab.adapters.compatibility import PICKLES
from finetune_lab.adapters.faults import STORAGE, AdapterError
from finetune_lab.errors import listed
from finetune_lab.models import short
from finetune_lab.zipped import BROKEN, entry_fault, entry_name

KNOWN = (CONFIG, WEIGHTS, CARD, README)
MOST_ENTRIES = 200
MOST_BYTES = 4 * 2**30  # r = 64 on every layer of a model of 70 B parameters is 3.3 GB in float32
MOST_PACKED = 200  # times smaller: weights hardly shrink, and deflate can't do more than about 1,000
SYSTEM_FILES = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
OTHER_ARCHIVE = "Ask for the adapter as a ZIP of PEFT's own folder, with safetensors."
Entries = dict[str, zipfile.ZipInfo]


def pack(folder: Path, name: str, to: Path) -> Path:
    """Write the adapter in `folder` as `to`, or as `name`.zip in the folder `to`.

    Raises:
        AdapterError: another file is there already, or it can't be written.
    """
    file = to / f"{name}.zip" if to.is_dir() else to
    partial = file.with_name(f".{file.name}.{secrets.token_hex(4)}.partial")
    with STORAGE.explained(file):
        try:
            with partial.open("xb") as stream:
                _write(stream, folder, name)
            if file.exists() and not filecmp.cmp(partial, file, shallow=False):
                raise AdapterError(f"{file} exists already and holds something else.", "Choose another file.")
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
    return file


def _write(stream: BinaryIO, folder: Path, name: str) -> None:
    with zipfile.ZipFile(stream, "w") as archive:
        for known in KNOWN:
            if (folder / known).is_file():
                entry = zipfile.ZipInfo(f"{name}/{known}")  # of 1980, so that the same adapter is the same file
                entry.external_attr = 0o644 << 16
                with (folder / known).open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                    while block := source.read(1 << 20):
                        target.write(block)
    stream.flush()
    os.fsync(stream.fileno())


def unpack(file: Path, into: Path) -> None:
    """Write the known files of an archive into a folder.

    Raises:
        AdapterError: it is no archive that can be read, or something in it is a trap; all of that is listed.
    """
    try:
        archive = zipfile.ZipFile(file)
    except FileNotFoundError as error:
        raise AdapterError(f"There is no {file}.", "Name a ZIP file that an adapter was exported to.") from error
    except (*BROKEN, ValueError) as error:
        raise AdapterError(f"{file} is no ZIP archive that can be read: {error}.", "Get it again.") from error
    with archive:
        entries, faults = _examined(archive)
        if faults:
            shown = faults[:5] + ([f"and {len(faults) - 5} more."] if len(faults) > 5 else [])
            raise AdapterError(f"{file} is refused, nothing of it was opened: {listed(shown)}", OTHER_ARCHIVE)
        for name, entry in entries.items():
            _extract(archive, entry, into / name)


def _examined(archive: zipfile.ZipFile) -> tuple[Entries, list[str]]:
    """The known files by name, and what is wrong with any entry, the others included."""
    infos = archive.infolist()
    if len(infos) > MOST_ENTRIES:
        return {}, [f"it has over {MOST_ENTRIES} entries."]
    found: Entries = {}
    seen, tops, faults = set[str](), set[str](), list[str]()
    for entry in infos:
        path = PurePosixPath(entry_name(entry))
        if any(part in SYSTEM_FILES for part in path.parts):
            continue
        folded = str(path).casefold()
        doubled = "another entry has this name" if folded in seen else ""
        if fault := entry_fault(entry) or doubled or _own_fault(entry, path):
            faults.append(f"{short(str(path))}: {fault}.")
        seen.add(folded)
        if not entry.is_dir():
            tops.add("/".join(path.parts[:-1]))
            if path.name in KNOWN:
                found[path.name] = entry
    faults += [] if len(tops) <= 1 else ["its files lie in more than one folder."]
    faults += [f"it has no {name}." for name in (CONFIG, WEIGHTS) if name not in found]
    if sum(entry.file_size for entry in found.values()) > MOST_BYTES:
        faults.append(f"its files have over {MOST_BYTES:,} bytes.")
    return found, faults


def _own_fault(entry: zipfile.ZipInfo, path: PurePosixPath) -> str:
    """What an adapter's archive can't have, though others may."""
    if path.suffix.lower() in PICKLES:
        return "a pickle can run code and is not opened"
    if len(path.parts) > (1 if entry.is_dir() else 2):
        return "it lies in a folder within a folder"
    if path.name in KNOWN and path.name != WEIGHTS and entry.file_size > LARGEST_JSON:
        return f"it has over {LARGEST_JSON:,} bytes"
    return (
        "it unpacks to far more than weights do" if entry.file_size > MOST_PACKED * (entry.compress_size + 64) else ""
    )


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    """Write one file, no longer than the archive says that it is."""
    with target.open("xb") as out:
        try:
            with archive.open(entry) as source:
                while block := source.read(1 << 20):
                    out.write(block)
        except BROKEN as error:
            if isinstance(error, OSError):
                raise  # a full disk is told as one
            what = f"{short(entry.filename)} in the archive is broken: {error}."
            raise AdapterError(what, "Get the archive again.") from error
