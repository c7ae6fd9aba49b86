"""Base models: the embedded `lab-base`, a local folder or a Hugging Face name, loaded at full or quantized width.

A base is a name, never a loaded model handed from run to run: tuning changes models in place, so every tune loads
its own fresh copy. Whatever the name, what is loaded is a local folder, and only safetensors: pickle can run code.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import torch
from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import GatedRepoError, OfflineModeIsEnabled, RepositoryNotFoundError
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

from finetune_lab.errors import ModelError
from finetune_lab.quiet import silence_transformers
from finetune_lab.resources import shipped

LAB_BASE = "lab-base"
INSTEAD = "Use model='lab-base', which is embedded, or the path of a local folder."
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
HUB_SECONDS = 6.0  # until the hub counts as out of reach; its own library tries for half a minute, file by file
HUB_FILES = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")
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


def hub_folder(name: str, files: tuple[str, ...] = HUB_FILES) -> tuple[Path, str]:
    """The local folder with a hub model's `files` (patterns), downloaded where needed, and where they came from.

    Raises:
        ModelError: no such model, no access to it, or the hub is out of reach and the model was not downloaded before.
    """
    failure = OfflineModeIsEnabled("HF_HUB_OFFLINE is set") if constants.HF_HUB_OFFLINE else _failure(name)
    if isinstance(failure, RepositoryNotFoundError):  # GatedRepoError is one of them
        raise explained(failure, name, "model") from failure
    try:
        wanted: dict[str, Any] = {"allow_patterns": list(files), "ignore_patterns": ["*/*", "consolidated*"]}
        folder = snapshot_download(name, **wanted, local_files_only=failure is not None)
    except Exception as error:
        if failure is None or isinstance(error, RepositoryNotFoundError):
            raise explained(error, name, "model") from error
        what = f"{name} was not downloaded before, and the hub can't be reached ({type(failure).__name__})."
        raise ModelError(what, f"Check the name and the network. Or: {INSTEAD}") from error
    return Path(folder), "downloaded before; the hub can't be reached" if failure else "from the Hugging Face hub"


def _failure(name: str) -> Exception | None:
    """What keeps the hub from answering for this model within `HUB_SECONDS`; None when it does answer."""

    def ask() -> None:
        try:
            HfApi().model_info(name, timeout=HUB_SECONDS)
            answers.put(None)
        except Exception as error:  # noqa: BLE001 - handed to the thread that waits
            answers.put(error)

    answers: SimpleQueue[Exception | None] = SimpleQueue()
    Thread(target=ask, daemon=True).start()  # its own limit counts anew for each address of the hub
    try:
        return answers.get(timeout=HUB_SECONDS)
    except Empty:
        return TimeoutError(f"no answer in {HUB_SECONDS:g} seconds")


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
    """The most tokens that the model can read at once, by its configuration; None where it states none."""
    context: int | None = getattr(load_config(source).get_text_config(), "max_position_embeddings", None)
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
    with _explained(source, "model"):
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


def explained(error: Exception, name: str, part: str) -> ModelError:
    """The one line for an error of the hub or of transformers while getting `part` of a base model."""
    if isinstance(error, GatedRepoError):
        what = f"{name} is gated: its owner has to let you in."
        return ModelError(what, f"Ask for access on its page and run `hf auth login`. Or: {INSTEAD}")
    if isinstance(error, RepositoryNotFoundError):
        return ModelError(f"The Hugging Face hub has no model {name!r}.", f"Check the name. Or: {INSTEAD}")
    first_line = " ".join(str(error).strip().split("\n")[0].split())[:300].rstrip(".:")
    return ModelError(f"The {part} of {short(name)} can't be loaded: {type(error).__name__}: {first_line}.", INSTEAD)


def allocation_failed(error: BaseException) -> bool:
    """Whether memory ran out. torch's CPU allocator says so in a plain RuntimeError."""
    text = str(error)
    refused = isinstance(error, RuntimeError) and ("can't allocate memory" in text or "not enough memory" in text)
    return refused or isinstance(error, MemoryError | torch.OutOfMemoryError)


def short(name: str) -> str:
    """A name as it is given, printable, and not longer than a message can bear."""
    text = name if name.isprintable() and name.strip() else repr(name)
    return text if len(text) <= 200 else f"{text[:60]}... ({len(name)} characters)"
