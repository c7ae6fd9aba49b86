"""Every storage that lives during a step, by component, seen at torch's dispatcher: on a CPU, a GPU or the meta device.

An operation's outputs are added when it returns and leave when their storage dies, which a weak reference tells. What a
kernel allocates and frees inside itself is not seen, but for bitsandbytes' 4-bit product, whose copy of the weight is
known and counted.
"""

import weakref
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from finetune_lab.events import MEMORY_COMPONENTS
from finetune_lab.memory.curve import Point, StepCurve
from finetune_lab.memory.places import Places
from finetune_lab.memory.storages import storage_key

OTHER = MEMORY_COMPONENTS.index("other")
ACTIVATIONS = MEMORY_COMPONENTS.index("activations")
GRADIENTS = MEMORY_COMPONENTS.index("gradients")
FOUR_BIT_PRODUCT = "bitsandbytes::gemm_4bit"


class _Storage(weakref.ref[Any]):
    """A living storage: what it weighs and what it counts as."""

    __slots__ = ("component", "key", "size")
    key: int
    size: int
    component: int


class LiveStorages(TorchDispatchMode):
    """Bytes by component at every moment while it is entered.

    Args:
        model: names the places and says whose gradients are whose.
        known: tensors that were there before, by component.
    """

    def __init__(self, model: nn.Module, known: dict[str, list[Tensor]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.places = Places(model)
        self.points: list[Point] = []
        self._living: dict[int, _Storage] = {}
        self._sums = [0] * len(MEMORY_COMPONENTS)
        self._backward = False
        self._model = model
        self._stack = ExitStack()
        for component, tensors in known.items():
            for tensor in tensors:
                self._add(tensor, MEMORY_COMPONENTS.index(component))

    def __enter__(self) -> "LiveStorages":
        self._stack.enter_context(self.places)
        self._stack.enter_context(torch.autograd.graph.saved_tensors_hooks(self._saved, lambda tensor: tensor))
        for parameter in self._model.parameters():
            if parameter.requires_grad:
                handle = parameter.register_post_accumulate_grad_hook(self._accumulated)
                self._stack.callback(handle.remove)
        super().__enter__()  # type: ignore[no-untyped-call]
        self._note(("forward", ""))
        return self

    def __exit__(self, *error: Any) -> None:
        self._note(("forward", ""))
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self._stack.close()
        self._living.clear()

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default and args[0].device.type == "meta":
            return 1  # a number read from a tensor without data: the trace only needs to go on
        place = self.places.now()
        if (place[0] == "backward") != self._backward:
            self._turned(place[0] == "backward")
        result = func(*args, **(kwargs or {}))
        grown = self._add_all(leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor))
        hidden = hidden_bytes(func, args, kwargs or {})
        if grown or hidden:
            self._note(place, hidden)
        return result

    def relabel(self, tensors: Iterable[Tensor], component: int) -> None:
        """Count storages as `component` from now on, those not yet seen too."""
        for tensor in tensors:
            storage = self._living.get(storage_key(tensor))
            if storage is None:
                self._add(tensor, component)
            elif storage.component in (OTHER, ACTIVATIONS):
                self._sums[storage.component] -= storage.size
                self._sums[component] += storage.size
                storage.component = component

    def _add_all(self, tensors: Iterable[Tensor]) -> bool:
        component = ACTIVATIONS if self.places.recomputing else OTHER
        return sum(self._add(tensor, component) for tensor in tensors) > 0

    def _add(self, tensor: Tensor, component: int) -> bool:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._living:
            return False
        living = _Storage(storage, self._freed)
        living.key, living.size, living.component = key, storage.nbytes(), component
        self._living[key] = living
        self._sums[component] += living.size
        return living.size > 0

    def _freed(self, storage: Any) -> None:
        known = self._living.get(storage.key)
        if known is not None and known is storage:  # its address may belong to another storage by now
            del self._living[storage.key]
            self._sums[known.component] -= known.size

    def _saved(self, tensor: Tensor) -> Tensor:
        self.relabel([tensor], ACTIVATIONS)
        return tensor

    def _accumulated(self, parameter: Tensor) -> None:
        if parameter.grad is not None:
            self.relabel([parameter.grad], GRADIENTS)

    def _turned(self, backward: bool) -> None:
        """At the turn to backward, whatever still lives is what autograd keeps, saved through it or beside it."""
        self._backward = backward
        if backward:
            for storage in self._living.values():
                if storage.component == OTHER:
                    self._sums[OTHER] -= storage.size
                    self._sums[ACTIVATIONS] += storage.size
                    storage.component = ACTIVATIONS

    def curve(self) -> StepCurve:
        """The step so far. What follows the last backward pass, clipping and the optimizer, is its update."""
        phases = [point.phase for point in self.points]
        last = max((at for at, phase in enumerate(phases) if phase == "backward"), default=len(phases))
        return StepCurve((*self.points[: last + 1], *(p._replace(phase="update") for p in self.points[last + 1 :])))

    def _note(self, place: tuple[str, str], hidden: int = 0) -> None:
        sums = self._sums
        split = (*sums[:OTHER], sums[OTHER] + hidden)
        self.points.append(Point(place[0], place[1], split))


def hidden_bytes(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """Bytes of the full-width weight that bitsandbytes makes and drops inside its 4-bit product."""
    if func._schema.name != FOUR_BIT_PRODUCT:
        return 0
    inputs, _, shape, _, blocksize = args[:5]
    block_scales = prod(shape) // blocksize * 4 if kwargs.get("absmax_8bit") is not None else 0
    return int(prod(shape) * inputs.element_size() + block_scales)
