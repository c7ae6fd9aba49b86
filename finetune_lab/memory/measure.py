"""Memory by component, in bytes, counted from the tensors themselves."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


def components(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, int]:
    """Bytes that the model's and the optimizer's tensors hold now, by component; shared storage counts once."""
    adapter = [p for name, p in model.named_parameters() if ".lora_" in name]
    base = [p for name, p in model.named_parameters() if ".lora_" not in name]
    constants = [tensor for parameter in base for tensor in quantization_tensors(parameter)]
    states = [value for state in optimizer.state.values() for value in state.values() if isinstance(value, Tensor)]
    return {
        "base_weights": storage_bytes([*base, *model.buffers()]),
        "adapter_weights": storage_bytes(adapter),
        "quantization_state": storage_bytes(constants),
        "gradients": storage_bytes(p.grad for p in model.parameters() if p.grad is not None),
        "optimizer": storage_bytes(states),
    }


def storage_bytes(tensors: Iterable[Tensor]) -> int:
    """Bytes of the storages behind `tensors`, each storage once."""
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    return sum(storages.values())


def quantization_tensors(parameter: Any) -> list[Tensor]:
    """bitsandbytes' own constants for one quantized weight: block scales and their own, code table, row scales."""
    found: list[Tensor] = []
    state = getattr(parameter, "quant_state", None)
    while state is not None:
        found += [t for t in (state.absmax, state.code, getattr(state, "offset", None)) if isinstance(t, Tensor)]
        state = state.state2
    scales = getattr(parameter, "SCB", None)
    return [*found, scales] if isinstance(scales, Tensor) else found
