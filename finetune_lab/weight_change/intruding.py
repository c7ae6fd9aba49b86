"""`intruders`: directions of the tuned weights that the base's weights do not have, as a claim to test.

    W_tuned = U S Vᵀ, W_base = U' S' V'ᵀ      u_j, one of the k largest, is an intruder when |cos(u_j, u'_i)| < eps
                                              for every i: max over the column j of |U'ᵀ U| is below eps

Definition of arXiv 2410.21228 ("LoRA vs Full Fine-tuning: An Illusion of Equivalence"), section 3, with the k = 10 and
eps = 0.5 of its code, which PEFT's `reduce_intruder_dimension` has too.
"""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from finetune_lab.errors import ConfigError, listed
from finetune_lab.tables import as_html, as_text
from finetune_lab.weight_change.changes import Changes
from finetune_lab.weight_change.tuned import Item, tuned_of

CLAIM = (
    "Claim (arXiv 2410.21228): LoRA tunes have intruder dimensions, full tunes that do the same task as well have "
    "hardly any; they go with forgetting, and are fewer at a lower rate and with alpha = 2 r."
)


@dataclass(frozen=True)
class LayerIntruders:
    """`similarity`: for each of the tuned weight's k largest left singular vectors, the largest |cos| to the base's."""

    name: str
    similarity: tuple[float, ...]
    threshold: float

    @property
    def count(self) -> int:
        return sum(value < self.threshold for value in self.similarity)


@dataclass(frozen=True)
class Intruders:
    """Intruder dimensions by layer; shown as a table with the paper's claim and with what was found here."""

    what: str
    base: str
    k: int
    threshold: float
    layers: tuple[LayerIntruders, ...] = field(repr=False)

    @property
    def total(self) -> int:
        return sum(layer.count for layer in self.layers)

    @property
    def looked_at(self) -> int:
        """How many singular vectors were judged, over all layers."""
        return sum(len(layer.similarity) for layer in self.layers)

    def rows(self) -> list[dict[str, str]]:
        """One row a layer, its cells ready to read."""
        return [
            {
                "layer": layer.name,
                "intruders": f"{layer.count} of {len(layer.similarity)}",
                "lowest |cos|": f"{min(layer.similarity):.2f}",
            }
            for layer in self.layers
        ]

    def overview(self) -> list[dict[str, str]]:
        """One row for each kind of layer over all blocks."""
        kinds = list(dict.fromkeys(layer.name.rpartition(".")[2] for layer in self.layers))
        groups = {kind: [layer for layer in self.layers if layer.name.rpartition(".")[2] == kind] for kind in kinds}
        return [
            {
                "linear layers": kind,
                "number": str(len(group)),
                "with intruders": str(sum(layer.count > 0 for layer in group)),
                "intruders": f"{sum(layer.count for layer in group)} of {sum(len(one.similarity) for one in group)}",
                "lowest |cos|": f"{min(min(layer.similarity) for layer in group):.2f}",
            }
            for kind, group in groups.items()
        ]

    @property
    def said(self) -> str:
        """What was found here, beside what the paper says."""
        if not self.layers:
            return f"{CLAIM} Found here: no linear layer has changed, so there is none."
        having = sum(layer.count > 0 for layer in self.layers)
        return (
            f"{CLAIM} Found here, at |cos| below {self.threshold:g} and {self.k} vectors a layer: {self.total} of "
            f"{self.looked_at} are intruders, in {having} of {len(self.layers)} layers."
        )

    def __repr__(self) -> str:
        return f"Intruder dimensions of {self.what} against {self.base}\n{as_text(self.overview())}\n{self.said}"

    def _repr_html_(self) -> str:
        head = f"<p>Intruder dimensions of {self.what} against {self.base}</p>"
        return f"{head}{as_html(self.overview())}<p>{self.said}</p>"


def intruders(item: Item, base: Path | str | None = None, k: int = 10, threshold: float = 0.5) -> Intruders:
    """Count the intruder dimensions of every linear layer with a change.

    Of QLoRA, the base's weights are those of its files, not the rounded ones that it was tuned beside.

    Args:
        item: as for `spectrum`.
        base: as for `spectrum`.
        k: how many of the tuned weight's left singular vectors to look at, largest singular value first.
        threshold: a vector whose largest |cos| to all of the base's is below it is an intruder.

    Raises:
        LabError: there is nothing to compare, or k or the threshold can't be.
    """
    faults = [] if type(k) is int and k >= 1 else [f"k must be a whole number from 1 on, not {k!r}."]
    if not 0 < threshold <= 1:
        faults.append(f"The threshold must be more than 0 and at most 1, not {threshold!r}.")
    if faults:
        raise ConfigError(listed(faults), "Change these numbers.")
    tuned = tuned_of(item, base)
    layers = tuple(
        LayerIntruders(layer.name, similarities(layer.weight, layer.change.dense(), k), threshold)
        for layer in Changes(tuned).layers()
    )
    return Intruders(tuned.what, tuned.base_name, k, threshold, layers)


def similarities(weight: Tensor, change: Tensor, k: int) -> tuple[float, ...]:
    """Of each of the k largest left singular vectors of weight + change, the largest |cos| to one of `weight`'s."""
    base = weight.double()
    before, _, _ = torch.linalg.svd(base, full_matrices=False)
    after, _, _ = torch.linalg.svd(base + change, full_matrices=False)
    found = (before.t() @ after[:, :k]).abs().max(dim=0).values
    return tuple(float(value) for value in found)
