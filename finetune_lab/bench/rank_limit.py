"""The highest rank that makes sense: that of the smallest adapted layer.

A matrix of `out` rows and `in` columns has rank min(out, in) at the most, and so has its update. A higher r only adds
weights.
"""

import threading

import torch
from peft.tuners.lora import LoraLayer
from transformers import PreTrainedConfig

from finetune_lab.bench.turns import forecast_turn
from finetune_lab.config import LoRA
from finetune_lab.device import detect_device
from finetune_lab.memory.known_models import find_config
from finetune_lab.memory.meta_model import build_on_meta, depths_to_trace

_gate = threading.Lock()
_known: dict[tuple[str, str], int] = {}


def rank_limit(model: str = "lab-base", target_modules: str = "all-linear") -> int:
    """The smallest side of the layers that LoRA would adapt.

    Raises:
        LabError: there is no such model, or no adapter can be attached to these modules.
    """
    return limit_of(find_config(model), target_modules)


def limit_of(config: PreTrainedConfig, target_modules: str) -> int:
    """The same for a configuration at hand; only the first question about a model takes time, a twentieth of a second.

    Raises:
        ConfigError: no adapter can be attached to these modules.
    """
    key = (config.to_json_string(use_diff=False), target_modules)
    with _gate:
        if key not in _known:
            _known[key] = _smallest_side(config, LoRA(r=1, target_modules=target_modules))
        return _known[key]


def _smallest_side(config: PreTrainedConfig, method: LoRA) -> int:
    with forecast_turn(), torch.random.fork_rng(devices=[]):
        model = build_on_meta(config, method, detect_device(), depths_to_trace(config)[0]).model
    layers = [layer for layer in model.modules() if isinstance(layer, LoraLayer)]
    return min(int(side) for layer in layers for side in (layer.in_features, layer.out_features) if side)
