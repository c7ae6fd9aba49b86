"""`plot`: the chart that fits what is given, one kind at a time."""

from finetune_lab.errors import ConfigError
from finetune_lab.serving.scores import Scores
from finetune_lab.tuning.comparison import Comparison
from finetune_lab.tuning.run import Run
from finetune_lab.views.adapter_charts import scores_by_adapter
from finetune_lab.views.charts import Chart, loss_chart
from finetune_lab.views.spectrum_charts import spectrum_chart
from finetune_lab.weight_change.spectra import Spectrum

Plotted = Run | Comparison | Spectrum | Scores


def plot(item: Plotted, *more: Plotted) -> Chart:
    """The loss of runs by step, the singular values of changes by rank, or the scores of adapters by data set.

    Args:
        item: a run, a comparison, what `lab.spectrum` found, or the scores of a library of adapters.
        *more: runs and comparisons, or spectra, to draw over it.

    Raises:
        LabError: no run has done a step, no layer has changed, or the items don't go into one chart.
    """
    items = (item, *more)
    if isinstance(item, Scores) and not more:
        return scores_by_adapter(item)
    runs = [one for one in items if isinstance(one, Run | Comparison)]
    spectra = [one for one in items if isinstance(one, Spectrum)]
    if len(runs) == len(items):
        return loss_chart(*runs)
    if len(spectra) == len(items):
        return spectrum_chart(*spectra)
    kinds = ", ".join(dict.fromkeys(type(one).__name__ for one in items))
    hint = "Give runs and comparisons, or spectra, or one Scores."
    raise ConfigError(f"There is no chart of {kinds} together.", hint)
