"""The singular values of one layer's change, and what they say: how much of it a lower rank would keep."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

FLOAT32_EPS = 2.0**-23  # the weights are float32 or less: what is smaller than their rounding is no rank


@dataclass(frozen=True)
class LayerSpectrum:
    """`values` are the singular values of W_tuned - W_base, largest first; `shape` is (out, in)."""

    name: str
    shape: tuple[int, int]
    values: tuple[float, ...] = field(repr=False)
    weight_norm: float  # Frobenius norm of W_base

    @property
    def kind(self) -> str:
        """What the layers of all blocks have in common: `q_proj`."""
        return self.name.rpartition(".")[2]

    @property
    def energy(self) -> float:
        """The squared Frobenius norm: the sum of the squared singular values."""
        return math.fsum(value**2 for value in self.values)

    @property
    def norm(self) -> float:
        return math.sqrt(self.energy)

    @property
    def relative_norm(self) -> float:
        """How far the layer moved: the norm of the change over the norm of W_base."""
        return self.norm / self.weight_norm if self.weight_norm else math.inf

    @property
    def captured(self) -> tuple[float, ...]:
        """The share of the energy, 0 to 1, that the nearest matrix of rank 1, 2, 3, ... holds."""
        total = self.energy
        return tuple(min(1.0, found / total) for found in accumulate(value**2 for value in self.values))

    @property
    def rank(self) -> int:
        """How many singular values are more than the rounding of float32 weights."""
        threshold = self.values[0] * max(self.shape) * FLOAT32_EPS
        return sum(value > threshold for value in self.values)

    @property
    def effective_rank(self) -> float:
        """exp of the entropy of the values' shares of their sum (Roy and Vetterli 2007): 1 for one, n for n equal."""
        total = math.fsum(self.values)
        shares = [value / total for value in self.values if value > 0]
        return math.exp(-math.fsum(share * math.log(share) for share in shares))


def captured_by(layers: Sequence[LayerSpectrum]) -> tuple[float, ...]:
    """The share of the energy of all layers together that each rank holds, given to every layer alike."""
    longest = max((len(layer.values) for layer in layers), default=0)
    total = math.fsum(layer.energy for layer in layers)
    gained = [
        math.fsum(layer.values[at] ** 2 for layer in layers if at < len(layer.values)) / total for at in range(longest)
    ]
    return tuple(min(1.0, found) for found in accumulate(gained))


def rank_within(captured: Sequence[float], share: float) -> int:
    """The smallest rank that holds at least `share`; 0 where nothing has changed."""
    return next((rank for rank, held in enumerate(captured, 1) if held >= share - 1e-12), len(captured))
