"""The configuration of a model by name, without its weights: shipped facts, a folder, a config.json or the hub."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from transformers import AutoConfig, PreTrainedConfig

from finetune_lab.errors import ModelError
from finetune_lab.models import HUB_NAME, LAB_BASE, Source, hub_folder, load_config, short
from finetune_lab.resources import shipped


def known_names() -> list[str]:
    """Names of the public models whose sizes are shipped."""
    return sorted(file.stem for file in shipped("data", "models").glob("*.json"))


def facts(name: str) -> dict[str, Any]:
    """One shipped model: `name`, `source` (where its sizes are published), `parameters`, `config`."""
    found: dict[str, Any] = json.loads(shipped("data", "models", f"{name}.json").read_text(encoding="utf-8"))
    return found


def find_config(name: str | Path) -> PreTrainedConfig:
    """The configuration that `name` stands for; no weights are read.

    Args:
        name: `lab-base`, a shipped name such as `qwen3-8b`, a folder, a config.json, or a name of the hub.

    Raises:
        ModelError: there is none of that name, or it is not of a causal language model.
    """
    text = str(name)
    if text.lower() in known_names():
        return AutoConfig.for_model(**facts(text.lower())["config"])
    if text == LAB_BASE:
        return load_config(Source(text, str(shipped("data", LAB_BASE)), ""))
    place = Path(text).expanduser()
    if place.is_file() and place.suffix == ".json":
        return load_config(Source(text, str(place), ""))
    if place.is_dir():
        if not (place / "config.json").is_file():
            raise ModelError(f"The folder {short(text)} has no config.json.", "Give the folder of a model.")
        return load_config(Source(text, str(place), ""))
    return _hub_config(text)


@cache
def _hub_config(name: str) -> PreTrainedConfig:
    if not HUB_NAME.fullmatch(name):
        what = f"There is no file or folder {short(name)}, and no model of the hub can have that name."
        raise ModelError(what, f"Known without the hub: {', '.join(known_names())}.")
    try:
        folder, _ = hub_folder(name, ("config.json",))
    except ModelError as error:
        raise ModelError(error.what, f"{error.hint} Known without the hub: {', '.join(known_names())}.") from error
    return load_config(Source(name, str(folder), ""))
