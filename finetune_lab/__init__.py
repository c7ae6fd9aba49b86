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
    "Adapters": "serving.adapters",
    "Bench": "views.bench.bench",
    "Case": "advice.case",
    "Full": "config",
    "LoRA": "config",
    "QLoRA": "config",
    "Quiz": "views.quiz",
    "TuneConfig": "config",
    "LabError": "errors",
    "advise": "advice.advising",
    "attach": "views.bench.bench",
    "compare": "views.live",
    "compare_codes": "codes",
    "doctor": "diagnosis",
    "intruders": "weight_change.intruding",
    "load_run": "tuning.run",
    "losses_by_rank": "tuning.cut_change",
    "plan": "memory.planning",
    "plot": "views.plotting",
    "plot_memory": "views.memory_plot",
    "plot_step": "views.memory_plot",
    "prove_rollback": "serving.rollback",
    "spectrum": "weight_change.spectra",
    "storage": "serving.storage",
    "submit": "classroom.handing_in",
    "train": "tuning.training",
    "truncate": "weight_change.truncation",
    "tune": "views.live",
}
__all__ = [
    "Adapters",
    "Bench",
    "Case",
    "Full",
    "LabError",
    "LoRA",
    "QLoRA",
    "Quiz",
    "TuneConfig",
    "advise",
    "attach",
    "compare",
    "compare_codes",
    "doctor",
    "intruders",
    "load_run",
    "losses_by_rank",
    "plan",
    "plot",
    "plot_memory",
    "plot_step",
    "prove_rollback",
    "spectrum",
    "storage",
    "submit",
    "train",
    "truncate",
    "tune",
]

if TYPE_CHECKING:
    from finetune_lab.advice.advising import advise as advise
    from finetune_lab.advice.case import Case as Case
    from finetune_lab.classroom.handing_in import submit as submit
    from finetune_lab.codes import compare_codes as compare_codes
    from finetune_lab.config import Full as Full
    from finetune_lab.config import LoRA as LoRA
    from finetune_lab.config import QLoRA as QLoRA
    from finetune_lab.config import TuneConfig as TuneConfig
    from finetune_lab.diagnosis import doctor as doctor
    from finetune_lab.errors import LabError as LabError
    from finetune_lab.memory.planning import plan as plan
    from finetune_lab.serving.adapters import Adapters as Adapters
    from finetune_lab.serving.rollback import prove_rollback as prove_rollback
    from finetune_lab.serving.storage import storage as storage
    from finetune_lab.tuning.cut_change import losses_by_rank as losses_by_rank
    from finetune_lab.tuning.run import load_run as load_run
    from finetune_lab.tuning.training import train as train
    from finetune_lab.views.bench.bench import Bench as Bench
    from finetune_lab.views.bench.bench import attach as attach
    from finetune_lab.views.live import compare as compare
    from finetune_lab.views.live import tune as tune
    from finetune_lab.views.memory_plot import plot_memory as plot_memory
    from finetune_lab.views.memory_plot import plot_step as plot_step
    from finetune_lab.views.plotting import plot as plot
    from finetune_lab.views.quiz import Quiz as Quiz
    from finetune_lab.weight_change.intruding import intruders as intruders
    from finetune_lab.weight_change.spectra import spectrum as spectrum
    from finetune_lab.weight_change.truncation import truncate as truncate


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"finetune_lab has no {name!r}; it has {', '.join(_HOMES)}")
    return getattr(import_module(f"finetune_lab.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
