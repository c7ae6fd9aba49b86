"""Out of memory, on a GPU or a CPU, as one line with a way on."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from finetune_lab.errors import OutOfMemoryError

HINT = "Use a smaller batch_size or max_length, gradient_checkpointing=True, or QLoRA with 4 bits."


@contextmanager
def explained_memory() -> Iterator[None]:
    """Turn torch's and Python's errors of an allocation that failed into `OutOfMemoryError`."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise OutOfMemoryError(f"The memory is too small for this tune: {first_line(error)}.", HINT) from error
    except RuntimeError as error:
        # the CPU allocator raises a plain RuntimeError
        if "can't allocate memory" not in str(error) and "not enough memory" not in str(error):
            raise
        raise OutOfMemoryError(f"The memory is too small for this tune: {first_line(error)}.", HINT) from error


def first_line(error: BaseException) -> str:
    """The first line of an error's text, or its type where it has none."""
    return (str(error).strip().split("\n")[0] or type(error).__name__).rstrip(".")
