"""The adapters that come with the package."""

from pathlib import Path

from finetune_lab.adapters.card import CONFIG, read_card
from finetune_lab.adapters.faults import AdapterError
from finetune_lab.errors import UnavailableError
from finetune_lab.models import Source
from finetune_lab.resources import shipped


def shipped_adapters(base: Source) -> dict[str, Path]:
    """The folders of those that were tuned from this very base, by name; one whose card is broken is among them."""
    try:
        folder = shipped("data", "adapters")
    except UnavailableError:  # a package without any
        return {}
    return {
        entry.name: entry for entry in sorted(folder.iterdir()) if (entry / CONFIG).is_file() and _is_for(entry, base)
    }


def _is_for(adapter: Path, base: Source) -> bool:
    try:
        return read_card(adapter).base_sha256 == base.sha256
    except AdapterError:  # the library tells why
        return True
