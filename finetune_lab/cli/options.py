"""The options of a tune by their names on the command line; help, type, range and default are those of config.py."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, fields
from typing import Any, get_args, get_type_hints

import typer

from finetune_lab.config import LoRA, QLoRA, TuneConfig

NO_NOTES: Mapping[str, str] = {}


@dataclass(frozen=True)
class Setting:
    """One option and the field of config.py that it sets."""

    option: str  # "--rank"
    owner: type[LoRA] | type[TuneConfig]
    name: str  # "r"
    panel: str  # the heading that it stands under in the help

    @property
    def field(self) -> "Field[Any]":
        return next(item for item in fields(self.owner) if item.name == self.name)

    @property
    def kind(self) -> type:
        """What the command line has to read: int, float, bool or str."""
        hint = get_type_hints(self.owner)[self.name]
        kinds = [kind for kind in get_args(hint) if isinstance(kind, type) and kind is not type(None)]
        return hint if isinstance(hint, type) else kinds[0] if kinds else str

    @property
    def help(self) -> str:
        """The field's help with its default and its range, which `config` checks, all faults at once."""
        low, high, default = self.field.metadata["low"], self.field.metadata["high"], self.field.default
        bounds = "" if low is None else f"at least {low}" if high is None else f"{low} to {high}"
        usual = "" if default is None or self.kind is bool else f"default {default}"
        facts = "; ".join(fact for fact in (usual, bounds) if fact)
        return f"{self.field.metadata['help']} ({facts})" if facts else str(self.field.metadata["help"])

    def parameter(self, note: str) -> inspect.Parameter:
        """The option as typer reads it; None where it is not given."""
        text = f"{self.help}; {note}" if note else self.help
        option = typer.Option(None, self.option, help=text, show_default=False, rich_help_panel=self.panel)
        return inspect.Parameter(self.name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=self.kind | None)


METHOD, DATA, TRAINING, JUDGING = "Method", "Model and data", "Training", "Judging and saving"
SETTINGS = (
    Setting("--rank", LoRA, "r", METHOD),
    Setting("--alpha", LoRA, "lora_alpha", METHOD),
    Setting("--dropout", LoRA, "lora_dropout", METHOD),
    Setting("--targets", LoRA, "target_modules", METHOD),
    Setting("--rslora/--no-rslora", LoRA, "use_rslora", METHOD),
    Setting("--bits", QLoRA, "bits", METHOD),
    Setting("--quant-type", QLoRA, "bnb_4bit_quant_type", METHOD),
    Setting("--double-quant", QLoRA, "bnb_4bit_use_double_quant", METHOD),
    Setting("--model", TuneConfig, "model", DATA),
    Setting("--data", TuneConfig, "data", DATA),
    Setting("--prompt-field", TuneConfig, "prompt_field", DATA),
    Setting("--completion-field", TuneConfig, "completion_field", DATA),
    Setting("--replay-share", TuneConfig, "replay_share", DATA),
    Setting("--replay-data", TuneConfig, "replay_data", DATA),
    Setting("--max-length", TuneConfig, "max_length", DATA),
    Setting("--steps", TuneConfig, "max_steps", TRAINING),
    Setting("--batch-size", TuneConfig, "batch_size", TRAINING),
    Setting("--accumulation", TuneConfig, "gradient_accumulation_steps", TRAINING),
    Setting("--learning-rate", TuneConfig, "learning_rate", TRAINING),
    Setting("--schedule", TuneConfig, "lr_scheduler_type", TRAINING),
    Setting("--warmup", TuneConfig, "warmup_ratio", TRAINING),
    Setting("--weight-decay", TuneConfig, "weight_decay", TRAINING),
    Setting("--clip", TuneConfig, "max_grad_norm", TRAINING),
    Setting("--gradient-checkpointing", TuneConfig, "gradient_checkpointing", TRAINING),
    Setting("--seed", TuneConfig, "seed", TRAINING),
    Setting("--eval-data", TuneConfig, "eval_data", JUDGING),
    Setting("--forgetting-data", TuneConfig, "forgetting_data", JUDGING),
    Setting("--eval-examples", TuneConfig, "eval_examples", JUDGING),
    Setting("--score-examples", TuneConfig, "score_examples", JUDGING),
    Setting("--eval-steps", TuneConfig, "eval_steps", JUDGING),
    Setting("--save-steps", TuneConfig, "save_steps", JUDGING),
)
OPTION_OF = {setting.name: setting.option.split("/")[0] for setting in SETTINGS}


def takes_settings(notes: Mapping[str, str] = NO_NOTES) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command all of SETTINGS as options, in place of its `**settings`; `notes` adds to the help of some."""

    def with_options(command: Callable[..., int]) -> Callable[..., int]:
        own = [item for item in inspect.signature(command).parameters.values() if item.kind is not item.VAR_KEYWORD]
        parameters = [*own, *(setting.parameter(notes.get(setting.name, "")) for setting in SETTINGS)]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
        command.__annotations__ = {item.name: item.annotation for item in parameters}
        return command

    return with_options


def in_options(text: str) -> str:
    """A message of the library with the settings' names as the command line has them: `max_steps` -> `--steps`."""
    compound = "|".join(name for name in OPTION_OF if "_" in name)
    plain = "|".join(name for name in OPTION_OF if "_" not in name)  # words like `data`: only where a value follows
    pattern = rf"(?<![\w/.-])(?:(?:{compound})(?![\w/-]|\.\w)|(?:{plain})(?= must |=))"
    return re.sub(pattern, lambda found: OPTION_OF[found.group()], text).replace("=True", "")
