"""What PEFT calls each adapter, which row of a batch is for which, and which file one was loaded from."""

import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from torch import nn

BASE = "__base__"  # PEFT's own word for no adapter, in a batch where each row has its own


def naming(slots: Sequence[str]) -> Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], Any]:
    """A hook that tells PEFT's layer which adapter each row of its input is for."""
    return lambda _, inputs, named: (inputs, {**named, "adapter_names": list(slots)})


def free_slot(name: str, taken: Collection[str]) -> str:
    """What PEFT is to call the adapter `name`: `adapter_billing`, or with a number behind it.

    PEFT looks for an adapter's name anywhere in its parameters' names, and makes it an attribute: one called `a`, `to`,
    `model` or `x.y` would be mistaken for something else.
    """
    wanted = "adapter_" + re.sub(r"\W", "_", name)
    names = [wanted, *(f"{wanted}_{number}" for number in range(2, len(taken) + 3))]
    return next(found for found in names if found not in taken)


def is_of(key: str, slot: str) -> bool:
    """Whether a parameter's name is that of a matrix of this adapter: `...q_proj.lora_A.adapter_billing.weight`."""
    return re.search(rf"\.lora_\w+\.{slot}(\.|$)", key) is not None


def file_version(file: Path) -> tuple[int, ...] | None:
    """What changes when a file is written anew; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
