"""The change of every linear layer, one at a time: a difference of two files, or the two factors of an adapter.

full    W_tuned - W_base       both read tensor by tensor: memory holds one layer, whatever the model's size
LoRA    (alpha / r) B A        the factors; W_base is read only where it is asked for
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch
from peft import LoraConfig, PeftConfig
from safetensors.torch import load_file
from torch import Tensor

from finetune_lab.errors import listed
from finetune_lab.models import short
from finetune_lab.weight_change.faults import WeightChangeError
from finetune_lab.weight_change.matrices import Dense, LowRank, Matrix
from finetune_lab.weight_change.tuned import Tuned
from finetune_lab.weight_change.weights import Layout, Linear, Weights, layout_of, require_alike

PEFT_PREFIX = "base_model.model."


@dataclass(frozen=True)
class LayerChange:
    """One linear layer: its frozen weight W_base `(out, in)` and its change, of the same shape."""

    name: str
    place: Linear
    weight: Tensor = field(repr=False)
    change: Matrix = field(repr=False)


class Changes:
    """All that a tune changed, by layer.

    Raises:
        WeightChangeError: the two do not belong together, or the adapter holds more than plain LoRA.
    """

    def __init__(self, tuned: Tuned) -> None:
        self.tuned = tuned
        self.base = Weights(tuned.base, self.layout)
        if tuned.is_adapter:
            self._factors = factors_of(tuned.artifact, self.layout)
            _require_fitting(self._factors, self)
        else:
            self._model = Weights(tuned.artifact, self.layout)
            require_alike(self.base, self._model, self.layout)

    @cached_property
    def layout(self) -> Layout:
        return layout_of(self.tuned.base)

    def layers(self) -> Iterator[LayerChange]:
        """Every linear layer of the base whose weight is not what it was, in the order of the model."""
        for name, place in self.layout.linear.items():
            if self.tuned.is_adapter and name not in self._factors:
                continue
            weight = self.base[f"{name}.weight"]
            change = self._change(name, weight, place)
            if not change.is_zero:
                yield LayerChange(name, place, weight.t() if place.transposed else weight, change)

    def others(self) -> Iterator[tuple[str, Tensor]]:
        """The tuned tensors that are no linear layer's weight: embeddings, norms, biases. An adapter has none."""
        if self.tuned.is_adapter:
            return
        for name in self._model.shapes:
            if name in self.base.shapes and name.removesuffix(".weight") not in self.layout.linear:
                yield name, self._model[name]

    def _change(self, name: str, weight: Tensor, place: Linear) -> Matrix:
        if self.tuned.is_adapter:
            return self._factors[name]
        difference = self._model[f"{name}.weight"] - weight
        return Dense(difference.t() if place.transposed else difference)


def factors_of(adapter: Path, layout: Layout) -> dict[str, LowRank]:
    """The scaled factors of a LoRA adapter by short layer name.

    Raises:
        WeightChangeError: it is another kind of adapter, or it holds weights besides A and B; all are listed.
    """
    config = PeftConfig.from_pretrained(str(adapter))
    file = adapter / "adapter_model.safetensors"
    if not isinstance(config, LoraConfig) or config.use_dora or config.alpha_pattern or config.rank_pattern:
        raise WeightChangeError(f"{short(str(adapter))} is not plain LoRA.", "Merge it, and name the merged model.")
    if not file.is_file():
        raise WeightChangeError(f"{short(str(adapter))} has no {file.name}.", "Save it as safetensors.")
    saved = load_file(file)
    scaling = (config.lora_alpha or config.r) / (config.r**0.5 if config.use_rslora else config.r)
    found: dict[str, dict[str, Tensor]] = {}
    faults = []
    for key, tensor in saved.items():
        module, _, part = key.removeprefix(PEFT_PREFIX).removesuffix(".weight").rpartition(".")
        if part in ("lora_A", "lora_B") and layout.short_name(module) in layout.linear:
            found.setdefault(layout.short_name(module), {})[part] = tensor.float()
        else:
            faults.append(f"{key} is neither A nor B of a linear layer of the base.")
    faults += [f"{name} lacks A or B." for name, pair in found.items() if len(pair) != 2]
    if faults:
        what = f"The change of {short(str(adapter))} is not low-rank matrices alone: {listed(faults[:10])}"
        raise WeightChangeError(what, "Merge it, and name the merged model.")
    return {name: LowRank(pair["lora_B"] * scaling, pair["lora_A"]) for name, pair in found.items()}


def _require_fitting(factors: dict[str, LowRank], changes: Changes) -> None:
    faults = []
    for name, pair in factors.items():
        shape = (pair.b.shape[0], pair.a.shape[1])
        wanted = changes.base.shapes[f"{name}.weight"]
        wanted = wanted[::-1] if changes.layout.linear[name].transposed else wanted
        if torch.Size(shape) != torch.Size(wanted):
            faults.append(f"{name} is {wanted} in the base, {shape} in the adapter.")
    if faults:
        tuned = changes.tuned
        what = f"{short(str(tuned.artifact))} does not fit {short(tuned.base_name)}: {listed(faults[:10])}"
        raise WeightChangeError(what, "Name the base that it was tuned from.")
