"""Operations on the meta device as the real device runs them: attention, and reduced precision on a GPU.

Attention: on meta, torch would take the plain path, which keeps the attention matrices. A CPU (and a GPU) takes the
fused one, which keeps q, k, v, the output and one number a row; dropout on a CPU and values narrower than keys rule it
out. Precision: torch's autocast doesn't act on meta tensors, so its casts are made here, by its rules.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from finetune_lab.device import Device

LOW = {
    F.linear, F.conv1d, F.scaled_dot_product_attention, torch.matmul, torch.bmm, torch.addmm, torch.baddbmm,
    torch.einsum, Tensor.matmul, Tensor.__matmul__, Tensor.bmm, Tensor.addmm,
}  # fmt: skip
FULL = {
    F.layer_norm, F.softmax, F.log_softmax, F.cross_entropy, torch.softmax, torch.pow, torch.rsqrt, torch.sum,
    torch.exp, Tensor.softmax, Tensor.pow, Tensor.rsqrt, Tensor.sum, Tensor.exp,
}  # fmt: skip


class ArithmeticOf(TorchFunctionMode):
    """While entered, operations on meta tensors keep and cast what they keep and cast on `device`."""

    def __init__(self, device: Device) -> None:
        super().__init__()
        self._device = device
        self._cast: dict[int, Tensor] = {}  # autocast keeps one reduced copy of each trained weight through forward

    def __enter__(self) -> "ArithmeticOf":
        self._was_on = torch.is_autocast_enabled("cuda")
        torch.set_autocast_enabled("cuda", self._device.kind == "cuda")  # PEFT asks
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        torch.set_autocast_enabled("cuda", self._was_on)
        self._cast.clear()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if self._device.kind == "cuda" and (func in LOW or func in FULL):
            dtype = self._device.dtype if func in LOW else torch.float32
            args = tuple(self._as(value, dtype) for value in args)
            given = {name: self._as(value, dtype) for name, value in given.items()}
        if self._device.kind == "cuda" and func is F.dropout:
            return kernel_dropout(*args, **given)
        if func is F.scaled_dot_product_attention and self._fused(args, given):
            return FusedAttention.apply(*args[:3], additive(given.get("attn_mask"), args[0].dtype))  # type: ignore[no-untyped-call]
        return func(*args, **given)

    def _as(self, value: Any, dtype: torch.dtype) -> Any:
        if not isinstance(value, Tensor) or not value.is_floating_point() or value.dtype == dtype:
            return value
        if not (value.is_leaf and value.requires_grad):
            return value.to(dtype)
        if id(value) not in self._cast:
            self._cast[id(value)] = value.to(dtype)
        return self._cast[id(value)]

    def _fused(self, args: tuple[Any, ...], given: dict[str, Any]) -> bool:
        q, k, v = args[:3]
        same_width = q.shape[-1] == k.shape[-1] == v.shape[-1]
        return q.dim() == 4 and same_width and (self._device.kind == "cuda" or not given.get("dropout_p"))


def kernel_dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:  # noqa: A002, ARG001
    """As a GPU does it, which keeps one byte a number; on meta, torch would keep a mask as wide as the input."""
    return torch.native_dropout(input, p, training)[0] if training and p > 0 else input


class FusedAttention(torch.autograd.Function):
    """What the fused kernel keeps; q `(rows, heads, length, width)`; layouts as measured on a CPU."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        rows, heads, length, _ = q.shape
        output = torch.empty_like(q)
        log_sums = q.new_empty(rows, length, heads, dtype=torch.float32)
        ctx.save_for_backward(q, k, v, output, log_sums, mask)
        return output

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v = ctx.saved_tensors[:3]
        like = [torch.empty_permuted(t.shape, (0, 2, 1, 3), dtype=t.dtype, device=t.device) for t in (q, k, v)]
        return (*like, None)


def additive(mask: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """The mask as attention takes it: torch makes numbers of truth values first."""
    if mask is None or mask.dtype != torch.bool:
        return mask
    return torch.where(mask, torch.zeros((), dtype=dtype, device="meta"), torch.zeros((), dtype=dtype, device="meta"))
