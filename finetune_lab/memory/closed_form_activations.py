"""What one step of a Llama-like model keeps for backward, as a formula: numbers kept a token, times tokens and layers.

For float32 on a CPU, fused attention without a mask, every linear layer of the blocks adapted or trained. Other models
are traced only.
"""

from dataclasses import dataclass

from transformers import PreTrainedConfig

from finetune_lab.config import Full, LoRA, Method
from finetune_lab.device import Device
from finetune_lab.memory.tracing import Shape

LLAMA_LIKE = ("llama", "mistral", "qwen2", "qwen3")


@dataclass(frozen=True)
class KeptForBackward:
    """Numbers (not bytes) kept, in three places."""

    per_token_and_layer: int
    outside_per_token: int
    per_labelled_token: int
    first_layer_less: int  # a frozen embedding asks for no gradient, so the first norm keeps nothing
    constants: int  # bytes: rotary tables, indices

    def bytes(self, shape: Shape, layers: int) -> int:
        """Bytes kept at the end of forward."""
        tokens = shape.batch_size * shape.length
        in_layers = tokens * (layers * self.per_token_and_layer - self.first_layer_less)
        outside = tokens * self.outside_per_token + shape.labelled * self.per_labelled_token
        return 4 * (in_layers + outside) + self.constants


def kept_for_backward(config: PreTrainedConfig, method: Method, device: Device, shape: Shape) -> KeptForBackward | None:
    """The formula for this model and method; None where it isn't known."""
    plain = isinstance(method, Full) or (method.targets == "all-linear" and method.lora_dropout == 0)
    windows = any(kind != "full_attention" for kind in getattr(config, "layer_types", None) or [])
    windows = windows or getattr(config, "sliding_window", None) is not None
    known = config.model_type in LLAMA_LIKE and not windows and plain
    return _formula(config, method, shape) if known and device.kind == "cpu" and not shape.checkpointing else None


def _formula(config: PreTrainedConfig, method: Method, shape: Shape) -> KeptForBackward:
    hidden, inner, heads = config.hidden_size, config.intermediate_size, config.num_attention_heads
    groups = config.num_key_value_heads
    width = getattr(config, "head_dim", None) or hidden // heads
    full = isinstance(method, Full)
    queries, keys = heads * width, groups * width
    # residual and normed input, twice; gate, its silu, up, their product; q and attention's output; k and v;
    # one log-sum a head; one root mean square for each norm
    layer = 4 * hidden + 4 * inner + 2 * queries + 2 * keys + heads + 2
    if full:
        layer += 2 * hidden  # the norms' weights train too: their normed inputs before the weight
    if isinstance(method, LoRA):
        layer += 7 * method.r  # the inner vector of each of the seven adapters
    if config.model_type == "qwen3":  # queries and keys are normed
        layer += (queries + keys) * (2 if full else 1) + heads + groups
    tables = 2 * shape.length * width * 4
    indices = 3 * 8 * shape.labelled + 8 + (8 * shape.batch_size * shape.length if full else 0)
    return KeptForBackward(
        per_token_and_layer=layer,
        outside_per_token=(2 if full else 1) * hidden + 1,
        per_labelled_token=config.vocab_size + (hidden if full else 0),
        first_layer_less=0 if full else hidden + 1,
        constants=tables + indices,
    )
