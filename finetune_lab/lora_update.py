"""The LoRA update as one operation: the same numbers as PEFT's layer, with fewer passes over the activations.

PEFT computes `result + lora_B(lora_A(x)) * scaling`: a product, a scaling and an addition, each a pass over a tensor as
large as the layer's output, and autograd keeps the steps. Here B's product is added to the result in place:

    forward    h = x Aᵀ            y = result + s h Bᵀ          (one addmm)
    backward   gh = s g B          dx = gh A,  dA = ghᵀ x,  dB = s gᵀ h

It enters through PEFT's own extension point for LoRA variants, so the modules, their parameters and what is saved stay
PEFT's. Layers with dropout or another variant keep PEFT's path.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from bitsandbytes.nn.modules import Linear8bitLt  # PEFT has imported it already
from peft.tuners.lora import LoraLayer
from peft.tuners.lora.layer import LoraVariant
from torch import Tensor, nn


class LoRAUpdate(torch.autograd.Function):
    """y = result + s (x Aᵀ) Bᵀ, in place; x `(..., in)`, result `(..., out)`, A `(r, in)`, B `(out, r)`."""

    @staticmethod
    def forward(ctx: Any, result: Tensor, x: Tensor, a: Tensor, b: Tensor, s: float) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        h = rows @ a.t()
        result.view(-1, result.shape[-1]).addmm_(h, b.t(), alpha=s)
        ctx.mark_dirty(result)
        ctx.save_for_backward(rows, h, a, b)
        ctx.s, ctx.shape = s, x.shape
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (g,) = gradients
        rows, h, a, b = ctx.saved_tensors
        g_rows = g.reshape(-1, g.shape[-1])
        gh = (g_rows @ b).mul_(ctx.s)
        dx = (gh @ a).view(ctx.shape) if ctx.needs_input_grad[1] else None
        db = (h.t() @ g_rows).mul_(ctx.s).t()  # this way round the product is two to three times as fast
        return g, dx, gh.t() @ rows, db, None


class FusedLoRA(LoraVariant):
    """PEFT's plain LoRA, computed by `LoRAUpdate`."""

    @staticmethod
    def forward(module: LoraLayer, active_adapter: str, x: Tensor, result: Tensor, **_: Any) -> Tensor:
        a, b = module.lora_A[active_adapter].weight, module.lora_B[active_adapter].weight
        updated: Tensor = LoRAUpdate.apply(result, x, a, b, module.scaling[active_adapter])  # type: ignore[no-untyped-call]
        return updated


def fusible(layer: LoraLayer, adapter: str) -> bool:
    """Whether a layer's adapter is plain LoRA beside a linear layer, in the float type that the layer computes in."""
    if adapter not in layer.lora_A or adapter in layer.lora_variant or layer.lora_bias[adapter]:
        return False
    base = layer.get_base_layer()
    # bitsandbytes' layers are nn.Linear too; with a bias, its 8-bit product is a view, which can't be added to in place
    linear = isinstance(base, nn.Linear) and not (isinstance(base, Linear8bitLt) and base.bias is not None)
    plain = isinstance(layer.lora_dropout[adapter], nn.Identity)
    return linear and plain and layer.lora_A[adapter].weight.dtype == torch.float32


@contextmanager
def fused_updates(model: nn.Module, adapter: str = "default") -> Iterator[int]:
    """While it lasts, every layer that allows it computes its update by `LoRAUpdate`; yields how many do.

    Under autocast (GPUs) nothing is fused: there the casts belong to autograd.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, LoraLayer) and fusible(layer, adapter)]
    if any(parameter.dtype in (torch.float16, torch.bfloat16) for parameter in model.parameters()):
        layers = []
    for layer in layers:
        layer.lora_variant[adapter] = FusedLoRA()
    try:
        yield len(layers)
    finally:
        for layer in layers:
            del layer.lora_variant[adapter]
