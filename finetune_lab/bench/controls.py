"""The model behind the controls: settings as plain values, what is changed with them, and the job they ask for.

    settings = default_settings()                       {"method": "lora", "bits": 16, "r": 8, ...}
    settings = with_change(settings, "bits", 4)         the method becomes qlora
    why_disabled("lora_alpha", settings)                "" or a reason
    settings_to_job(settings, out)                      a Job for the worker

Presets are settings too.
"""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from finetune_lab.bench.settings import (
    ONE_RATE,
    Control,
    Settings,
    control,
    controls,
    default_settings,
    why_disabled,
    with_change,
)
from finetune_lab.bench.worker import Job
from finetune_lab.config import METHODS, Full, Method, QLoRA, TuneConfig
from finetune_lab.errors import ConfigError, listed

__all__ = [
    "ONE_RATE", "PRESETS", "Control", "Preset", "Settings", "bits_of", "config_of", "control", "controls",
    "default_settings", "method_of", "rate_words", "scale_words", "settings_of", "settings_to_job", "why_disabled",
    "with_change",
]  # fmt: skip
RACE = ("full", "lora", "qlora")


def settings_to_job(settings: Settings, out: Path | None = None, *, race: bool = False) -> Job:
    """The job for these settings, or for a race of full, LoRA and QLoRA under them.

    In a race each method uses its own default learning rate, unless the switch `one_shared_rate` is on.

    Raises:
        ConfigError: all that is wrong with them.
    """
    faults: list[str] = []
    methods = []
    for name in RACE if race else (settings["method"],):
        try:
            methods.append(method_of({**settings, "method": name}))
        except ConfigError as error:
            faults.append(error.what)
    try:
        config = config_of(settings, own_rates=race and not settings[ONE_RATE])
    except ConfigError as error:
        faults.append(error.what)
    if faults:
        raise ConfigError(listed(list(dict.fromkeys(faults))), "Change these settings.")
    return Job(tuple(methods), config, out)


def method_of(settings: Settings) -> Method:
    """The method, with those of the settings that apply to it.

    Raises:
        ConfigError: what is wrong with them.
    """
    name = settings["method"]
    if name not in METHODS:
        raise ConfigError(f"There is no method {name!r}.", f"Choose one of {', '.join(METHODS)}.")
    has = {item.name for item in fields(METHODS[name])}
    mine = {key: settings[key] for key in has if not why_disabled(key, settings)}
    if name == "qlora":
        mine["bits"] = 4 if settings["bits"] == 16 else settings["bits"]
    return METHODS[name](**mine)


def config_of(settings: Settings, *, own_rates: bool = False) -> TuneConfig:
    """The configuration; with `own_rates`, without a learning rate of its own.

    Raises:
        ConfigError: what is wrong with them.
    """
    mine = {item.name: settings[item.name] for item in fields(TuneConfig)}
    hidden = {name for name in ("prompt_field", "completion_field") if why_disabled(name, settings)}
    mine |= dict.fromkeys([*hidden, *(["learning_rate"] if own_rates else [])])
    return TuneConfig(**mine)


def settings_of(method: Method, config: TuneConfig) -> dict[str, Any]:
    """The settings that a run was made with, to show in the controls."""
    return {**default_settings(), "method": method.name, "bits": bits_of(method), **_plain(method), **asdict(config)}


def bits_of(method: Method) -> int:
    """Bits of a frozen weight: 16 where nothing is quantized."""
    return method.bits if isinstance(method, QLoRA) else 16


def _plain(method: Method) -> dict[str, Any]:
    return {} if isinstance(method, Full) else asdict(method)


def scale_words(settings: Settings) -> str:
    """alpha / r as a person reads it: `alpha / r = 2`."""
    if settings["method"] == "full":
        return "no adapter, no scale"
    root = settings["use_rslora"]
    scale = settings["lora_alpha"] / (settings["r"] ** 0.5 if root else settings["r"])
    return f"alpha / {'√r' if root else 'r'} = {scale:.3g}"


def rate_words(settings: Settings) -> str:
    """The learning rate that will be used, and whose choice it is."""
    rate = settings["learning_rate"]
    if rate is not None:
        return f"{rate:g}, as asked"
    return f"{METHODS[settings['method']]().default_learning_rate:g}, the default of {settings['method']}"


@dataclass(frozen=True)
class Preset:
    """Settings under a name, and what they are good for."""

    name: str
    words: str
    changes: dict[str, Any]

    @property
    def settings(self) -> dict[str, Any]:
        """All settings: the defaults with this preset's changes."""
        return {**default_settings(), **self.changes}


PRESETS = (
    Preset("first try", "LoRA of rank 8: the usual first choice", {}),
    Preset(
        "smallest memory",
        "4 bits, double quantization, rank 1, one row at a time, activations recomputed",
        {
            "method": "qlora", "bits": 4, "bnb_4bit_use_double_quant": True, "r": 1, "lora_alpha": 2, "batch_size": 1,
            "gradient_accumulation_steps": 8, "gradient_checkpointing": True,
        },
    ),
    Preset("best score", "full fine-tuning for three times as many steps", {"method": "full", "max_steps": 180}),
    Preset("high rank", "rank 64, alpha with it: does more capacity help?", {"r": 64, "lora_alpha": 128}),
    Preset(
        "unfair one rate",
        "a race at full fine-tuning's learning rate for all: what an unfair comparison shows",
        {"learning_rate": Full().default_learning_rate, ONE_RATE: True},
    ),
)  # fmt: skip
