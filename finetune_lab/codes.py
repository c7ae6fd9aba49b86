"""The codes that QLoRA may store a base in: what each one costs a weight in bits, and how far it moves the weights.

NF4     16 levels where normal weights lie, a 32-bit scale for each 64 weights        (arXiv 2305.14314, section 3)
FP4     16 levels as a float of 4 bits has them, scaled alike
8-bit   256 even levels, a scale for each row                                         (arXiv 2208.07339)
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from bitsandbytes.functional import dequantize_4bit, quantize_4bit
from bitsandbytes.nn.modules import Int8Params
from torch import Tensor, nn

from finetune_lab.models import find_base, load_model
from finetune_lab.tables import as_html, as_text, readable

Coded = tuple[Tensor, int]  # the weights as they are read back, and the bytes that hold them


@dataclass(frozen=True)
class Code:
    """One code over all linear layers of a base."""

    name: str
    weights: int
    stored: int  # bytes, scales included
    error: float  # root mean square of the change, over that of the weights

    @property
    def bits(self) -> float:
        """Bits a weight."""
        return 8 * self.stored / self.weights


@dataclass(frozen=True)
class CodeComparison:
    """The codes side by side; shown as a table."""

    base: str
    codes: tuple[Code, ...]

    def rows(self) -> list[dict[str, str]]:
        """One row a code, its cells ready to read."""
        return [
            {
                "code": code.name,
                "bits a weight": f"{code.bits:.3f}",
                "size": readable(code.stored),
                "weights move by": f"{code.error:.2%}",
            }
            for code in self.codes
        ]

    @property
    def title(self) -> str:
        return f"{self.codes[0].weights:,} weights in the linear layers of {self.base}"

    def __repr__(self) -> str:
        return f"{self.title}\n{as_text(self.rows())}"

    def _repr_html_(self) -> str:
        return f"<p>{self.title}</p>{as_html(self.rows())}"


def compare_codes(base: str = "lab-base") -> CodeComparison:
    """Store the linear layers of a base in each code, read them back, and compare.

    The output layer is left out, as bitsandbytes leaves it; what is measured are the bytes that it stores.

    Raises:
        LabError: the base can't be had.
    """
    source = find_base(base)
    weights = list(linear_weights(load_model(source, torch.device("cpu"), torch.float32)))
    return CodeComparison(source.name, tuple(_measured(name, code, weights) for name, code in CODES.items()))


def linear_weights(model: nn.Module) -> Iterator[Tensor]:
    """The weights that bitsandbytes quantizes: of each linear layer `(out, in)`, but for the output layer."""
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Linear) and not name.endswith("lm_head"):
            yield layer.weight.detach()


def _measured(name: str, code: Callable[[Tensor], Coded], weights: list[Tensor]) -> Code:
    stored, moved, size = 0, 0.0, 0.0
    for weight in weights:
        read, taken = code(weight)
        stored += taken
        moved += (read - weight).square().sum().item()
        size += weight.square().sum().item()
    return Code(name, sum(weight.numel() for weight in weights), stored, (moved / size) ** 0.5)


def _four_bits(quant_type: str, *, double: bool = False) -> Callable[[Tensor], Coded]:
    def code(weight: Tensor) -> Coded:
        packed, state = quantize_4bit(weight, quant_type=quant_type, compress_statistics=double)
        scales = [state.absmax, state.state2.absmax] if double else [state.absmax]
        return dequantize_4bit(packed, state), sum(map(_bytes, [packed, *scales]))

    return code


def _eight_bits(weight: Tensor) -> Coded:
    plain: Any = Int8Params(weight.clone(), requires_grad=False, has_fp16_weights=False)
    stored = plain.to("cpu")
    return stored.data.float() * stored.SCB.float()[:, None] / 127, _bytes(stored.data) + _bytes(stored.SCB)


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


CODES: dict[str, Callable[[Tensor], Coded]] = {
    "float32": lambda weight: (weight, _bytes(weight)),
    "bfloat16": lambda weight: (weight.bfloat16().float(), weight.numel() * 2),
    "8-bit": _eight_bits,
    "NF4": _four_bits("nf4"),
    "NF4, double quantization": _four_bits("nf4", double=True),
    "FP4": _four_bits("fp4"),
}
