"""The same components by arithmetic: each a product of a few counts, in one sentence that says where it comes from.

The counts (weights by kind, layers, blocks) come from the model's shapes; the bytes do not come from any tensor. The
trace and this must agree: to the byte for all that is held, and for activations where the formula is known.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from bitsandbytes.nn.modules import Linear4bit, Linear8bitLt
from torch import nn

from finetune_lab.config import Full, Method, QLoRA
from finetune_lab.memory.meta_quantized import BLOCK, NESTED_BLOCK

CODE_BYTES = 16 * 4  # the 16 values that 4 bits can stand for, in float32
NESTED_CODE_BYTES = 256 * 4  # the same for the 8-bit scales of double quantization
OFFSET_BYTES = 4


@dataclass(frozen=True)
class Counts:
    """How much there is of what, in one model."""

    plain: int  # weights that are not quantized, tied ones once
    buffers: int  # bytes of the model's constants, such as the rotary frequencies
    quantized: tuple[tuple[int, int], ...]  # (out, in) of each quantized layer
    adapter: int  # weights of the adapter
    trained: int  # weights that move
    trained_tensors: int


def count(model: nn.Module) -> Counts:
    """The counts of a model, of any device."""
    parameters = list(model.named_parameters())
    layers = [layer for layer in model.modules() if isinstance(layer, Linear4bit | Linear8bitLt)]
    quantized = {id(layer.weight) for layer in layers}
    moving = [parameter for _, parameter in parameters if parameter.requires_grad]
    return Counts(
        plain=_numbers(p for name, p in parameters if ".lora_" not in name and id(p) not in quantized),
        buffers=sum(buffer.numel() * buffer.element_size() for buffer in model.buffers()),
        quantized=tuple((layer.out_features, layer.in_features) for layer in layers),
        adapter=_numbers(p for name, p in parameters if ".lora_" in name),
        trained=_numbers(moving),
        trained_tensors=len(moving),
    )


def held_bytes(counts: Counts, method: Method, weight_bytes: int) -> dict[str, int]:
    """Bytes by component of what a step holds throughout, and of its gradients.

    Args:
        counts: of the whole model.
        method: bits and layout.
        weight_bytes: of one unquantized frozen weight, 4 (float32) or 2; what trains is float32.
    """
    bits = method.bits if isinstance(method, QLoRA) else 16
    width = 4 if isinstance(method, Full) else weight_bytes
    packed = sum(-(-out * inner * bits // 8) for out, inner in counts.quantized)
    return {
        "base_weights": counts.plain * width + counts.buffers + packed,
        "adapter_weights": counts.adapter * 4,
        "quantization_state": sum(constants(out, inner, method) for out, inner in counts.quantized),
        "gradients": counts.trained * 4,
        "optimizer": counts.trained * 8 + counts.trained_tensors * 4,
    }


def constants(out: int, inner: int, method: Method) -> int:
    """Bytes of bitsandbytes' constants for one quantized layer of `out` times `inner` weights."""
    if not isinstance(method, QLoRA):
        return 0
    if method.bits == 8:
        return 4 * out  # one scale a row
    blocks = -(-out * inner // BLOCK)
    if not method.bnb_4bit_use_double_quant:
        return 4 * blocks + CODE_BYTES
    return blocks + 4 * -(-blocks // NESTED_BLOCK) + NESTED_CODE_BYTES + OFFSET_BYTES + CODE_BYTES


def bits_per_weight(method: QLoRA) -> float:
    """Stored bits of a quantized weight with its share of the scales: 8, 4.5, or 4.127 with double quantization."""
    if method.bits == 8:
        return 8.0
    scale = 8 / BLOCK + 32 / (BLOCK * NESTED_BLOCK) if method.bnb_4bit_use_double_quant else 32 / BLOCK
    return 4 + scale


def adapter_weights(layers: Iterable[tuple[int, int]], rank: int) -> int:
    """Weights of LoRA beside layers of `(in, out)`: A is rank x in, B is out x rank."""
    return sum(rank * (inner + out) for inner, out in layers)


def _numbers(parameters: Iterable[nn.Parameter]) -> int:
    return sum(prod(parameter.shape) for parameter in parameters)
