"""Fixtures: adapters and a full tune of the tiny base, made once. A module takes them by `pytest_plugins`."""

import pytest
import torch
from peft.tuners.lora import LoraLayer
from tiny import write_rows
from torch import nn

from finetune_lab.config import Full, LoRA, QLoRA
from finetune_lab.device import detect_device
from finetune_lab.models import find_base
from finetune_lab.serving.loaded_base import LoadedBase
from finetune_lab.tuning.run import tune

METHODS = {
    "billing": LoRA(r=2),
    "returns": LoRA(r=4, lora_alpha=4, target_modules="q_proj,down_proj"),
    "four": QLoRA(r=2, bnb_4bit_use_double_quant=True),
    "eight": QLoRA(r=2, bits=8),
    "full": Full(),
}


@pytest.fixture(scope="session")
def runs(base, tmp_path_factory):
    """Runs by name, each with other seeds: the adapters differ."""
    folder = tmp_path_factory.mktemp("tuned")
    rows = write_rows(folder / "rows.jsonl")
    settings = {
        "model": str(base), "data": str(rows), "max_steps": 4, "batch_size": 4, "max_length": 64,
        "eval_examples": 2, "score_examples": 2,
    }  # fmt: skip
    return {
        name: tune(method, out=folder / name, seed=number, **settings)
        for number, (name, method) in enumerate(METHODS.items())
    }


@pytest.fixture
def loaded(base, request):
    """A base in memory, unquantized or as the test's parameter says."""
    return LoadedBase(find_base(str(base)), detect_device(), getattr(request, "param", None))


def strengthen(model):
    """Give the adapters of a model large B's: four steps of training make answers that differ too little."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, LoraLayer):
            for matrix in module.lora_B.values():
                nn.init.normal_(matrix.weight, std=0.5)
