"""A prediction of memory from traces of other sizes: the same bytes, a hundred times as fast as a trace.

Every tensor of a step has a size that is a sum of a few products: of nothing, the rows, their length, the batch's
tokens, its labelled tokens, each alone or times the rank. So every moment's bytes are one and the same linear function
of these ten numbers, and a step whose numbers are a combination of those of steps traced before has the same
combination of their bytes. Only the maximum over the moments is not linear: it is taken last, in bench/assembly.py.

Nothing is taken on trust: after each new trace, the first combination is traced too and compared, byte by byte.
Where they differ, as for a model whose attention keeps length times length, every step is traced.
"""

import threading
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedConfig

from finetune_lab.bench.assembly import Assembled, Step, assembled, step_of
from finetune_lab.bench.turns import forecast_turn
from finetune_lab.config import LoRA, Method
from finetune_lab.device import Device
from finetune_lab.memory.meta_model import build_on_meta, depth_of, depths_to_trace
from finetune_lab.memory.tracing import Shape, trace

Numbers = NDArray[np.float64]
LARGEST_WEIGHT = 1000.0  # of a trace in a combination: float64 still keeps single bytes then
EXACT = 1e-9
MOST_STRUCTURES = 32  # kept; one is a megabyte


class Structure:
    """Steps of one model by one method on one device that differ in sizes only: rank, rows, length, labelled tokens."""

    def __init__(self, config: PreTrainedConfig, device: Device) -> None:
        self.traces = 0
        self._config, self._device = config, device
        self._features: list[Numbers] = []
        self._steps: list[list[Step]] = []  # of each trace, one step a depth
        self._checked, self._linear = 0, True
        self._lock = threading.Lock()

    def predict(self, method: Method, shape: Shape) -> Assembled:
        """What a step of this rank and shape holds.

        Raises:
            ConfigError: no adapter can be attached to the modules that `method` names.
        """
        with self._lock:
            return assembled(self._known(method, shape), depth_of(self._config))

    def _known(self, method: Method, shape: Shape) -> list[Step]:
        wanted = features(method, shape)
        weights = self._weights(wanted) if self._linear else None
        if weights is None:
            found = self._trace(method, shape)
            if self._linear:
                self._features.append(wanted)
                self._steps.append(found)
            return found
        combined = [combination(list(steps), weights) for steps in zip(*self._steps, strict=True)]
        if self._checked < len(self._features):
            traced = self._trace(method, shape)
            self._linear = all(one.same(other) for one, other in zip(combined, traced, strict=True))
            self._checked = len(self._features)
            return traced
        return combined

    def _weights(self, wanted: Numbers) -> Numbers | None:
        """The combination of known steps that has the wanted numbers; None where there is none."""
        if not self._features:
            return None
        scale = np.maximum(1.0, np.abs(wanted))
        known = np.array(self._features) / scale
        weights: Numbers = np.linalg.lstsq(known.T, wanted / scale, rcond=None)[0].astype(np.float64)
        near = np.abs(known.T @ weights - wanted / scale).max() < EXACT
        return weights if near and np.abs(weights).max() < LARGEST_WEIGHT else None

    def _trace(self, method: Method, shape: Shape) -> list[Step]:
        self.traces += 1
        found = []
        with forecast_turn(), torch.random.fork_rng(devices=[]):  # a tune must not notice
            for depth in depths_to_trace(self._config):
                traced = trace(build_on_meta(self._config, method, self._device, depth), shape, self._device)
                found.append(step_of(traced, method, self._device))
        return found


def features(method: Method, shape: Shape) -> Numbers:
    """The ten numbers: 1, rows, length, tokens and labelled tokens, and each of them times the rank."""
    rows, length = shape.batch_size, shape.length
    sizes = np.array([1.0, rows, length, rows * length, shape.labelled])
    return np.concatenate([sizes, sizes * (method.r if isinstance(method, LoRA) else 0)])


def combination(steps: list[Step], weights: Numbers) -> Step:
    """The sum of the steps, each times its weight, in whole bytes; of the first one's moments."""
    if any(step.moments != steps[0].moments for step in steps):  # then it can't be right, and the check will see it
        return replace(steps[0], points=np.zeros((0, 7)))
    points = np.rint(np.einsum("k,kpc->pc", weights, np.array([step.points for step in steps])))
    values = np.rint(weights @ np.array([list(step.values.values()) for step in steps]))
    return replace(steps[0], points=points, values=dict(zip(steps[0].values, map(int, values), strict=True)))


def predict_memory(config: PreTrainedConfig, method: Method, device: Device, shape: Shape) -> Assembled:
    """As `memory.prediction.predict_components`, from what was traced before where that is enough.

    Raises:
        ConfigError: no adapter can be attached to the modules that `method` names.
    """
    # with one row or one rank, some copies are not made: steps of another kind
    alike = replace(method, r=min(2, method.r), lora_alpha=1) if isinstance(method, LoRA) else method
    kind = (min(2, shape.batch_size), shape.accumulation, shape.checkpointing)
    key = (config.to_json_string(use_diff=False), alike, device, kind)
    with _gate:
        found = _structures.pop(key, None) or Structure(config, device)
        _structures[key] = found  # the latest stands last
        while len(_structures) > MOST_STRUCTURES:
            _structures.pop(next(iter(_structures)))
    return found.predict(method, shape)


_gate = threading.Lock()
_structures: dict[tuple[object, ...], Structure] = {}
