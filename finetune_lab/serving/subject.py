"""What a tune left, wherever it lies: a run, its folder or a bare adapter; with the base that it belongs to."""

from dataclasses import dataclass
from pathlib import Path

from finetune_lab.adapters.card import AdapterCard, read_card
from finetune_lab.config import Method, QLoRA
from finetune_lab.errors import LabError
from finetune_lab.models import LAB_BASE, Source, find_base
from finetune_lab.serving.faults import ServingError
from finetune_lab.tuning.comparison import run_name
from finetune_lab.tuning.run import Run, load_run


@dataclass(frozen=True)
class Subject:
    """An artifact with its base, and the method where a run tells it."""

    what: str
    source: Source
    artifact: Path
    method: Method | None

    @property
    def quantized(self) -> QLoRA | None:
        """How the base was quantized that it was tuned beside; None where it was not."""
        return self.method if isinstance(self.method, QLoRA) else None


def subject_of(run_or_adapter: Run | Path | str) -> Subject:
    """Find out what is meant.

    Raises:
        LabError: it is neither a run nor an adapter, the run has left nothing, or its base can't be had.
    """
    if isinstance(run_or_adapter, Run):
        return of_run(run_or_adapter)
    folder = Path(run_or_adapter)
    if (folder / "run.json").is_file():
        return of_run(load_run(folder))
    if folder.name in ("adapter", "model") and (folder.parent / "run.json").is_file():
        return of_run(load_run(folder.parent))
    return of_adapter(folder)


def of_run(run: Run) -> Subject:
    """A run's artifact on the base that it was tuned from."""
    what = f"{run_name(run.summary)} ({run.folder.name})"
    return Subject(what, find_base(run.config.model), run.artifact, run.method)


def of_adapter(folder: Path) -> Subject:
    """An adapter by its card, or by PEFT's configuration, which does not say whether the base was quantized."""
    try:
        card = read_card(folder)
    except LabError as error:
        what = f"{folder} is neither a run folder nor an adapter: it has no run.json, and {error.what}"
        raise ServingError(what, "Name the folder of a run, or of an adapter in PEFT's own format.") from error
    if card.base is None:
        raise ServingError(f"The adapter {folder} does not say which base it is for.", "Write it into its card.")
    elsewhere = Path(card.base).name == LAB_BASE and not Path(card.base).is_dir()  # another installation's lab-base
    return of_card(card, find_base(LAB_BASE if elsewhere else card.base), folder)


def of_card(card: AdapterCard, source: Source, folder: Path) -> Subject:
    """An adapter of a library, beside the width of base that its card names."""
    return Subject(f"the adapter {card.name}", source, folder, QLoRA(bits=card.bits) if card.bits in (4, 8) else None)
