"""The shape of a step, as it is asked for and as far as the model can read."""

from typing import Any

from transformers import PreTrainedConfig

from finetune_lab.errors import ConfigError, listed
from finetune_lab.memory.tracing import Shape
from finetune_lab.models import context_of


def shape_asked(  # noqa: PLR0913 - what a step can be given
    config: PreTrainedConfig,
    name: str,
    *,
    batch_size: int = 8,
    max_length: int = 512,
    labelled_tokens: int | None = None,
    gradient_accumulation_steps: int = 1,
    gradient_checkpointing: bool = False,
) -> Shape:
    """The step's shape, checked against what the model can read.

    Raises:
        ConfigError: a number that can't be; all are listed.
    """
    sizes = {"batch_size": batch_size, "max_length": max_length, "accumulation": gradient_accumulation_steps}
    faults = [f"{what} must be a whole number from 1 on, not {n!r}." for what, n in sizes.items() if not _counts(n)]
    if not faults:
        context = context_of(config)
        labelled = batch_size * (max_length - 1) if labelled_tokens is None else labelled_tokens
        if max_length < 2:
            faults.append("max_length must be at least 2: a token to read and one to learn.")
        elif not _counts(labelled) or labelled > batch_size * (max_length - 1):
            faults.append(f"labelled_tokens must be from 1 to {batch_size * (max_length - 1)}, not {labelled!r}.")
        if context is not None and max_length > context:
            faults.append(f"max_length {max_length} is more than the {context} tokens that {name} can read.")
    if faults:
        raise ConfigError(listed(faults), "Change these numbers.")
    return Shape(batch_size, max_length, labelled, gradient_accumulation_steps, bool(gradient_checkpointing))


def _counts(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 1
