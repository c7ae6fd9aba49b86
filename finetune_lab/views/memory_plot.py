"""Where the memory of runs and plans goes, as a chart: `plot_memory`, and one step from the inside: `plot_step`."""

from finetune_lab.errors import ConfigError, RunError
from finetune_lab.memory.curve import StepCurve
from finetune_lab.memory.planning import Plan
from finetune_lab.tuning.comparison import Comparison
from finetune_lab.tuning.run import Run
from finetune_lab.tuning.run_folder import RunFolder
from finetune_lab.views.charts import Chart
from finetune_lab.views.curves import names_of
from finetune_lab.views.memory_charts import at_the_peak, predicted_and_measured, within_step


def plot_memory(*items: Run | Comparison | Plan) -> Chart:
    """Memory by component: of one run, predicted beside measured; of several runs or of plans, at their peaks.

    Raises:
        ConfigError: nothing is given, or runs together with plans.
        RunError: a run has measured no step.
    """
    plans = [item for item in items if isinstance(item, Plan)]
    runs = [run for item in items if not isinstance(item, Plan) for run in runs_in(item)]
    if bool(plans) == bool(runs):
        raise ConfigError("Memory is plotted of runs or of plans.", "Give one run, several, or plans.")
    if plans:
        limits = {plan.verdict.usable for plan in plans}
        named = {f"{plan.model} {plan.method.name}": plan.prediction.at_peak for plan in plans}
        return at_the_peak(named, limits.pop() if len(limits) == 1 else None)
    if len(runs) > 1:
        names = names_of(runs)
        return at_the_peak({name: measured(run).at_peak() for name, run in zip(names, runs, strict=True)})
    found = {name: size for name, size in runs[0].memory["measured"].items() if size is not None}
    return predicted_and_measured(runs[0].memory["predicted"] or {}, found)


def plot_step(run: Run) -> Chart:
    """How memory rose and fell within the run's step with the highest peak.

    Raises:
        RunError: the run has measured no step.
    """
    return within_step(measured(run), (run.memory["predicted"] or {}).get("peak"))


def runs_in(item: Run | Comparison) -> list[Run]:
    """A run, or the runs of a comparison."""
    return list(item.runs) if isinstance(item, Comparison) else [item]


def measured(run: Run) -> StepCurve:
    """The measured curve of a run."""
    curve = RunFolder(run.folder).curve()
    if curve is None:
        raise RunError(f"{run.folder} holds no measured step.", "Tune again, to the end.")
    return curve
