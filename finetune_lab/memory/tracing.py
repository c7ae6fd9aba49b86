"""One training step on the meta device: the code that trains, with every storage counted and nothing computed."""

from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from finetune_lab.batches import Batch
from finetune_lab.device import Device
from finetune_lab.labelled import summed_loss
from finetune_lab.lora_update import fused_updates
from finetune_lab.memory.curve import StepCurve
from finetune_lab.memory.live import LiveStorages
from finetune_lab.memory.meta_arithmetic import ArithmeticOf
from finetune_lab.memory.meta_model import MetaModel
from finetune_lab.memory.storages import gradient_tensors, model_tensors, storage_bytes
from finetune_lab.methods import trainable_parameters


@dataclass(frozen=True)
class Shape:
    """What a step is given."""

    batch_size: int  # rows
    length: int  # tokens of a row, padding too
    labelled: int  # tokens of the batch that are learned
    accumulation: int = 1  # batches of this shape before the optimizer moves
    checkpointing: bool = False


@dataclass(frozen=True)
class Traced:
    """What one traced step holds and how it moves."""

    built: MetaModel
    fixed: dict[str, int]  # bytes of what never changes, by component; gradients as they are after backward
    curve: StepCurve


def trace(built: MetaModel, shape: Shape, device: Device) -> Traced:
    """Run one step, as every step from the second on: the optimizer's moments are there, gradients not yet."""
    model = built.model
    if shape.checkpointing:
        # inside backward the device's arithmetic is off, and has to be entered again for what is recomputed
        contexts = {"context_fn": lambda: (nullcontext(), ArithmeticOf(device))}
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False, **contexts})
    moments = optimizer_on_meta(model)
    held = {**model_tensors(model), "optimizer": moments}
    batch = meta_batch(shape)
    live = LiveStorages(model, held)
    with fused_updates(model), live:
        for _ in range(shape.accumulation):
            with ArithmeticOf(device):
                loss = summed_loss(model, batch) / shape.labelled
            loss.backward()
            del loss  # as in the loop, the graph is gone before the next batch
    sizes = {component: storage_bytes(tensors) for component, tensors in held.items()}
    return Traced(built, {**sizes, "gradients": storage_bytes(gradient_tensors(model))}, live.curve())


def optimizer_on_meta(model: nn.Module) -> list[Tensor]:
    """What AdamW keeps: two moments like each parameter, and a step count of one float32."""
    kept = []
    for parameter in trainable_parameters(model).values():
        kept += [torch.empty_like(parameter), torch.empty_like(parameter), torch.empty((), device="meta")]
    return kept


def meta_batch(shape: Shape) -> Batch:
    """A batch of this shape."""

    def numbers(*size: int) -> Tensor:
        return torch.empty(size, dtype=torch.long, device="meta")

    row, column, targets = (numbers(shape.labelled) for _ in range(3))
    return Batch(numbers(shape.batch_size, shape.length), row, column, targets, shape.batch_size * shape.length)
