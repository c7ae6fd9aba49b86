"""Full fine-tuning, LoRA and QLoRA: how a base becomes a model that can be trained. The `match` below is the lesson.

full     W moves                     every weight trains, in float32
lora     W + (alpha/r) B A           W is frozen, A and B train
qlora    dequantize(Q) + (alpha/r) B A    the frozen W is stored in 4 or 8 bits, A and B train in float32
"""

from dataclasses import dataclass

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers import BitsAndBytesConfig, PreTrainedModel

from finetune_lab.building import ONE_MODEL_AT_A_TIME
from finetune_lab.config import Full, LoRA, Method, QLoRA
from finetune_lab.device import Device
from finetune_lab.errors import ConfigError
from finetune_lab.installation import require_peft_works
from finetune_lab.models import Source, load_model


@dataclass(frozen=True)
class Parameters:
    """How many numbers a tune trains, out of how many (a 4-bit weight counts as one, not as half a byte)."""

    trainable: int
    total: int

    @property
    def share(self) -> float:
        return self.trainable / self.total


def build(source: Source, method: Method, device: Device, seed: int) -> PreTrainedModel | PeftModel:
    """A fresh copy of the base, made trainable by `method`, in training mode."""
    model: PreTrainedModel | PeftModel
    with ONE_MODEL_AT_A_TIME:
        torch.manual_seed(seed)  # for the dropout that some models have of their own
        match method:
            case Full():
                model = load_model(source, device.torch_device, torch.float32).requires_grad_(True)
            case QLoRA():
                base = load_model(source, device.torch_device, device.dtype, quantization_config(method, device))
                model = attach(base, method, seed)
            case LoRA():
                model = attach(load_model(source, device.torch_device, device.dtype), method, seed)
    keep_trainable_form(model)
    model.train()
    return model


def attach(model: PreTrainedModel, method: LoRA, seed: int) -> PeftModel:
    """PEFT's adapter beside the frozen linear layers: A random from `seed`, B zero, both float32."""
    require_peft_works()
    config = LoraConfig(
        r=method.r,
        lora_alpha=method.lora_alpha,
        lora_dropout=method.lora_dropout,
        target_modules=method.targets,
        use_rslora=method.use_rslora,
        task_type="CAUSAL_LM",
    )
    torch.manual_seed(seed)
    try:
        adapted = get_peft_model(model, config)
    except ValueError as error:
        names = sorted({name.rsplit(".")[-1] for name, layer in model.named_modules() if isinstance(layer, nn.Linear)})
        hint = f"This model's linear layers are: {', '.join(names)}."
        raise ConfigError(
            f"No adapter can be attached to {method.target_modules}: {' '.join(str(error).split())}", hint
        ) from error
    if not isinstance(adapted, PeftModel):
        raise ConfigError(f"PEFT made a {type(adapted).__name__} of the model.", "Choose other target_modules.")
    return adapted


def quantization_config(method: QLoRA, device: Device) -> BitsAndBytesConfig:
    """bitsandbytes' settings; on a CPU the arithmetic is float32 (bfloat16 is many times slower there)."""
    if method.bits == 8:
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=method.bnb_4bit_quant_type,
        bnb_4bit_use_double_quant=method.bnb_4bit_use_double_quant,
        bnb_4bit_compute_dtype=device.dtype,
    )


def keep_trainable_form(model: nn.Module) -> None:
    """Keep 4-bit weights in the layout that has a backward pass.

    On a CPU with AVX512-BF16, bitsandbytes 0.50 repacks a weight at the first evaluation without gradients, into a
    layout that it can't train from afterwards, and computes in bfloat16 then. Its own switch turns that off.
    """
    for layer in model.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            vars(layer)["support_avx512bf16_for_cpu"] = False


def count_parameters(model: nn.Module) -> Parameters:
    """Count as PEFT does: a packed 4-bit tensor counts the weights that it holds."""
    trainable = total = 0
    for parameter in model.parameters():
        state = getattr(parameter, "quant_state", None)
        count = int(torch.Size(state.shape).numel()) if state is not None else parameter.numel()
        total += count
        trainable += count if parameter.requires_grad else 0
    return Parameters(trainable, total)


def trainable_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that move, by name, in the model's order."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
