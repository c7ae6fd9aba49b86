"""Whose bytes are whose: the storages of a model and its optimizer by component, each storage once.

A storage is known by the address of its C++ object, which it has on the meta device too, where data has no address.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

STATIC = ("base_weights", "adapter_weights", "quantization_state")


def storage_key(tensor: Tensor) -> int:
    """What tells the tensor's storage from every other living one."""
    key: int = tensor.untyped_storage()._cdata
    return key


def storage_bytes(tensors: Iterable[Tensor]) -> int:
    """Bytes of the storages behind `tensors`, each storage once."""
    return sum({storage_key(tensor): tensor.untyped_storage().nbytes() for tensor in tensors}.values())


def model_tensors(model: nn.Module) -> dict[str, list[Tensor]]:
    """The tensors that a model holds for good, by component."""
    named = list(model.named_parameters())
    base: list[Tensor] = [parameter for name, parameter in named if ".lora_" not in name]
    return {
        "base_weights": [*base, *model.buffers()],
        "adapter_weights": [parameter for name, parameter in named if ".lora_" in name],
        "quantization_state": [tensor for module in model.modules() for tensor in quantization_tensors(module)],
    }


def gradient_tensors(model: nn.Module) -> list[Tensor]:
    """The gradients that exist now."""
    return [parameter.grad for parameter in model.parameters() if parameter.grad is not None]


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """The optimizer's moments and step counts; none before the first step."""
    return [value for state in optimizer.state.values() for value in state.values() if isinstance(value, Tensor)]


def quantization_tensors(module: nn.Module) -> list[Tensor]:
    """bitsandbytes' own constants for one layer: block scales and theirs, code tables, offset, or 8-bit row scales."""
    weight = module._parameters.get("weight")
    four_bits = [tensor for state in _states(weight) for tensor in _constants(state)]
    # the 8-bit scales move from the weight to the layer's state at the first forward pass
    eight_bits = [getattr(holder, "SCB", None) for holder in (weight, getattr(module, "state", None))]
    return [*four_bits, *(scales for scales in eight_bits if isinstance(scales, Tensor))]


def _states(weight: Any) -> Iterator[Any]:
    state = getattr(weight, "quant_state", None)
    while state is not None:
        yield state
        state = state.state2


def _constants(state: Any) -> list[Tensor]:
    found = (state.absmax, state.code, getattr(state, "offset", None))
    return [tensor for tensor in found if isinstance(tensor, Tensor)]
