"""Small models with random weights, and one trained step of each with its memory counted."""

import tempfile
from typing import Any

import torch
from accelerate import Accelerator
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig

from finetune_lab.batches import Batch
from finetune_lab.config import Full, LoRA, Method, QLoRA, TuneConfig
from finetune_lab.device import detect_device
from finetune_lab.lora_update import fused_updates
from finetune_lab.memory.ledger import Ledger
from finetune_lab.memory.tracing import Shape
from finetune_lab.methods import attach, keep_trainable_form, quantization_config
from finetune_lab.quiet import silence_transformers
from finetune_lab.tuning.loop import Trainer

SIZES = {"intermediate_size": 96, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 300}
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {"hidden_size": 64, "num_hidden_layers": 5, **SIZES},
    "qwen2": {"hidden_size": 64, "num_hidden_layers": 5, **SIZES},
    "qwen3": {"hidden_size": 64, "num_hidden_layers": 5, "head_dim": 16, **SIZES},
    "gemma2": {"hidden_size": 64, "num_hidden_layers": 6, "head_dim": 16, "sliding_window": 16, **SIZES},
    "gemma3_text": {
        "hidden_size": 64,
        "num_hidden_layers": 7,
        "head_dim": 16,
        "sliding_window": 16,
        "layer_types": ["sliding_attention", "full_attention"] * 3 + ["sliding_attention"],
        **SIZES,
    },
    "gpt2": {"n_embd": 64, "n_layer": 5, "n_head": 4, "vocab_size": 300, "n_positions": 64},
    "gpt_neox": {
        "hidden_size": 64,
        "num_hidden_layers": 5,
        "num_attention_heads": 4,
        "intermediate_size": 128,
        "vocab_size": 300,
        "max_position_embeddings": 64,
    },
}


def small(family: str, **changes: Any) -> PreTrainedConfig:
    return AutoConfig.for_model(family, **{**FAMILIES[family], "bos_token_id": 0, "eos_token_id": 1, **changes})


def trainer_of(config: PreTrainedConfig, method: Method, checkpointing: bool = False) -> Trainer:
    """A trainer of a model that was saved and loaded, as a base is."""
    quantization = quantization_config(method, detect_device()) if isinstance(method, QLoRA) else None
    options = {} if quantization is None else {"quantization_config": quantization, "device_map": {"": "cpu"}}
    silence_transformers()
    with tempfile.TemporaryDirectory() as folder:
        AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **options)
    model.requires_grad_(isinstance(method, Full))
    trained = attach(model, method, 0) if isinstance(method, LoRA) else model
    keep_trainable_form(trained)
    asked = TuneConfig(gradient_checkpointing=checkpointing)
    return Trainer(trained.train(), asked, 1e-3, Accelerator(cpu=True))


def batch_of(config: PreTrainedConfig, shape: Shape) -> Batch:
    ids = torch.randint(0, config.vocab_size, (shape.batch_size, shape.length))
    at = torch.arange(shape.labelled)
    targets = ids.flatten()[: shape.labelled].clone()
    return Batch(ids, at % shape.batch_size, at // shape.batch_size, targets, ids.numel())


def one_step(trainer: Trainer, batch: Batch, accumulation: int = 1) -> None:
    trainer.backward([batch] * accumulation)
    trainer.update(1e-3)


def measured(config: PreTrainedConfig, method: Method, shape: Shape, steps: int = 2) -> Ledger:
    """The ledger after some steps; the first two are sampled."""
    trainer = trainer_of(config, method, shape.checkpointing)
    ledger, batch = Ledger(trainer.model, trainer.optimizer), batch_of(config, shape)
    with fused_updates(trainer.model):
        for _ in range(steps):
            with ledger.step(batch.input_ids.numel()):
                one_step(trainer, batch, shape.accumulation)
            trainer.optimizer.zero_grad(set_to_none=True)
    return ledger
