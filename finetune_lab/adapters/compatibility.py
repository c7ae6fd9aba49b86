"""Whether an adapter fits a base, told before anything is loaded: from its configuration, its card and file headers."""

from pathlib import Path

from finetune_lab.adapters.card import CARD, CONFIG, WEIGHTS, read_card
from finetune_lab.adapters.checking import json_object
from finetune_lab.adapters.configuration import configuration_faults, ranks
from finetune_lab.adapters.faults import AdapterError
from finetune_lab.adapters.headers import HeaderError, base_shapes, shapes
from finetune_lab.adapters.matrices import matrix_faults
from finetune_lab.errors import listed
from finetune_lab.models import Source, short

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib")


def require_compatible(folder: Path, base: Source) -> None:
    """Refuse an adapter that does not fit.

    Raises:
        AdapterError: with all mismatches on one line.
    """
    if found := mismatches(folder, base):
        what = f"The adapter {short(folder.name)} can't be used with {short(base.name)}: {listed(found)}"
        raise AdapterError(what, "Choose an adapter that was tuned from this base, or tune a new one.")


def mismatches(folder: Path, base: Source) -> list[str]:
    """Everything that keeps the adapter in `folder` from working on `base`, a line each; nothing where it fits.

    Only headers are read, and no pickle is ever opened.
    """
    try:
        return _mismatches(folder, base) if folder.is_dir() else [f"there is no folder {short(str(folder))}."]
    except OSError as error:  # of no right to look into it, or of its being deleted at this moment
        return [f"it can't be read: {error.strerror}."]


def _mismatches(folder: Path, base: Source) -> list[str]:
    faults = _card_faults(folder, base)
    try:
        config = json_object(folder / CONFIG)
        faults += configuration_faults(config)
    except AdapterError as error:
        config = None
        faults.append(error.what)
    if not (folder / WEIGHTS).is_file():
        return [*faults, _no_weights(folder)]
    try:
        tensors, known = shapes(folder / WEIGHTS), base_shapes(Path(base.location))
    except HeaderError as error:
        return [*faults, f"{short(str(error))}."]
    if config is None:
        return faults
    return faults + matrix_faults(tensors, known, ranks(config), config.get("fan_in_fan_out") is True)


def _no_weights(folder: Path) -> str:
    pickled = sorted(file.name for file in folder.iterdir() if file.suffix.lower() in PICKLES)
    only = f", only the pickle {short(pickled[0])}, which can run code and is not opened" if pickled else ""
    return f"it has no {WEIGHTS}{only}."


def _card_faults(folder: Path, base: Source) -> list[str]:
    """What its card says against it; an adapter without a card may have been made from any base."""
    if not (folder / CARD).exists():
        return []
    try:
        card = read_card(folder)
    except AdapterError as error:
        return [error.what]
    if card.base_sha256 in (None, base.sha256):
        return []
    of = f"{short(card.base or 'a base')}, SHA-256 {short(str(card.base_sha256)[:12])}"
    return [f"it was tuned from {of}, not from SHA-256 {base.sha256[:12]}."]
