"""The operations that tuning stands on, each tried forward and backward against a reference in float32.

A quantized layer's reference is a plain layer with the weights that the quantized one stores, so that the error is that
of the arithmetic; how far those weights are from the ones before quantization is said beside it.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from bitsandbytes.functional import dequantize_4bit
from bitsandbytes.nn.modules import Int8Params, Linear4bit, Linear8bitLt, Params4bit
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn

from finetune_lab.device import Device
from finetune_lab.diagnosis.check import Check, guarded
from finetune_lab.methods import keep_trainable_form

ROWS, INPUTS, OUTPUTS, RANK = 256, 256, 704, 8  # a batch of tokens and a layer of lab-base
REPEATS = 3
KINDS = ("nf4", "fp4", "int8")
TITLES = {"nf4": "NF4 layer", "fp4": "FP4 layer", "int8": "8-bit layer"}
# Largest error of the arithmetic. LLM.int8 on a GPU also rounds its inputs to 8 bits and works in float16.
TOLERANCE = {"nf4": 1e-4, "fp4": 1e-4, "int8": 3e-2}
REDUCED_TOLERANCE = 2e-2  # where the device computes in bfloat16 or float16
ROUNDING = {"nf4": 0.15, "fp4": 0.20, "int8": 0.02}  # largest change of the weights by quantizing normal ones
REINSTALL = "Install bitsandbytes again; until it works, use the method full or lora."


class Probe(nn.Module):
    """One linear layer, as PEFT wants to meet it."""

    def __init__(self, layer: nn.Module, kind: str) -> None:
        super().__init__()
        self.layer = layer
        self.is_loaded_in_8bit = kind == "int8"
        self.is_loaded_in_4bit = kind in ("nf4", "fp4")

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(x)
        return y


def operation_checks(device: Device) -> list[Check]:
    """All of them, on this device."""
    torch.manual_seed(0)
    checks = [guarded(TITLES[kind], REINSTALL, partial(quantized_layer, kind, device)) for kind in KINDS]
    checks += [guarded(f"LoRA on {TITLES[kind]}", REINSTALL, partial(adapter, kind, device)) for kind in KINDS]
    again = "Install torch again, in a version that constraints.txt names."
    return [
        *checks,
        guarded("fused AdamW", again, partial(fused_adamw, device)),
        guarded("bfloat16", "None needed: another float type is chosen.", partial(bfloat16, device)),
    ]


def quantized(kind: str, device: Device) -> tuple[nn.Module, Tensor, float]:
    """A quantized layer, the weights that it stores in float32, and their relative distance from the original."""
    weight = torch.randn(OUTPUTS, INPUTS) * 0.02
    layer: Any  # bitsandbytes' classes have attributes that nn.Linear's types do not know
    if kind == "int8":
        layer = Linear8bitLt(INPUTS, OUTPUTS, bias=False, has_fp16_weights=False, threshold=6.0)
        layer.weight = Int8Params(weight, requires_grad=False, has_fp16_weights=False)
    else:
        layer = Linear4bit(INPUTS, OUTPUTS, bias=False, compute_dtype=device.dtype, quant_type=kind)  # type: ignore[no-untyped-call]
        layer.weight = Params4bit(weight, requires_grad=False, quant_type=kind, compress_statistics=False)
    layer = layer.to(device.torch_device)
    keep_trainable_form(layer)
    if kind == "int8":
        stored = layer.weight.data.float() * layer.weight.SCB.float()[:, None] / 127
    else:
        stored = dequantize_4bit(layer.weight.data, layer.weight.quant_state).float()
    return layer, stored, distance([stored.cpu()], [weight])


def quantized_layer(kind: str, device: Device) -> Check:
    """The layer by itself: its output and the gradient for its input."""
    layer, stored, rounding = quantized(kind, device)
    x = inputs(device)
    run, reference = partial(both_ways, layer, x, []), partial(both_ways, plain(stored), x, [])
    detail = f"against float32 with the same weights, which quantizing moved by {rounding:.1%}"
    if rounding > ROUNDING[kind]:
        return Check(TITLES[kind], "fails", f"quantizing moved the weights by {rounding:.1%}")
    return compared(TITLES[kind], detail, run, reference, tolerance(kind, device))


def adapter(kind: str, device: Device) -> Check:
    """PEFT's adapter beside it: the output, and the gradients for the input, for A and for B."""
    layer, stored, _ = quantized(kind, device)
    config = LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=["layer"], init_lora_weights=False)
    model = get_peft_model(Probe(layer, kind), config)
    keep_trainable_form(model)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    a, b = (parameter.detach().clone().requires_grad_() for parameter in trained)
    x = inputs(device)

    def by_hand(rows: Tensor) -> Tensor:
        return F.linear(rows, stored) + 2.0 * F.linear(F.linear(rows, a), b)

    run, reference = partial(both_ways, model, x, trained), partial(both_ways, by_hand, x, [a, b])
    detail = "against W x + (alpha / r) B A x in float32 with the same weights"
    return compared(f"LoRA on {TITLES[kind]}", detail, run, reference, tolerance(kind, device))


def fused_adamw(device: Device) -> Check:
    """Two steps of the fused optimizer against two of the plain one, over a hundred matrices."""
    start = [torch.randn(64, 64, device=device.torch_device) for _ in range(100)]
    slopes = [torch.randn_like(item) for item in start]

    def two_steps(*, fused: bool) -> list[Tensor]:
        moved = [item.clone().requires_grad_() for item in start]
        optimizer = torch.optim.AdamW(moved, lr=1e-2, fused=fused, foreach=False)
        for item, slope in zip(moved, slopes, strict=True):
            item.grad = slope
        for _ in range(2):
            optimizer.step()
        return [item.detach() for item in moved]

    detail = "two steps, against AdamW without fusing"
    return compared("fused AdamW", detail, partial(two_steps, fused=True), partial(two_steps, fused=False), 1e-5)


def bfloat16(device: Device) -> Check:
    """A product in bfloat16 and its gradients."""
    weight = torch.randn(OUTPUTS, INPUTS, device=device.torch_device) * 0.02
    x = inputs(device)
    run = partial(both_ways, plain(weight.bfloat16()), x.detach().bfloat16().requires_grad_(), [])
    return compared("bfloat16", "against float32", run, partial(both_ways, plain(weight), x, []), REDUCED_TOLERANCE)


def compared(
    name: str, detail: str, run: Callable[[], list[Tensor]], reference: Callable[[], list[Tensor]], largest: float
) -> Check:
    """Results and time of `run` beside those of `reference`."""
    error = distance(run(), reference())
    mine, theirs = milliseconds(run), milliseconds(reference)
    right = error <= largest  # NaN is not
    limit = "" if right else f"; the error may be {largest:.0e} at most"
    return Check(
        name, "works" if right else "fails", f"{detail}{limit}", milliseconds=mine, ratio=mine / theirs, error=error
    )


def inputs(device: Device) -> Tensor:
    """Hidden states `(ROWS, INPUTS)` that a gradient is wanted for."""
    return torch.randn(ROWS, INPUTS, device=device.torch_device).requires_grad_()


def plain(weight: Tensor) -> Callable[[Tensor], Tensor]:
    """A linear layer with this frozen weight."""
    return lambda x: F.linear(x, weight)


def both_ways(layer: Callable[[Tensor], Tensor], x: Tensor, trained: Sequence[Tensor]) -> list[Tensor]:
    """The layer's output and the gradients of its squares' sum for `x` and what is trained."""
    y = layer(x)
    return [y.detach(), *torch.autograd.grad(y.float().square().sum() / 2, [x, *trained])]


def distance(found: list[Tensor], wanted: list[Tensor]) -> float:
    """The largest relative distance of the pairs: |found - wanted| / |wanted|, by Frobenius' norm."""
    pairs = zip(found, wanted, strict=True)
    return max(float((one.float() - other.float()).norm() / other.float().norm()) for one, other in pairs)


def milliseconds(run: Callable[[], object]) -> float:
    """The shortest of a few times; the first run, which also loads what it needs, was before."""
    times = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        run()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begun)
    return 1000 * min(times)


def tolerance(kind: str, device: Device) -> float:
    """The largest error that the arithmetic of this device may make."""
    return TOLERANCE[kind] if device.dtype_name == "float32" else max(TOLERANCE[kind], REDUCED_TOLERANCE)
