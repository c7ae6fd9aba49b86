"""The model that will run, on the meta device: every tensor has its shape and float type, none has data."""

import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from peft import PeftModel
from torch import nn
from transformers import AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.initialization import no_init_weights

from finetune_lab.building import ONE_MODEL_AT_A_TIME
from finetune_lab.config import Full, LoRA, Method, QLoRA
from finetune_lab.device import Device
from finetune_lab.memory.meta_quantized import quantize_on_meta
from finetune_lab.methods import attach, quantization_config


@dataclass(frozen=True)
class MetaModel:
    """A model without data, of some depth, ready for a traced step."""

    model: PreTrainedModel | PeftModel
    depth: int

    def layer_of(self, module: str) -> int | None:
        """The number of the layer that a module belongs to, None outside of all layers."""
        prefix = self._layers
        if not module.startswith(prefix):
            return None
        return int(module.removeprefix(prefix).split(".")[0])

    @cached_property
    def _layers(self) -> str:
        for name, module in self.model.named_modules():
            if isinstance(module, nn.ModuleList) and len(module) == self.depth:
                return f"{name}."
        return "no layers"


def build_on_meta(config: PreTrainedConfig, method: Method, device: Device, depth: int) -> MetaModel:
    """What `methods.build` makes for `device`, at another depth and without weights."""
    # building draws numbers, and swaps functions for the whole process: a tune in another thread must not notice
    with ONE_MODEL_AT_A_TIME, torch.random.fork_rng(devices=[]):
        return MetaModel(_built(config, method, device, depth), depth)


def _built(config: PreTrainedConfig, method: Method, device: Device, depth: int) -> PreTrainedModel | PeftModel:
    shortened = at_depth(config, depth)
    dtype = torch.float32 if isinstance(method, Full) else device.dtype
    with torch.device("meta"), no_init_weights():
        model: PreTrainedModel = AutoModelForCausalLM.from_config(shortened, dtype=dtype)
    model.tie_weights()
    if isinstance(method, QLoRA):
        model = quantize_on_meta(model, quantization_config(method, device), device.kind)
    trainable: PreTrainedModel | PeftModel = model.requires_grad_(isinstance(method, Full))
    if isinstance(method, LoRA):
        with torch.device("meta"):
            trainable = attach(model, method, seed=0)
    trainable.train()
    return trainable


def depth_of(config: PreTrainedConfig) -> int:
    """The number of layers."""
    return int(config.get_text_config().num_hidden_layers)


def at_depth(config: PreTrainedConfig, depth: int) -> Any:
    """The same configuration with another number of layers, its lists of one entry a layer cut to it."""
    shortened = copy.deepcopy(config)
    inner = shortened.get_text_config()
    full = depth_of(config)
    for name, value in list(vars(inner).items()):
        if isinstance(value, list) and len(value) == full and name != "architectures":
            setattr(inner, name, value[:depth])
    inner.num_hidden_layers = depth
    return shortened


def depths_to_trace(config: PreTrainedConfig) -> tuple[int, ...]:
    """Two depths from which every figure goes on linearly to the full one, or the full one alone.

    Layers may differ in a repeating pattern, such as five with a sliding window and one without. Between the first and
    the last layer the shallower one has every kind; the deeper has one repetition more, the full one whole repetitions.
    """
    full = depth_of(config)
    period = _period(config, full)
    first = period + 2 + (full - period - 2) % period
    return (first, first + period) if first + period < full else (full,)


def _period(config: PreTrainedConfig, full: int) -> int:
    """After how many layers the kinds of layers repeat."""
    settings = vars(config.get_text_config()).values()
    kinds = [value for value in settings if isinstance(value, list) and len(value) == full]
    for period in range(1, full + 1):
        if all(value[at] == value[at - period] for value in kinds for at in range(period, full)):
            return period
    return full
