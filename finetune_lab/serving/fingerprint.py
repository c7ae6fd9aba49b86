"""SHA-256 of a base as it lies in memory: every weight, every constant of its quantization, no adapter.

The hash is the same whether PEFT's layers are around the base's or not, so it tells whether any bit of it has moved.
"""

import hashlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from finetune_lab.memory.storages import quantization_tensors


def base_sha256(model: nn.Module) -> str:
    """SHA-256, in hexadecimal, over name, float type, shape and bytes of each tensor of the base, in order of name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(base_tensors(model), key=lambda item: item[0]):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        digest.update(tensor.detach().contiguous().cpu().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def base_tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The base's parameters, buffers and quantization constants, under the names that they bear without an adapter."""
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if ".lora_" not in name:
            yield own_name(name), tensor
    for name, module in model.named_modules():
        for number, tensor in enumerate(quantization_tensors(module)):
            yield f"{own_name(name)}.quantization.{number}", tensor


def own_name(name: str) -> str:
    """A name in PEFT's model as it is in the base."""
    return name.removeprefix("base_model.model.").replace(".base_layer", "")
