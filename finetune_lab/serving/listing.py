"""Which adapters there are, as a table, and which of them have yet to be loaded."""

from collections.abc import Iterable
from pathlib import Path

from finetune_lab.adapters.card import AdapterCard
from finetune_lab.adapters.library import AdapterLibrary
from finetune_lab.errors import LabError, listed
from finetune_lab.scoring import headline
from finetune_lab.serving.faults import ServingError
from finetune_lab.serving.judging import short_name, shown
from finetune_lab.serving.loaded_base import LoadedBase
from finetune_lab.tables import printable, readable


def to_load(library: AdapterLibrary, base: LoadedBase | None, names: Iterable[str | None]) -> dict[str, Path]:
    """The folders of those adapters that are not in memory as they are on disk now, by name.

    One that is in memory and was deleted on disk goes on answering.

    Raises:
        ServingError: with all names that are wrong or can't be used.
    """
    folders, faults = {}, []
    for name in dict.fromkeys(names):
        if name is None or (base is not None and base.is_current(name)):
            continue
        try:
            folders[name] = library.path(name)
        except LabError as error:
            faults.append(error.what)
    if faults:
        raise ServingError(listed(faults), f"There are: {', '.join(library.names()) or 'none yet'}.")
    return folders


def card_row(card: AdapterCard, shipped: bool) -> dict[str, str]:
    """The cells of one adapter in a table of adapters; what nobody wrote down is a dash."""
    bits = f" {card.bits}-bit" if card.bits in (4, 8) else ""
    scores = dict(card.scores_after or {})  # a stranger's card may hold figures that are none of ours
    score = headline(scores)[1] if {"fields", "overlap"} & set(scores) else None
    cells = {
        "adapter": card.name,
        "method": f"{card.method or 'lora'}{bits}",
        "r": shown(card.r, "{}"),
        "data": short_name(card.data),
        "score": shown(score, "{:.0%}"),
        "size": "-" if card.artifact_bytes is None else readable(card.artifact_bytes),
        "base": short_name(card.base),
        "from": "shipped" if shipped else "yours",
    }
    return {name: printable(cell) for name, cell in cells.items()}
