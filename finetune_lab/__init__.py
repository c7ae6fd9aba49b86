"""Full fine-tuning, PEFT, LoRA and QLoRA, run for real and measured, wherever you are.

    import finetune_lab as lab
    run = lab.tune(lab.QLoRA(r=8, bits=4), data="tickets", max_steps=60)

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from finetune_lab.quiet import silence_known_messages

__version__ = "0.1.0"

silence_known_messages()  # before anything imports the libraries that speak while they are imported

_HOMES = {
    "Case": "advice.case",
    "Full": "config",
    "LoRA": "config",
    "QLoRA": "config",
    "TuneConfig": "config",
    "LabError": "errors",
    "advise": "advice.advising",
    "compare": "tuning.comparison",
    "doctor": "diagnosis",
    "load_run": "tuning.run",
    "plan": "memory.planning",
    "plot": "views.charts",
    "train": "tuning.training",
    "tune": "tuning.run",
}
__all__ = [
    "Case",
    "Full",
    "LabError",
    "LoRA",
    "QLoRA",
    "TuneConfig",
    "advise",
    "compare",
    "doctor",
    "load_run",
    "plan",
    "plot",
    "train",
    "tune",
]

if TYPE_CHECKING:
    from finetune_lab.advice.advising import advise as advise
    from finetune_lab.advice.case import Case as Case
    from finetune_lab.config import Full as Full
    from finetune_lab.config import LoRA as LoRA
    from finetune_lab.config import QLoRA as QLoRA
    from finetune_lab.config import TuneConfig as TuneConfig
    from finetune_lab.diagnosis import doctor as doctor
    from finetune_lab.errors import LabError as LabError
    from finetune_lab.memory.planning import plan as plan
    from finetune_lab.tuning.comparison import compare as compare
    from finetune_lab.tuning.run import load_run as load_run
    from finetune_lab.tuning.run import tune as tune
    from finetune_lab.tuning.training import train as train
    from finetune_lab.views.charts import plot as plot


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"finetune_lab has no {name!r}; it has {', '.join(_HOMES)}")
    return getattr(import_module(f"finetune_lab.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
