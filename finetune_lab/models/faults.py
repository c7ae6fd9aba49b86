"""What goes wrong while a base is found or loaded, each as one line of ours."""

import torch
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

from finetune_lab.errors import ModelError

INSTEAD = "Use model='lab-base', which is embedded, or the path of a local folder."


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
