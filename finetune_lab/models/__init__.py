"""Base models: the embedded `lab-base`, a local folder or a Hugging Face name, loaded at full or quantized width.

A base is a name, never a loaded model handed from run to run: tuning changes models in place, so every tune loads
its own fresh copy. Whatever the name, what is loaded is a local folder, and only safetensors: pickle can run code.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES
from transformers.utils import logging
from transformers.utils.quantization_config import QuantizationConfigMixin

from finetune_lab.building import ONE_MODEL_AT_A_TIME
from finetune_lab.errors import ModelError
from finetune_lab.models.faults import INSTEAD, allocation_failed, explained, short
from finetune_lab.models.hub import HUB_NAME, hub_folder
from finetune_lab.quiet import silence_transformers
from finetune_lab.resources import shipped

__all__ = [
    "HUB_NAME", "LAB_BASE", "Source", "allocation_failed", "context_of", "find_base", "hub_folder", "load_config",
    "load_model", "load_tokenizer", "longest_context", "short", "weights_hash",
]  # fmt: skip
LAB_BASE = "lab-base"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")


@dataclass(frozen=True)
class Source:
    """Where a base comes from: `location` is the folder to load, `sha256` is of its weights."""

    name: str
    location: str
    sha256: str
    reason: str = ""  # which kind of base it is
    known_as: str = ""  # what an adapter's own configuration calls its base


def find_base(name: str) -> Source:
    """Resolve a base model's name; `lab-base` is checked against its published SHA-256, a hub's is downloaded.

    Raises:
        ModelError: there is no such model, it can't be had, its folder is incomplete, or lab-base was changed.
    """
    if name == LAB_BASE:
        return _embedded()
    folder = _folder(name)
    if folder is not None:
        return Source(name, str(folder), _checked(name, folder), "a local folder", str(folder))
    if not HUB_NAME.fullmatch(name):
        raise ModelError(f"There is no folder {short(name)}, and no model of the hub can have that name.", INSTEAD)
    folder, reason = hub_folder(name)
    return Source(name, str(folder), _checked(name, folder), reason, name)


def _embedded() -> Source:
    folder = shipped("data", LAB_BASE)
    published = json.loads(shipped("data", LAB_BASE, "sha256.json").read_text(encoding="utf-8"))["model.safetensors"]
    found = weights_hash(folder)
    if found != published:
        was = f"has SHA-256 {found[:12]}, not {published[:12]}: it was changed" if found else "has no weights"
        what = f"The embedded base {folder} {was}."
        raise ModelError(what, "Install finetune-lab again.")
    return Source(LAB_BASE, str(folder), found, f"embedded, SHA-256 {found[:12]} as published", str(folder))


def _folder(name: str) -> Path | None:
    try:
        folder = Path(name).expanduser()
        return folder if name.strip() and folder.is_dir() else None
    except (OSError, RuntimeError, ValueError):  # too long for the file system, no such user, a NUL character
        return None


def _checked(name: str, folder: Path) -> str:
    """The hash of the weights of a folder that holds a configuration, weights and a tokenizer."""
    if not (folder / "config.json").is_file():
        raise ModelError(f"The folder {short(name)} holds no model: it has no config.json.", INSTEAD)
    found = weights_hash(folder)
    if not found:
        pickled = sorted(file.name for file in folder.glob("*.bin"))
        only = f", only the pickle {pickled[0]}, which can run code when it is loaded" if pickled else ""
        what = f"{short(name)} has no weights in safetensors{only}."
        raise ModelError(what, f"Save it as safetensors. Or: {INSTEAD}")
    if not any((folder / file).is_file() for file in TOKENIZER_FILES):
        raise ModelError(f"The base model {short(name)} has no tokenizer.", "Save its tokenizer beside its weights.")
    return found


def weights_hash(folder: Path) -> str:
    """SHA-256 over the `.safetensors` files of a folder, in the order of their names; "" where there are none."""
    files = sorted(folder.glob("*.safetensors"))
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest() if files else ""


def load_config(source: Source) -> PreTrainedConfig:
    """The base's configuration.

    Raises:
        ModelError: it can't be read, or is not of a causal language model.
    """
    with _explained(source, "configuration"):
        config: PreTrainedConfig = AutoConfig.from_pretrained(source.location, trust_remote_code=False)
    sees_both_ways = config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES and not getattr(config, "is_decoder", False)
    causal = type(config) in AutoModelForCausalLM._model_mapping and not getattr(config, "is_encoder_decoder", False)
    if sees_both_ways or not causal:
        raise ModelError(f"{short(source.name)} is a {config.model_type} model, not a causal language model.", INSTEAD)
    return config


def longest_context(source: Source) -> int | None:
    """The most tokens that the base can read at once; None where its configuration states none."""
    return context_of(load_config(source))


def context_of(config: PreTrainedConfig) -> int | None:
    """The most tokens that a model of this configuration can read at once; None where it states none."""
    context: int | None = getattr(config.get_text_config(), "max_position_embeddings", None)
    return context


def load_tokenizer(source: Source) -> PreTrainedTokenizerBase:
    """The model's own tokenizer, with a padding token."""
    with _explained(source, "tokenizer"):
        tokenizer = AutoTokenizer.from_pretrained(source.location, trust_remote_code=False)
    if not isinstance(tokenizer, PreTrainedTokenizerBase) or len(tokenizer) < 2:
        raise ModelError(f"{short(source.name)} has no usable tokenizer.", "Save its tokenizer beside its weights.")
    if tokenizer.eos_token_id is None:
        raise ModelError(f"The tokenizer of {short(source.name)} has no end-of-text token.", "Set its eos_token.")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_model(
    source: Source, device: torch.device, dtype: torch.dtype, quantization: QuantizationConfigMixin | None = None
) -> PreTrainedModel:
    """A fresh copy of the base on `device`, frozen, its weights in `dtype` (quantized ones as `quantization` says).

    Raises:
        ModelError: the weights can't be read, or some are missing (transformers would fill those at random).
    """
    silence_transformers()
    options: dict[str, Any] = {"dtype": dtype, "use_safetensors": True, "trust_remote_code": False}
    if quantization is not None:
        options |= {"quantization_config": quantization, "device_map": {"": device.type}}
    load_config(source)
    with _explained(source, "model"), ONE_MODEL_AT_A_TIME:
        loaded: Any = AutoModelForCausalLM.from_pretrained(source.location, output_loading_info=True, **options)
    model: PreTrainedModel = loaded[0]
    if missing := sorted(loaded[1]["missing_keys"]):
        what = f"{short(source.name)} lacks {len(missing)} weights of a {type(model).__name__}, such as {missing[0]}."
        raise ModelError(what, f"Is it whole, and a causal language model? Or: {INSTEAD}")
    model.name_or_path = source.known_as or source.location
    if quantization is None:
        nn.Module.to(model, device)
    model.requires_grad_(False)
    return model


@contextmanager
def _explained(source: Source, part: str) -> Iterator[None]:
    """Errors of transformers in one line of ours, without its progress bars and reports."""
    shown, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    except Exception as error:
        if allocation_failed(error):
            raise
        raise explained(error, source.name, part) from error
    finally:
        logging.set_verbosity(verbosity)
        if shown:
            logging.enable_progress_bar()
