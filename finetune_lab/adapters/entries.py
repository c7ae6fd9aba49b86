"""One entry of a library: found where it was made, filled, given its name, swept away after a kill."""

import secrets
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finetune_lab.adapters.card import CARD, CONFIG, README, WEIGHTS, read_card, readme, write_card, write_json_card
from finetune_lab.adapters.checking import json_object
from finetune_lab.adapters.faults import AdapterError
from finetune_lab.adapters.making import card_of_run

TEMPLATE = "# Model Card for Model ID"  # the head of the README that PEFT writes, with nothing filled in


@dataclass(frozen=True)
class Origin:
    """An adapter where it was made; `record` is the run.json of the run that made it, where one did."""

    adapter: Path
    name: str
    record: dict[str, Any] | None = None


def origin(source: Path) -> Origin:
    """The adapter that a folder is, or that a run left in its own.

    Raises:
        AdapterError: there is none, and what there is instead.
    """
    if source.name == "adapter" and (source.parent / "run.json").is_file():
        return origin(source.parent)
    if (source / "run.json").is_file():
        adapter = source / "adapter"
        if not adapter.is_dir():
            left = "a whole model: it was a full tune" if (source / "model").is_dir() else "nothing yet"
            raise AdapterError(f"The run {source} has no adapter; it left {left}.", "Name a run of LoRA or QLoRA.")
        return Origin(adapter, source.name, json_object(source / "run.json"))
    if source.is_dir() and ((source / CONFIG).exists() or (source / WEIGHTS).exists()):
        return Origin(source, source.name)
    if source.is_file():
        raise AdapterError(f"{source} is a file, not a folder.", "A ZIP file is added by import_zip.")
    what = "has no adapter_config.json" if source.is_dir() else "does not exist"
    raise AdapterError(f"{source} is neither a run nor an adapter: it {what}.", "Name a run's or an adapter's folder.")


def fill(partial: Path, adapter: Path) -> None:
    """Copy the known files of an adapter, and nothing else."""
    for name in (CONFIG, WEIGHTS, CARD, README):
        if (adapter / name).is_file():
            _copy(adapter / name, partial / name)


def _copy(file: Path, target: Path) -> None:
    try:
        source = file.open("rb")
    except OSError as error:
        raise AdapterError(f"{file} can't be read: {error.strerror}.", "Check its permissions.") from error
    with source, target.open("xb") as out:
        shutil.copyfileobj(source, out, 1 << 20)


def settle(partial: Path, name: str, record: dict[str, Any] | None = None) -> None:
    """Write the entry's card under its name: the one it has, the run's, or what its configuration tells.

    A README that somebody else has written stays.
    """
    has_card = (partial / CARD).exists()
    card = card_of_run(partial, record, name) if record is not None and not has_card else read_card(partial)
    card = replace(card, name=name)
    theirs = not has_card and record is None and TEMPLATE not in _text(partial / README)
    if theirs and (partial / README).is_file():
        write_json_card(partial, card)
    else:
        write_card(partial, card)


def retitle(entry: Path, name: str) -> None:
    """Bring the card of a renamed entry to its new name, and the README where it is ours."""
    try:
        card = read_card(entry)
    except AdapterError:  # a broken entry stays one, and the library tells why
        return
    ours = _text(entry / README) == readme(card)
    (write_card if ours else write_json_card)(entry, replace(card, name=name))


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""


def discard(entry: Path) -> None:
    """Take an entry out of the list by one rename; `sweep` frees its space."""
    entry.rename(entry.with_name(f".{secrets.token_hex(4)}.removed"))


def sweep(folder: Path) -> None:
    """Remove what was discarded, and what a kill has left half-written."""
    for item in folder.glob(".*"):
        if item.suffix not in (".partial", ".removed"):
            continue
        if item.is_symlink() or item.is_file():
            item.unlink(missing_ok=True)
        else:
            shutil.rmtree(item, ignore_errors=True)
