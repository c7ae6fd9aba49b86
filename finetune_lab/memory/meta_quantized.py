"""bitsandbytes' layers on the meta device: the storages that they hold and the operations that they run, no numbers."""

from typing import Any

import torch
from bitsandbytes.autograd._functions import MatMul8bitFp
from bitsandbytes.functional import QuantState
from bitsandbytes.nn.modules import Int8Params, Linear4bit, Linear8bitLt, Params4bit
from torch import Tensor
from transformers import BitsAndBytesConfig, PreTrainedModel
from transformers.integrations.bitsandbytes import replace_with_bnb_linear
from transformers.quantizers.base import HfQuantizer

BLOCK = 64  # weights that share one scale
NESTED_BLOCK = 256  # scales that share one scale of their own, with double quantization


def quantize_on_meta(model: PreTrainedModel, config: BitsAndBytesConfig, kind: str) -> PreTrainedModel:
    """Replace the linear layers that transformers would quantize by layers that hold and do what the real ones do.

    Args:
        model: on the meta device, unquantized.
        config: bits and layout.
        kind: of the device that will run it, `cpu` or `cuda`: 8-bit products differ.
    """
    dtype = model.dtype
    kept = HfQuantizer.get_modules_to_not_convert(model, None, list(model._keep_in_fp32_modules or []))
    replace_with_bnb_linear(model, modules_to_not_convert=kept, quantization_config=config)
    for layer in model.modules():
        if isinstance(layer, Linear4bit | Linear8bitLt) and layer.bias is not None:
            layer.bias.data = layer.bias.data.to(dtype)  # biases are loaded as the rest of the model is
        if isinstance(layer, Linear4bit):
            layer.weight = four_bit_weight(layer, config)
        elif isinstance(layer, Linear8bitLt):
            layer.__class__ = EightBitOnCPU if kind == "cpu" else EightBitOnGPU
            hold_eight_bits(layer)
    vars(model)["is_loaded_in_4bit" if config.load_in_4bit else "is_loaded_in_8bit"] = True
    return model


def four_bit_weight(layer: Linear4bit, config: BitsAndBytesConfig) -> Any:
    """Two weights a byte, their block scales (quantized too on request) and the code tables."""
    count = layer.in_features * layer.out_features
    state = QuantState(  # type: ignore[no-untyped-call]
        absmax=floats(-(-count // BLOCK)),
        shape=torch.Size((layer.out_features, layer.in_features)),
        code=floats(16),
        blocksize=BLOCK,
        quant_type=config.bnb_4bit_quant_type,
        dtype=config.bnb_4bit_compute_dtype,
    )
    if config.bnb_4bit_use_double_quant:
        blocks = state.absmax.numel()
        state.absmax = torch.empty(blocks, dtype=torch.uint8, device="meta")
        state.offset = floats()
        state.state2 = QuantState(  # type: ignore[no-untyped-call]
            absmax=floats(-(-blocks // NESTED_BLOCK)), code=floats(256), blocksize=NESTED_BLOCK, dtype=torch.float32
        )
        state.nested = True
    packed = torch.empty((count + 1) // 2, 1, dtype=torch.uint8, device="meta")
    return Params4bit(
        packed,
        quant_state=state,
        blocksize=BLOCK,
        compress_statistics=config.bnb_4bit_use_double_quant,
        quant_type=config.bnb_4bit_quant_type,
        module=layer,
        bnb_quantized=True,
    )


def hold_eight_bits(layer: Any) -> None:
    """One byte a weight and one scale a row."""
    weight = torch.empty(layer.out_features, layer.in_features, dtype=torch.int8, device="meta")
    scales = floats(layer.out_features)
    layer.weight = Int8Params(weight, requires_grad=False, CB=None, SCB=None)
    layer.state.CB, layer.state.SCB = layer.weight.data, scales


def floats(*shape: int) -> Tensor:
    """A float32 tensor without data."""
    return torch.empty(shape, dtype=torch.float32, device="meta")


class EightBitOnCPU(Linear8bitLt):
    """Training on a CPU makes the full-width weight in forward and again in backward."""

    def forward(self, x: Tensor) -> Tensor:
        product: Tensor = MatMul8bitFp.apply(x, self.weight, None, self.bias, self.state)  # type: ignore[no-untyped-call]
        return product


class EightBitOnGPU(Linear8bitLt):
    """Training on a GPU quantizes the inputs in forward and makes the full-width weight in backward only."""

    def forward(self, x: Tensor) -> Tensor:
        product: Tensor = _EightBitProduct.apply(x, self.state.CB)  # type: ignore[no-untyped-call]
        return product


class _EightBitProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        half = x.to(torch.float16)
        quantized = torch.empty_like(half, dtype=torch.int8)
        ctx.x, ctx.weight = x, weight
        return quantized.new_empty(*x.shape[:-1], weight.shape[0], dtype=x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        return gradient @ ctx.weight.to(gradient.dtype), None
