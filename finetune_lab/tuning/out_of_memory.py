"""Out of memory, on a GPU or a CPU, as one line with a way on."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from finetune_lab.errors import OutOfMemoryError
from finetune_lab.models import allocation_failed

HINT = "Use a smaller batch_size or max_length, gradient_checkpointing=True, or QLoRA with 4 bits."


@contextmanager
def explained_memory() -> Iterator[None]:
    """Turn torch's and Python's errors of an allocation that failed into `OutOfMemoryError`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch.OutOfMemoryError is a RuntimeError
        if not allocation_failed(error):
            raise
        raise OutOfMemoryError(f"The memory is too small for this tune: {first_line(error)}.", HINT) from error


def first_line(error: BaseException) -> str:
    """The first line of an error's text, or its type where it has none, without the place in torch's source."""
    line = str(error).strip().split("\n")[0] or type(error).__name__
    return re.sub(r"^\[enforce fail at [^\]]*\][\s.]*", "", line).rstrip(".")
