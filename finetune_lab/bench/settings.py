"""What can be set, in which range, for which method, and why something is disabled.

Help, range, type and default are those of config.py's fields. Only what a field does not know stands here: a name for
people, the choices of a list, whether a slider is logarithmic.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from finetune_lab.config import METHODS, QLoRA, TuneConfig
from finetune_lab.data import SHIPPED

Kind = Literal["choice", "integer", "number", "text", "switch"]
Settings = Mapping[str, Any]
BITS = (16, 8, 4)
# A panel lives in a kernel, which may be restarted at any time, and shows an answer as it changes.
EVERY = {"save_steps": 20, "eval_steps": 20}
LABELS = {
    "r": "rank r", "lora_alpha": "alpha", "lora_dropout": "dropout", "target_modules": "target modules",
    "use_rslora": "rank-stabilized scale", "bnb_4bit_quant_type": "4-bit code",
    "bnb_4bit_use_double_quant": "double quantization", "model": "base model", "data": "data set",
    "eval_data": "evaluation file", "max_steps": "steps", "max_length": "longest example",
    "gradient_accumulation_steps": "accumulation", "lr_scheduler_type": "schedule", "warmup_ratio": "warm-up",
    "max_grad_norm": "clip gradients at", "save_steps": "save every", "eval_steps": "evaluate every",
}  # fmt: skip
CHOICES: dict[str, tuple[Any, ...]] = {"data": SHIPPED, "model": ("lab-base",)}
SLIDERS = {"r": (1, 128), "max_steps": (1, 1000), "batch_size": (1, 64), "max_length": (32, 1024)}  # at one's choice
FRONT = (
    "method", "r", "bits", "lora_alpha", "target_modules", "learning_rate", "max_steps", "batch_size", "max_length",
    "data", "model", "seed",
)  # fmt: skip
ONE_RATE = "one_shared_rate"


@dataclass(frozen=True)
class Control:
    """One thing to set."""

    name: str  # the field of config.py, or "method", "bits", "one_shared_rate"
    label: str
    help: str
    kind: Kind
    default: Any
    low: float | None = None  # of the slider where there is one, else of the field
    high: float | None = None
    choices: tuple[Any, ...] = ()  # of a list; open for a text, which takes any other too
    optional: bool = False  # None is a value: the method's own default, or nothing
    logarithmic: bool = False
    more: bool = False  # belongs under "more"


@cache
def controls() -> tuple[Control, ...]:
    """Every control, in order: those in front, then those under "more"."""
    found = {control.name: control for control in (*_own(), *_of(QLoRA), *_of(TuneConfig))}
    behind = [name for name in found if name not in FRONT]
    return tuple(found[name] for name in (*FRONT, *behind))


def control(name: str) -> Control:
    """The control of that name."""
    return next(item for item in controls() if item.name == name)


def default_settings() -> dict[str, Any]:
    """Every control's name with its default."""
    return {item.name: item.default for item in controls()}


def with_change(settings: Settings, name: str, value: Any) -> dict[str, Any]:
    """The settings with one changed. Method and bits follow each other: 16 bits are lora, 8 and 4 are qlora."""
    changed = {**settings, name: value}
    if name == "bits" and changed["method"] != "full":
        changed["method"] = "lora" if value == 16 else "qlora"
    if name == "method":
        kept = changed["bits"] if changed["bits"] != 16 else 4
        changed["bits"] = kept if value == "qlora" else 16
    if changed["bits"] != 4:
        changed["bnb_4bit_use_double_quant"] = False
    return changed


def why_disabled(name: str, settings: Settings) -> str:
    """Why a control does not apply to these settings; "" where it does."""
    method, bits = settings["method"], settings["bits"]
    if method == "full" and name in REASONS_FULL:
        return REASONS_FULL[name]
    if name.startswith("bnb_4bit") and bits != 4:
        return f"it is about 4-bit weights, and these have {bits} bits"
    if name in ("completion_field", "prompt_field"):
        return "it is for a file of your own" if settings["data"] in CHOICES["data"] else ""
    if name == ONE_RATE and settings["learning_rate"] is None:
        return "there is no rate to share: each method uses its own default"
    return ""


REASONS_FULL = {
    "r": "full fine-tuning has no rank: every weight moves, there are no adapter matrices",
    "bits": "full fine-tuning can't be quantized: a weight of 4 or 8 bits is too coarse to move by a small step",
    "lora_alpha": "full fine-tuning has no adapter to scale",
    "lora_dropout": "full fine-tuning has no adapter to drop inputs of",
    "target_modules": "full fine-tuning trains every module",
    "use_rslora": "full fine-tuning has no adapter to scale",
    "bnb_4bit_quant_type": "full fine-tuning can't be quantized",
    "bnb_4bit_use_double_quant": "full fine-tuning can't be quantized",
}


def _own() -> tuple[Control, ...]:
    unfair = "use one learning rate for all methods in a race: unfair, each has its own best one"
    return (
        Control("method", "method", "full: all weights; lora: an adapter; qlora: one beside a quantized base", "choice",
                "lora", choices=tuple(METHODS)),
        Control("bits", "bits", "bits of a frozen weight: 16 is lora, 8 and 4 are qlora", "choice", 16, choices=BITS),
        Control(ONE_RATE, "one shared rate (unfair)", unfair, "switch", default=False, more=True),
    )  # fmt: skip


def _of(owner: type[QLoRA] | type[TuneConfig]) -> list[Control]:
    hints = get_type_hints(owner)
    return [_control(item, hints[item.name]) for item in fields(owner) if item.name != "bits"]


def _control(item: "Field[Any]", hint: Any) -> Control:
    low, high = SLIDERS.get(item.name, (item.metadata["low"], item.metadata["high"]))
    named = get_args(hint) if get_origin(hint) is Literal else CHOICES.get(item.name, ())
    return Control(
        name=item.name,
        label=LABELS.get(item.name, item.name.replace("_", " ")),
        help=item.metadata["help"],
        kind=_kind(hint),
        default=EVERY.get(item.name, None if item.default is MISSING else item.default),
        low=low,
        high=high,
        choices=named,
        optional=item.default is None,
        logarithmic=item.name in ("r", "learning_rate", "max_steps", "batch_size"),
        more=item.name not in FRONT,
    )


def _kind(hint: Any) -> Kind:
    if get_origin(hint) is Literal:
        return "choice"
    kinds = [kind for kind in (get_args(hint) or (hint,)) if kind is not type(None)]
    names: dict[type, Kind] = {bool: "switch", int: "integer", float: "number", str: "text"}
    return names[kinds[0]]
