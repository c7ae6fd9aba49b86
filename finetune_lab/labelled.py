"""The loss over labelled positions only: masked ones are dropped before the output layer.

The output layer is the widest product of a small model, and a prompt's positions have nothing to learn. A hook hands it
only the hidden states that are followed by a labelled token: `(rows, length, hidden)` -> `(1, labelled, hidden)`.
"""

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from finetune_lab.batches import Batch


def summed_loss(model: nn.Module, batch: Batch) -> Tensor:
    """Cross entropy in nats, summed over the batch's labelled tokens (a scalar)."""
    logits = labelled_logits(model, batch)
    return F.cross_entropy(logits.float(), batch.targets, reduction="sum")


def labelled_logits(model: nn.Module, batch: Batch) -> Tensor:
    """Logits `(labelled, vocabulary)` of the labelled positions, by the model's own forward pass."""

    def select(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Tensor]:
        return (inputs[0][batch.row, batch.column].unsqueeze(0),)

    output_layer: nn.Module = model.get_output_embeddings()  # type: ignore[operator]
    handle = output_layer.register_forward_pre_hook(select)
    try:
        logits: Tensor = model(input_ids=batch.input_ids, use_cache=False).logits
    finally:
        handle.remove()
    return logits.squeeze(0)
