"""What was tuned from what: a run, its folder, an adapter or a model, with the base that it belongs to."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from finetune_lab.models import LAB_BASE, find_base, short, weights_hash
from finetune_lab.weight_change.faults import WeightChangeError

ADAPTER, MODEL, RUN = "adapter_config.json", "config.json", "run.json"


class InFolder(Protocol):
    """A run: something with a run folder."""

    @property
    def folder(self) -> Path: ...


Item = InFolder | Path | str


@dataclass(frozen=True)
class Tuned:
    """A base's folder and the folder of what was tuned from it: an adapter's or a whole model's."""

    what: str
    base_name: str
    base: Path
    artifact: Path
    method: str  # full, lora or qlora

    @property
    def is_adapter(self) -> bool:
        return (self.artifact / ADAPTER).is_file()


def tuned_of(item: Item, base: Path | str | None = None) -> Tuned:
    """Find out what is meant.

    Args:
        item: a run, a run folder, the folder of an adapter in PEFT's format, or a model's folder or name.
        base: a model's folder or name; a run and an adapter know their own.

    Raises:
        WeightChangeError: it is none of these, it left nothing, its base is not known, or has changed since the run.
        ModelError: there is no such base.
    """
    folder = Path(item) if isinstance(item, Path | str) else item.folder
    for place in (folder, folder.parent):
        if (place / RUN).is_file() and (place == folder or folder.name in ("adapter", "model")):
            return _of_run(place, base)
    if (folder / ADAPTER).is_file():
        config = read_json(folder / ADAPTER)
        named = _own_base(config) if base is None else str(base)
        return Tuned(f"{folder.name} r={config.get('r')}", named, model_folder(named), folder, "lora")
    if base is None:
        what = f"{short(str(folder))} is neither a run nor an adapter, so its base is not known."
        raise WeightChangeError(what, "Name what it was tuned from: base='lab-base', or a folder.")
    return Tuned(folder.name, str(base), model_folder(str(base)), model_folder(str(item)), "full")


def _of_run(folder: Path, base: Path | str | None) -> Tuned:
    description = read_json(folder / RUN)
    artifact = next((folder / name for name in ("adapter", "model") if (folder / name).is_dir()), None)
    if artifact is None:
        raise WeightChangeError(f"{short(str(folder))} has no artifact yet.", "Let it come to its end, or resume it.")
    try:
        method, own = description["method"], str(description["config"]["model"])
        name, hashed = str(method["method"]), description["base_sha256"]
    except (KeyError, TypeError) as error:
        what = f"{short(str(folder / RUN))} does not say what was tuned: {error} is missing."
        raise WeightChangeError(what, "Name its adapter or model folder, with base=.") from error
    place = model_folder(own if base is None else str(base))
    if base is None and weights_hash(place) != hashed:
        what = f"The base {short(own)} is no longer the one that {short(str(folder))} was tuned from."
        raise WeightChangeError(what, "Bring it back, or name another base on purpose: base=...")
    rank = f" r={method['r']}" if "r" in method else ""
    bits = f" {method['bits']}-bit" if "bits" in method else ""
    return Tuned(f"{name}{rank}{bits}", own if base is None else str(base), place, artifact, name)


def _own_base(config: dict[str, Any]) -> str:
    """The base that an adapter names; lab-base lies elsewhere on another machine."""
    named = config.get("base_model_name_or_path")
    if not isinstance(named, str) or not named:
        raise WeightChangeError("The adapter does not name its base.", "Name it: base='lab-base', or a folder.")
    return LAB_BASE if Path(named).name == LAB_BASE and not Path(named).is_dir() else named


def model_folder(name: str) -> Path:
    """The folder of a model by name; one's own folder needs no tokenizer here."""
    folder = Path(name).expanduser()
    return folder if (folder / MODEL).is_file() else Path(find_base(name).location)


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        WeightChangeError: it can't be read or is none.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightChangeError(f"{short(str(file))} can't be read: {error}.", "Is it whole?") from error
    if not isinstance(found, dict):
        raise WeightChangeError(f"{short(str(file))} holds no JSON object.", "Is it whole?")
    return found
