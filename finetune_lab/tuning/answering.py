"""Ask a base or what a tune made of it: loaded fresh, answered greedily, freed again."""

from pathlib import Path

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from finetune_lab.config import Full, Method, QLoRA
from finetune_lab.device import Device, detect_device
from finetune_lab.installation import require_peft_works
from finetune_lab.methods import keep_trainable_form, quantization_config
from finetune_lab.models import Source, find_base, load_model, load_tokenizer, longest_context
from finetune_lab.tuning.evaluation import generate


def answer(
    base: str, prompt: str, max_new_tokens: int, method: Method | None = None, artifact: Path | None = None
) -> str:
    """The greedy continuation of `prompt` by the base, or by the base with the `artifact` that `method` made."""
    source = find_base(base)
    tokenizer = load_tokenizer(source)
    device = detect_device()
    model = load_tuned(source, method, artifact, device) if method and artifact else load_plain(source, device)
    return generate(model, tokenizer, [prompt], max_new_tokens, longest_context(source))[0]


def load_plain(source: Source, device: Device) -> PreTrainedModel:
    """The untouched base."""
    return load_model(source, device.torch_device, device.dtype)


def load_tuned(source: Source, method: Method, artifact: Path, device: Device) -> PreTrainedModel | PeftModel:
    """A full tune's model, or the base at the method's own bit-width with its adapter."""
    if isinstance(method, Full):
        return load_model(find_base(str(artifact)), device.torch_device, torch.float32)
    require_peft_works()
    quantization = quantization_config(method, device) if isinstance(method, QLoRA) else None
    model = load_model(source, device.torch_device, device.dtype, quantization)
    adapted = PeftModel.from_pretrained(model, str(artifact))
    keep_trainable_form(adapted)
    return adapted
