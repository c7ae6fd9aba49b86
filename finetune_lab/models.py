"""Base models: the embedded `lab-base`, a local folder or a Hugging Face name, loaded at full or quantized width.

A base is a name, never a loaded model handed from run to run: tuning changes models in place, so every tune loads
its own fresh copy.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils.quantization_config import QuantizationConfigMixin

from finetune_lab.errors import ModelError
from finetune_lab.resources import shipped

LAB_BASE = "lab-base"
INSTEAD = "Use model='lab-base', which is embedded, or the path of a local folder."


@dataclass(frozen=True)
class Source:
    """Where a base comes from: `location` is what transformers loads, `sha256` is of its weights ("" on the hub)."""

    name: str
    location: str
    sha256: str


def find_base(name: str) -> Source:
    """Resolve a base model's name; `lab-base` is checked against its published SHA-256.

    Raises:
        ModelError: the folder has no model, or the embedded weights were changed.
    """
    if name == LAB_BASE:
        folder = shipped("data", LAB_BASE)
        found = weights_hash(folder)
        expected = json.loads((folder / "sha256.json").read_text(encoding="utf-8"))["model.safetensors"]
        if found != expected:
            raise ModelError(
                f"The embedded base {folder} has SHA-256 {found[:12]}..., not {expected[:12]}...: it was changed.",
                "Install finetune-lab again.",
            )
        return Source(name, str(folder), found)
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError(f"The folder {name} holds no model: it has no config.json.", INSTEAD)
        return Source(name, str(folder), weights_hash(folder))
    if folder.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise ModelError(f"There is no folder {name}.", INSTEAD)
    return Source(name, name, "")


def weights_hash(folder: Path) -> str:
    """SHA-256 over the `.safetensors` files of a folder, in the order of their names; "" where there are none."""
    files = sorted(folder.glob("*.safetensors"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest() if files else ""


def load_tokenizer(source: Source) -> PreTrainedTokenizerBase:
    """The model's own tokenizer, with a padding token."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(source.location)
    except Exception as error:
        raise explained(error, source, "tokenizer") from error
    if not isinstance(tokenizer, PreTrainedTokenizerBase) or len(tokenizer) < 2:
        raise ModelError(f"The base model {source.name} has no tokenizer.", "Save its tokenizer beside its weights.")
    if tokenizer.eos_token_id is None:
        raise ModelError(f"The tokenizer of {source.name} has no end-of-text token.", "Set its eos_token.")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_model(
    source: Source, device: torch.device, dtype: torch.dtype, quantization: QuantizationConfigMixin | None = None
) -> PreTrainedModel:
    """A fresh copy of the base on `device`, frozen, its weights in `dtype` (quantized ones as `quantization` says)."""
    options: dict[str, Any] = {"dtype": dtype}
    if quantization is not None:
        options |= {"quantization_config": quantization, "device_map": {"": device.type}}
    try:
        config = AutoConfig.from_pretrained(source.location)
        _require_causal(config, source)
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(source.location, **options)
    except ModelError:
        raise
    except Exception as error:
        raise explained(error, source, "model") from error
    if quantization is None:
        nn.Module.to(model, device)
    model.requires_grad_(False)
    return model


def _require_causal(config: Any, source: Source) -> None:
    if type(config) not in AutoModelForCausalLM._model_mapping:
        raise ModelError(f"{source.name} is a {config.model_type} model, not a causal language model.", INSTEAD)
    if getattr(config, "is_encoder_decoder", False):
        raise ModelError(f"{source.name} is an encoder-decoder, not a causal language model.", INSTEAD)


def explained(error: Exception, source: Source, part: str) -> ModelError:
    """The one line for an error of the hub or of transformers while loading `part` of a base model."""
    chain = [error, *_causes(error)]
    if any(isinstance(item, GatedRepoError) for item in chain):
        what = f"{source.name} is gated: its owner has to let you in."
        return ModelError(what, f"Ask for access on its page and run `hf auth login`. Or: {INSTEAD}")
    if any(isinstance(item, RepositoryNotFoundError | HFValidationError) for item in chain):
        return ModelError(f"The Hugging Face hub has no model {source.name!r}.", f"Check the name. Or: {INSTEAD}")
    unreachable = LocalEntryNotFoundError | OfflineModeIsEnabled | HfHubHTTPError | ConnectionError | TimeoutError
    if any(isinstance(item, unreachable) for item in chain):
        what = f"The hub can't be reached and {source.name} is not in the local cache."
        return ModelError(what, f"Connect to the network once. Or: {INSTEAD}")
    first_line = str(error).strip().split("\n")[0]
    return ModelError(f"The {part} of {source.name} can't be loaded: {type(error).__name__}: {first_line}", INSTEAD)


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    while (below := error.__cause__ or error.__context__) is not None and below not in found:
        found.append(below)
        error = below
    return found


def longest_context(source: Source) -> int | None:
    """The most tokens that the model can read at once, by its configuration; None where it states none."""
    try:
        config = AutoConfig.from_pretrained(source.location)
    except Exception as error:
        raise explained(error, source, "configuration") from error
    context: int | None = getattr(config.get_text_config(), "max_position_embeddings", None)
    return context
