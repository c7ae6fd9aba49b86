"""The measured memory of a tune: each step's components, and on sampled steps the whole curve.

    ledger = Ledger(model, optimizer, largest)     once a run
    with ledger.step(positions):                   around backward and the optimizer's step
        ...
    ledger.components                              bytes by component of that step

What does not change is counted once. Activations are counted at every step, from what autograd saves. The curve, and
with it `other` and `peak`, costs more (of a small model on a GPU, many times a step) and is recorded on sampled steps:
the first two, each that is a good deal larger than all sampled before, and the run's largest one, so that its highest
peak is a measured one.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from finetune_lab.memory.curve import StepCurve
from finetune_lab.memory.live import LiveStorages
from finetune_lab.memory.storages import (
    gradient_tensors,
    model_tensors,
    optimizer_tensors,
    storage_bytes,
    storage_key,
)

GOOD_DEAL = 1.15  # times the largest batch sampled so far


class Ledger:
    """Counts the memory of a model in training, in bytes.

    Args:
        model: what is trained.
        optimizer: that trains it.
        largest: positions of the run's largest batch; 0 where it is not known: every step that is larger than all
            before is sampled then.
    """

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer, largest: int = 0) -> None:
        self._model, self._optimizer, self._expected = model, optimizer, largest
        self._held = model_tensors(model)
        self._held_keys = {storage_key(tensor) for tensors in self._held.values() for tensor in tensors}
        self._fixed = {component: storage_bytes(tensors) for component, tensors in self._held.items()}
        self._trained: dict[str, int] = {}
        self._steps = 0
        self._largest = 0
        self._cuda = next(model.parameters()).device if torch.cuda.is_available() else None
        self.components: dict[str, int] = dict(self._fixed)
        self.curve: StepCurve | None = None  # of the sampled step with the highest peak

    @contextmanager
    def step(self, positions: int) -> Iterator[None]:
        """Measure the step inside; `positions` are those of its largest batch, rows times width, padding too."""
        enough = min(self._expected, GOOD_DEAL * self._largest)
        sampled = self._steps < 2 or (positions > self._largest and positions >= enough)
        if sampled:
            self._largest = max(self._largest, positions)
        if self._cuda is not None:
            torch.cuda.reset_peak_memory_stats(self._cuda)
        if sampled:
            yield from self._sampled_step()
        else:
            yield from self._plain_step()
        if self._cuda is not None:  # one reading for both: torch gathers some 200 figures for each
            read = torch.cuda.memory_stats(self._cuda)
            self.components["cuda_allocated_peak"] = read["allocated_bytes.all.peak"]
            self.components["cuda_reserved_peak"] = read["reserved_bytes.all.peak"]
        self._steps += 1

    def _sampled_step(self) -> Iterator[None]:
        held = {
            **self._held,
            "gradients": gradient_tensors(self._model),
            "optimizer": optimizer_tensors(self._optimizer),
        }
        live = LiveStorages(self._model, held)
        with live:
            yield
        curve = live.curve()
        if self.curve is None or curve.peak > self.curve.peak:
            self.curve = curve.thinned()
        self.components = {**self._fixed, **self._trained_now(), **moving(curve)}

    def _plain_step(self) -> Iterator[None]:
        saved = SavedForBackward(self._held_keys)
        with torch.autograd.graph.saved_tensors_hooks(saved.pack, saved.unpack):
            yield
        self.components = {**self._fixed, **self._trained_now(), "activations": saved.most}

    def _trained_now(self) -> dict[str, int]:
        """Bytes of gradients and moments: the same after every step, so counted after the first only."""
        if not self._trained or self._steps == 0:
            gradients, moments = gradient_tensors(self._model), optimizer_tensors(self._optimizer)
            self._trained = {"gradients": storage_bytes(gradients), "optimizer": storage_bytes(moments)}
        return self._trained


def moving(curve: StepCurve) -> dict[str, int]:
    """What only a curve knows: the largest `activations` and `other` of the step, and its peak."""
    largest = curve.largest()
    return {"activations": largest["activations"], "other": curve.at_peak()["other"], "peak": curve.peak}


class SavedForBackward:
    """The bytes that autograd keeps from forward to backward, the model's own left out."""

    def __init__(self, held: set[int]) -> None:
        self._held = held
        self._seen: set[int] = set()
        self._sum = 0
        self._unpacking = False
        self.most = 0

    def pack(self, tensor: Tensor) -> Tensor:
        """Note a tensor that autograd saves."""
        if self._unpacking:  # the next batch of the same step begins
            self._seen.clear()
            self._sum, self._unpacking = 0, False
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key not in self._held and key not in self._seen:
            self._seen.add(key)
            self._sum += storage.nbytes()
            self.most = max(self.most, self._sum)
        return tensor

    def unpack(self, tensor: Tensor) -> Tensor:
        """Give it back unchanged."""
        self._unpacking = True
        return tensor
