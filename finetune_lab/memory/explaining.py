"""Each component of a prediction in one sentence: which counts, multiplied by what, and why."""

from finetune_lab.config import Full, LoRA, Method, QLoRA
from finetune_lab.device import Device
from finetune_lab.memory.prediction import Prediction
from finetune_lab.memory.tracing import Shape


def explanations(prediction: Prediction, method: Method, device: Device, shape: Shape) -> dict[str, str]:
    """A sentence for each component."""
    tokens = shape.batch_size * shape.length
    again = " again at each layer in backward" if shape.checkpointing else ""
    kept = "the inputs of layers only; the rest is computed" if shape.checkpointing else "what backward needs"
    phase, part = prediction.moment
    return {
        "base_weights": _base(method, device),
        "adapter_weights": _adapter(prediction, method),
        "quantization_state": _constants(method),
        "gradients": f"one float32 for each of the {prediction.trained:,} weights that train",
        "optimizer": "AdamW keeps two float32 averages for each of them and one step count a tensor",
        "activations": f"{kept}{again}, for {tokens:,} tokens; log-probabilities of {shape.labelled:,} labelled ones",
        "other": "short-lived tensors at the moment of the peak, such as gradients of activations",
        "peak": f"the highest moment of a step, in {phase}, {part}",
    }


def _base(method: Method, device: Device) -> str:
    if isinstance(method, Full):
        return "every weight in float32, because all of them train"
    if isinstance(method, QLoRA):
        return f"linear layers of the blocks at {method.bits} bits a weight, the rest in {device.dtype_name}, frozen"
    return f"every weight in {device.dtype_name}, frozen"


def _adapter(prediction: Prediction, method: Method) -> str:
    if not isinstance(method, LoRA):
        return "a full tune has no adapter"
    return f"{prediction.trained:,} weights in float32: for each layer, rank {method.r} times (inputs + outputs)"


def _constants(method: Method) -> str:
    if not isinstance(method, QLoRA):
        return "nothing is quantized"
    if method.bits == 8:
        return "one float32 scale for each row of a quantized layer"
    nested = "one 8-bit scale for 64 weights, one float32 for 256 scales" if method.bnb_4bit_use_double_quant else ""
    return f"{nested or 'one float32 scale for 64 weights'}, and a table of values for each layer"
