"""Where in the model an operation happens: the module whose forward pass, or whose share of backward, is running.

Forward is followed by hooks on the modules. Backward is mapped back to them by autograd's sequence numbers: a node of
the graph carries the number of the moment in forward at which it was made. Each thread counts its own, and a GPU's
backward has a thread of its own, so the count is read in forward only.
"""

from bisect import bisect_right
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as module_hooks

ACCUMULATES = 2**64 - 1  # the number of every node that adds to a parameter's gradient


class Places:
    """While entered, `now()` is `(phase, module name)` with the phases `forward` and `backward`."""

    def __init__(self, model: nn.Module) -> None:
        self._names = {id(module): name for name, module in model.named_modules()}
        self._stack: list[str] = []
        self._moments: list[int] = []
        self._modules: list[str] = []
        self._last = ""
        self._handles: list[Any] = []

    def __enter__(self) -> "Places":
        self._handles = [
            module_hooks.register_module_forward_pre_hook(self._entered),
            module_hooks.register_module_forward_hook(self._left, always_call=True),
        ]
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    @property
    def recomputing(self) -> bool:
        """Whether a forward pass runs inside backward, as gradient checkpointing makes it do."""
        return bool(self._stack) and torch._C._current_autograd_node() is not None

    def now(self) -> tuple[str, str]:
        """Phase and module of the operation that is running."""
        node = torch._C._current_autograd_node()
        phase = "forward" if node is None else "backward"
        if node is None or self._stack:
            self._last = self._stack[-1] if self._stack else ""
        else:
            self._last = self._at(node._sequence_nr())
        return phase, self._last

    def _at(self, moment: int) -> str:
        if moment == ACCUMULATES:  # it belongs to the module before it
            return self._last
        found = bisect_right(self._moments, moment) - 1
        return self._modules[found] if found >= 0 else ""

    def _entered(self, module: nn.Module, _: Any) -> None:
        name = self._names.get(id(module))
        if name is not None:  # torch's hooks see every module of the process: also those that another thread runs
            self._stack.append(name)
            self._mark()

    def _left(self, module: nn.Module, *_: Any) -> None:
        if id(module) in self._names:
            if self._stack:
                self._stack.pop()
            self._mark()

    def _mark(self) -> None:
        if torch._C._current_autograd_node() is not None:
            return  # recomputed: the graph's nodes are those of the first time
        moment, name = torch._C._autograd._get_sequence_nr(), self._stack[-1] if self._stack else ""
        if self._moments and self._moments[-1] == moment:
            self._modules[-1] = name
        else:
            self._moments.append(moment)
            self._modules.append(name)
