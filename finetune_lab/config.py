"""What was asked: the method and the settings of a tune, frozen, validated, all faults at once. No torch.

    Full()                                   every weight moves
    LoRA(r=8, lora_alpha=16)                 the base is frozen, two small matrices beside each one train
    QLoRA(r=8, lora_alpha=16, bits=4)        the same beside a frozen base of 4 or 8 bits

Names are PEFT's, bitsandbytes' and transformers'. The command line and the widgets are built from each field's help.
"""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, Self

from finetune_lab.described import described, range_faults
from finetune_lab.errors import ConfigError, listed

QuantType = Literal["nf4", "fp4"]
Schedule = Literal["linear", "cosine", "constant"]


@dataclass(frozen=True, kw_only=True)
class Full:
    """Full fine-tuning: every weight of the base is trained."""

    @property
    def name(self) -> str:
        return "full"

    @property
    def default_learning_rate(self) -> float:
        return 1e-3


@dataclass(frozen=True, kw_only=True)
class LoRA:
    """Low-rank adaptation (arXiv 2106.09685): y = W x + (lora_alpha / r) B A x, W frozen, B = 0 at the start."""

    r: int = described(8, "rank: the inner width of the two adapter matrices", low=1, high=4096)
    lora_alpha: int = described(16, "scale: the update is multiplied by lora_alpha / r", low=1, high=1_000_000)
    lora_dropout: float = described(0.0, "share of the adapter's inputs set to zero in training", low=0.0, high=0.95)
    target_modules: str = described("all-linear", "linear layers with an adapter: all-linear, or names with commas")
    use_rslora: bool = described(False, "scale by lora_alpha / sqrt(r) instead (arXiv 2312.03732)")

    def __post_init__(self) -> None:
        if faults := self.faults():
            raise ConfigError(listed(faults), "Change these settings.")

    def faults(self) -> list[str]:
        """What is wrong with these settings, a line each."""
        named = not isinstance(self.target_modules, str) or self.target_modules == "" or self.targets
        return range_faults(self) + ([] if named else ["target_modules names no module."])

    @property
    def name(self) -> str:
        return "lora"

    @property
    def default_learning_rate(self) -> float:
        return 5e-3

    @property
    def targets(self) -> str | list[str]:
        """`target_modules` as PEFT takes it: the word `all-linear` or a list of names."""
        names = [name.strip() for name in self.target_modules.split(",") if name.strip()]
        return "all-linear" if self.target_modules == "all-linear" else names

    @property
    def scaling(self) -> float:
        """What the adapter's output is multiplied by."""
        return self.lora_alpha / (self.r**0.5 if self.use_rslora else self.r)


@dataclass(frozen=True, kw_only=True)
class QLoRA(LoRA):
    """LoRA beside a quantized frozen base (arXiv 2305.14314), by bitsandbytes."""

    bits: int = described(4, "bits of a frozen weight: 4 or 8", low=4, high=8)
    bnb_4bit_quant_type: QuantType = described("nf4", "4-bit code: nf4 (for normal weights) or fp4")
    bnb_4bit_use_double_quant: bool = described(False, "quantize the quantization constants too: 4.127 bits, not 4.5")

    def faults(self) -> list[str]:
        """What is wrong with these settings, a line each."""
        faults = super().faults()
        if type(self.bits) is int and self.bits not in (4, 8):
            faults = [fault for fault in faults if not fault.startswith("bits ")]
            faults.append(f"bits must be 4 or 8, not {self.bits}; 16 bits is the method lora.")
        if self.bits == 8 and self.bnb_4bit_use_double_quant is True:
            faults.append("bnb_4bit_use_double_quant applies to 4 bits only.")
        return faults

    @property
    def name(self) -> str:
        return "qlora"


Method = Full | LoRA | QLoRA
METHODS: dict[str, type[Full] | type[LoRA] | type[QLoRA]] = {"full": Full, "lora": LoRA, "qlora": QLoRA}


@dataclass(frozen=True, kw_only=True)
class TuneConfig:
    """Everything about a tune but the method. Same configuration, seed, machine and versions: same numbers."""

    model: str = described("lab-base", "base model: lab-base, a Hugging Face name or a local folder")
    data: str = described("tickets", "training data: tickets, tickets-messy, a JSONL or a CSV file")
    prompt_field: str | None = described(None, "name of the prompt field in your own file")
    completion_field: str | None = described(None, "name of the completion field in your own file")
    eval_data: str | None = described(None, "file to evaluate on; without it, the data set's own or a tenth held out")
    replay_share: float = described(0.0, "share of each batch from replay_data, not from data", low=0.0, high=0.9)
    replay_data: str = described("base", "mixed in against forgetting: base (its own text), a data set or a file")
    forgetting_data: str | None = described(None, "judged for forgetting: base, data sets, files; commas between")
    max_steps: int = described(60, "optimizer steps", low=1)
    batch_size: int = described(8, "examples in a batch", low=1)
    gradient_accumulation_steps: int = described(1, "batches in an optimizer step", low=1)
    max_length: int = described(512, "longest example in tokens; a longer one is cut at the prompt's start", low=8)
    learning_rate: float | None = described(None, "peak learning rate; without it, the method's own default", low=0.0)
    lr_scheduler_type: Schedule = described("linear", "how the rate falls: linear, cosine or constant")
    warmup_ratio: float = described(0.05, "share of the steps over which the rate rises", low=0.0, high=1.0)
    weight_decay: float = described(0.0, "AdamW's weight decay", low=0.0)
    max_grad_norm: float = described(1.0, "gradients are scaled down to this norm; 0 for none", low=0.0)
    gradient_checkpointing: bool = described(False, "recompute activations in backward: less memory, more time")
    eval_examples: int = described(64, "examples for the evaluation loss", low=1)
    score_examples: int = described(32, "examples answered by generating, for the score; 0 for none", low=0)
    eval_steps: int = described(0, "steps between looks at loss and one answer; 0 for before and after only", low=0)
    save_steps: int = described(0, "steps between checkpoints; 0 for one at the end only", low=0)
    seed: int = described(0, "seed of the adapter's start, of the data's order, of dropout", low=0, high=2**32 - 1)

    def __post_init__(self) -> None:
        faults = range_faults(self)
        if (self.prompt_field is None) != (self.completion_field is None):
            faults.append("prompt_field and completion_field go together: name both or neither.")
        if faults:
            raise ConfigError(listed(faults), "Change these settings.")

    def replace(self, **changes: Any) -> Self:
        """A copy with some settings changed, validated again."""
        return replace(self, **changes)


def method_to_dict(method: Method) -> dict[str, Any]:
    """`{"method": "lora", "r": 8, ...}`, as it stands in run.json."""
    return {"method": method.name, **asdict(method)}


def method_from_dict(saved: dict[str, Any]) -> Method:
    """The method that `method_to_dict` wrote."""
    name = saved.get("method")
    if not isinstance(name, str) or name not in METHODS:
        raise ConfigError(f"There is no method {name!r}.", f"Choose one of {', '.join(METHODS)}.")
    return METHODS[name](**{key: value for key, value in saved.items() if key != "method"})


def settled(config: TuneConfig | None, settings: dict[str, Any]) -> TuneConfig:
    """The configuration: a ready one, or one made from settings by name, or a ready one with some changed.

    Raises:
        ConfigError: a setting that does not exist, or a value out of range; all are listed.
    """
    if not isinstance(config, TuneConfig | None):
        raise ConfigError(f"{config!r} is no TuneConfig.", "Name settings one by one, or give a TuneConfig.")
    known = [item.name for item in fields(TuneConfig)]
    faults = [f"There is no setting {name}." for name in settings if name not in known]
    try:
        made = replace(config or TuneConfig(), **{name: settings[name] for name in settings if name in known})
    except ConfigError as error:
        raise ConfigError(listed([*faults, error.what]), "Change these settings.") from error
    if faults:
        raise ConfigError(listed(faults), f"There are: {', '.join(known)}.")
    return made
