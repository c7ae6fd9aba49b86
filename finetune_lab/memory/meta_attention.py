"""Attention on the meta device as the real device runs it.

There torch would take the plain path, which keeps the attention matrices. A CPU (and a GPU) takes the fused one, which
keeps q, k, v, the output and one number a row; only dropout on a CPU, or values narrower than keys, rule it out.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode


class FusedAttention(torch.autograd.Function):
    """Shapes and storages of the fused kernel: q `(rows, heads, length, width)`; layouts as measured on a CPU."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        rows, heads, length, width = q.shape
        output = q.new_empty(rows, length, heads, width).transpose(1, 2)
        log_sums = q.new_empty(rows, length, heads, dtype=torch.float32)
        ctx.save_for_backward(q, k, v, output, log_sums, mask)
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, *_ = ctx.saved_tensors
        like = [torch.empty_permuted(t.shape, (0, 2, 1, 3), dtype=t.dtype, device=t.device) for t in (q, k, v)]
        return (*like, None)


class AttentionOfDevice(TorchFunctionMode):
    """While entered, attention on meta tensors takes the path that it takes on a device of this kind."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self._kind = kind

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if func is F.scaled_dot_product_attention and len(args) >= 3 and self._fused(args, given):
            mask = given.get("attn_mask")
            if mask is not None and mask.dtype == torch.bool:  # torch makes the additive mask first, here as well
                mask = torch.where(mask, 0.0, 1.0).to(args[0].dtype)
            return FusedAttention.apply(*args[:3], mask)  # type: ignore[no-untyped-call]
        return func(*args, **given)

    def _fused(self, args: tuple[Any, ...], given: dict[str, Any]) -> bool:
        q, k, v = args[:3]
        same_width = q.shape[-1] == k.shape[-1] == v.shape[-1]
        return q.dim() == 4 and same_width and (self._kind != "cpu" or not given.get("dropout_p"))
