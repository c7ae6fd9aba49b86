"""The storage ledger: n tuned copies of a model against one base and n adapters, measured here and predicted.

n full copies          n x the whole model
one base, n adapters   the whole model once, n x the adapter
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from finetune_lab.config import LoRA, Method
from finetune_lab.device import detect_device
from finetune_lab.errors import ConfigError, listed
from finetune_lab.memory.closed_form import count
from finetune_lab.memory.known_models import find_config
from finetune_lab.memory.meta_model import build_on_meta, depth_of
from finetune_lab.models import LAB_BASE
from finetune_lab.tables import as_html, as_text, readable
from finetune_lab.tuning.artifact import folder_bytes
from finetune_lab.tuning.comparison import Comparison
from finetune_lab.tuning.run import Run
from finetune_lab.weight_change.tuned import Tuned, tuned_of

HALF, SINGLE = 2, 4  # bytes of a weight: 16-bit as public models are published, float32 as PEFT saves an adapter
HEADER_BYTES = 130  # of a tensor's name and place in a safetensors file, about
Stored = Run | Comparison | Path | str


@dataclass(frozen=True)
class StorageRow:
    """One way to keep n variants: `once` bytes whatever n is, and `each` bytes for every variant."""

    way: str
    once: int
    each: int
    how: str  # measured or predicted, and from what

    def total(self, n: int) -> int:
        """Bytes for n variants."""
        return self.once + n * self.each


@dataclass(frozen=True)
class StorageLedger:
    """Bytes on disk by way of keeping `n` variants; shown as a table."""

    n: int
    groups: tuple[tuple[StorageRow, ...], ...]  # measured here, predicted for a model; the full copies come first

    def rows(self) -> list[dict[str, str]]:
        """One row a way, its cells ready to read."""
        return [
            {
                f"{self.n} variants kept as": row.way,
                "once": readable(row.once) if row.once else "-",
                "each": readable(row.each),
                "together": readable(row.total(self.n)),
                "of the full copies": f"{row.total(self.n) / group[0].total(self.n):.2%}",
                "how": row.how,
            }
            for group in self.groups
            for row in group
        ]

    def to_dict(self) -> list[dict[str, int | str]]:
        """The same in bytes, ready for JSON."""
        return [
            {
                "way": row.way,
                "once": row.once,
                "each": row.each,
                "n": self.n,
                "bytes": row.total(self.n),
                "how": row.how,
            }
            for group in self.groups
            for row in group
        ]

    def __repr__(self) -> str:
        return as_text(self.rows())

    def _repr_html_(self) -> str:
        return as_html(self.rows())


def storage(
    *items: Stored, n: int = 10, model: str | Path | None = None, method: Method | None = None
) -> StorageLedger:
    """What n variants of a model take on disk, as full copies and as one base with n adapters.

    Args:
        *items: runs, comparisons, run folders or adapter folders of one base: their files are measured.
        n: how many variants.
        model: a model to predict for, by any name that `plan` takes; without items and model, `lab-base`.
        method: the adapter to predict, LoRA(r=8) without it; QLoRA's is of the same size, and its base lies on disk
            as it was published, since it is quantized when it is loaded.

    Raises:
        LabError: a number or an item that can't be, items of several bases, or no such model.
    """
    adapter = LoRA() if method is None else method
    faults = [] if type(n) is int and n >= 1 else [f"n must be a whole number from 1 on, not {n!r}."]
    if not isinstance(adapter, LoRA):
        faults.append(f"method must be LoRA or QLoRA, whose adapter is predicted, not {method!r}.")
    if faults or not isinstance(adapter, LoRA):
        raise ConfigError(listed(faults), "Change these.")
    groups = [measured(items)] if items else []
    if model is not None or not items:
        groups.append(predicted(LAB_BASE if model is None else model, adapter))
    return StorageLedger(n, tuple(groups))


def measured(items: Sequence[Stored]) -> tuple[StorageRow, ...]:
    """The files of what was tuned here, on average over those of a kind; a full copy stands for itself or for the base.

    Raises:
        LabError: an item that is no run and no adapter, or several bases.
    """
    runs = [run for item in items for run in (item.runs if isinstance(item, Comparison) else [item])]
    tuned = [tuned_of(run) for run in runs]
    bases = {one.base.resolve(): one.base_name for one in tuned}
    if len(bases) > 1:
        what = f"These were tuned from several bases: {', '.join(sorted(bases.values()))}."
        raise ConfigError(what, "Give those of one base.")
    base, name = tuned[0].base, tuned[0].base_name
    full = [folder_bytes(one.artifact) for one in tuned if not one.is_adapter]
    small = [one for one in tuned if one.is_adapter]
    copies = f"measured: {len(full)} full tune(s), in float32" if full else f"measured: {name} itself, none was tuned"
    rows = [StorageRow(f"full copies of {name}", 0, round(mean(full or [folder_bytes(base)])), copies)]
    if small:
        rows.append(StorageRow(f"{name} and adapters", folder_bytes(base), *_adapters(small)))
    return tuple(rows)


def _adapters(small: Sequence[Tuned]) -> tuple[int, str]:
    sizes = [folder_bytes(one.artifact) for one in small]
    return round(mean(sizes)), f"measured: {len(small)} adapter(s), {', '.join(sorted({one.what for one in small}))}"


def predicted(model: str | Path, method: LoRA) -> tuple[StorageRow, ...]:
    """The same by arithmetic, from a model's configuration alone: weights are counted on the meta device."""
    plain = LoRA(r=method.r, target_modules=method.target_modules)
    config = find_config(model)
    counts = count(build_on_meta(config, plain, detect_device(), depth_of(config)).model)
    name, header = Path(str(model)).name, HEADER_BYTES * counts.trained_tensors
    whole = HALF * counts.plain
    ways = [(f"{name} and float32 adapters", SINGLE, "as PEFT saves them"), (f"{name} and 16-bit adapters", HALF, "")]
    return (
        StorageRow(f"full copies of {name}", 0, whole, f"predicted: {counts.plain:,} weights of 2 bytes"),
        *(
            StorageRow(way, whole, width * counts.adapter + header,
                       f"predicted: r={method.r}, {counts.adapter:,} weights of {width} bytes{', ' * bool(why)}{why}")
            for way, width, why in ways
        ),
    )  # fmt: skip
