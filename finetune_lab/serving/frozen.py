"""A base to serve from: whole or quantized, frozen, in evaluation mode, nothing of it ever repacked."""

from transformers import PreTrainedModel

from finetune_lab.config import QLoRA
from finetune_lab.device import Device
from finetune_lab.methods import keep_trainable_form, quantization_config
from finetune_lab.models import Source, load_model


def load_frozen(source: Source, device: Device, quantized: QLoRA | None) -> PreTrainedModel:
    """The untouched base, ready to answer: in the device's own float type, or quantized as the method says."""
    quantization = quantization_config(quantized, device) if quantized else None
    model = load_model(source, device.torch_device, device.dtype, quantization)
    keep_trainable_form(model)  # nothing may repack the base's weights: it is compared bit for bit
    model.eval()
    return model
