"""The pictures that stand beside a run: its loss, and where its memory went."""

from finetune_lab.events import Stepped
from finetune_lab.tuning.run import Run
from finetune_lab.tuning.run_folder import RunFolder
from finetune_lab.views.charts import save_loss_png
from finetune_lab.views.memory_charts import over_steps, predicted_and_measured, save_png, within_step


def save_charts(run: Run) -> None:
    """Save loss.png and the memory charts into the run's folder; nothing where the run has no step yet."""
    if not run.losses:
        return
    save_loss_png(run, run.folder / "loss.png")
    predicted, measured = run.memory["predicted"], run.memory["measured"]
    sizes = {name: size for name, size in measured.items() if size is not None}
    steps = [event.memory for event in run.events if isinstance(event, Stepped)]
    save_png(over_steps(steps, predicted["peak"]), run.folder / "memory_over_steps.png")
    save_png(predicted_and_measured(predicted, sizes), run.folder / "memory_predicted.png")
    curve = RunFolder(run.folder).curve()
    if curve is not None:
        save_png(within_step(curve, predicted["peak"]), run.folder / "memory_within_step.png")
