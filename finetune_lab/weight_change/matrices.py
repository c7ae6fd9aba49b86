"""One layer's change as a matrix: whole, or as the two factors of LoRA, whose product need never be formed.

    B A = (Q_b R_b)(Q_a R_a)ᵀ = Q_b (R_b R_aᵀ) Q_aᵀ        the values of an r x r matrix are those of the whole one

Arithmetic is float64: the weights are float32 or less, so that what is small here is small in the weights.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

SVD = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Dense:
    """A change as it is, `(out, in)`."""

    matrix: Tensor

    def svd(self) -> SVD:
        """U `(out, n)`, the singular values `(n,)`, largest first, and Vᵀ `(n, in)`, n the smaller side."""
        u, values, v = torch.linalg.svd(self.matrix.double(), full_matrices=False)
        return u, values, v

    def singular_values(self) -> Tensor:
        """The singular values alone, largest first, which takes a fraction of the time."""
        values: Tensor = torch.linalg.svdvals(self.matrix.double())
        return values

    def dense(self) -> Tensor:
        """The matrix, float64."""
        return self.matrix.double()

    @property
    def is_zero(self) -> bool:
        return not bool(self.matrix.any())


@dataclass(frozen=True)
class LowRank:
    """A change B A: `b` `(out, r)` with the scaling in it, `a` `(r, in)`."""

    b: Tensor
    a: Tensor

    def svd(self) -> SVD:
        """As `Dense.svd`, with no more than r values; works on matrices of the factors' sizes only."""
        q_b, r_b = torch.linalg.qr(self.b.double())
        q_a, r_a = torch.linalg.qr(self.a.double().t())
        u, values, v = torch.linalg.svd(r_b @ r_a.t(), full_matrices=False)
        return q_b @ u, values, v @ q_a.t()

    def singular_values(self) -> Tensor:
        """The singular values alone, largest first, no more than r of them."""
        return self.svd()[1]

    def dense(self) -> Tensor:
        """The product, float64."""
        return self.b.double() @ self.a.double()

    @property
    def is_zero(self) -> bool:
        return not (bool(self.b.any()) and bool(self.a.any()))


Matrix = Dense | LowRank


def cut(matrix: Matrix, rank: int) -> LowRank:
    """The nearest matrix of that rank (Eckart and Young 1936): both factors take the root of each singular value."""
    u, values, v = matrix.svd()
    root = values[:rank].sqrt()
    return LowRank(u[:, :rank] * root, root.unsqueeze(1) * v[:rank])
