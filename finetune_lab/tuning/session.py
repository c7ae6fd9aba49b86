"""A session: the pieces of one tune put together, and the order of what happens in it."""

import math
import threading
from collections.abc import Generator, Iterator
from itertools import islice
from pathlib import Path

from accelerate import Accelerator

from finetune_lab.batches import Batch
from finetune_lab.config import Method, TuneConfig
from finetune_lab.device import detect_device
from finetune_lab.errors import ConfigError
from finetune_lab.events import Ended, Evaluated, Event, Saved, Started
from finetune_lab.memory.planning import Plan
from finetune_lab.memory.run_plan import plan_of_run
from finetune_lab.methods import build, count_parameters
from finetune_lab.models import find_base, load_config, load_tokenizer, longest_context
from finetune_lab.tuning import checkpoints
from finetune_lab.tuning.artifact import folder_bytes, save_artifact
from finetune_lab.tuning.evaluating import evaluate
from finetune_lab.tuning.evaluation import StoppedError
from finetune_lab.tuning.loop import Trainer
from finetune_lab.tuning.material import material_of
from finetune_lab.tuning.run_folder import RunFolder

MOST_PLANNED = 4_000  # batches: some seconds of making them
DEAD_LOSS = 1e-3  # nats: a model that still errs by more and has no gradient at all can't learn any more


class Session:
    """Base, data and method of one tune, checked before anything is trained.

    Raises:
        LabError: the base, the data or the configuration can't be used.
    """

    def __init__(self, method: Method, config: TuneConfig, checkpoint: Path | None = None) -> None:
        self.method, self.config, self.checkpoint = method, config, checkpoint
        self.device = detect_device()
        self.source = find_base(config.model)
        self.tokenizer = load_tokenizer(self.source)
        context = longest_context(self.source)
        if context is not None and config.max_length > context:
            what = f"max_length {config.max_length} is more than the {context} tokens that {config.model} can read."
            raise ConfigError(what, f"Use max_length={context} or less.")
        self.material = material_of(config, self.tokenizer)
        self.notes: dict[str, str] = {}
        self.fault = ""
        self.trainer: Trainer | None = None

    @property
    def learning_rate(self) -> float:
        asked = self.config.learning_rate
        return self.method.default_learning_rate if asked is None else asked

    @property
    def pad(self) -> int:
        return int(self.tokenizer.pad_token_id)

    def facts(self) -> dict[str, str]:
        """What a resumed run must find unchanged."""
        return {
            "base_sha256": self.source.sha256,
            "data_sha256": self.material.data.sha256,
            "examples_sha256": self.material.sha256,
        }

    def reasons(self) -> dict[str, str]:
        """Each automatic choice with its why."""
        rate = f"the default of {self.method.name}" if self.config.learning_rate is None else "as asked"
        found = {**self.device.reasons, "learning_rate": f"{self.learning_rate:g}: {rate}"}
        return {**found, "model": self.source.reason, **self.material.reasons(), **self.notes}

    def events(self, folder: RunFolder, stop: threading.Event) -> Iterator[Event]:
        """The run, in order. Ends early when `stop` is set or a step is not finite."""
        trainer = self.trainer = self._build()
        yield self._started(trainer, folder)
        try:
            yield from self._judged_steps(trainer, folder, stop)
        except StoppedError:
            yield from self.stopped(folder, "stop was asked for")

    def _judged_steps(self, trainer: Trainer, folder: RunFolder, stop: threading.Event) -> Iterator[Event]:
        """The evaluation before, the steps, the evaluation after and the artifact."""
        if self.checkpoint is None:
            yield self._evaluate(trainer, stop)
        if not (yield from self._steps(trainer, folder, stop)):
            return
        judged = self._evaluate(trainer, stop)
        yield judged
        if not math.isfinite(judged.eval_loss):
            yield self._diverged(trainer, folder, judged.step)
            return
        artifact = save_artifact(trainer.model, self.tokenizer, folder.path)
        yield Ended(trainer.step, "finished", "all steps are done", str(artifact), folder_bytes(artifact))

    def _started(self, trainer: Trainer, folder: RunFolder) -> Started:
        parameters, plan = count_parameters(trainer.model), self.plan()
        trainer.largest_batch = plan.shape.batch_size * plan.shape.length
        counts = (parameters.trainable, parameters.total)
        reasons = {**self.reasons(), "memory": plan.summary}
        return Started(trainer.step, self.config.max_steps, *counts, reasons, str(folder.path), plan.components)

    def _steps(self, trainer: Trainer, folder: RunFolder, stop: threading.Event) -> Generator[Event, None, bool]:
        """The steps with their checkpoints; returns whether all were done."""
        for stepped in trainer.steps(self.batches(trainer.step)):
            if stepped.grad_norm == 0 and stepped.loss > DEAD_LOSS:
                trainer.diverged = True
                self.fault = f"no gradient was left at step {stepped.step}: within the model, numbers had overflowed"
            yield stepped
            if trainer.diverged:
                yield self._diverged(trainer, folder)
                return False
            if stop.is_set() and trainer.step < self.config.max_steps:
                yield from self.stopped(folder, "stop was asked for")
                return False
            if not (yield from self._between(trainer, folder, stop)):
                return False
        if trainer.ledger is not None and trainer.ledger.curve is not None:
            folder.keep_curve(trainer.ledger.curve)
        return True

    def _between(self, trainer: Trainer, folder: RunFolder, stop: threading.Event) -> Generator[Event, None, bool]:
        """After a step: a checkpoint and a look at the loss, where they are due; returns whether that is finite."""
        step, last = trainer.step, self.config.max_steps
        if step == last or step % (self.config.save_steps or math.inf) == 0:
            yield Saved(step, str(checkpoints.save(trainer, folder.checkpoints)))
        if step == last or step % (self.config.eval_steps or math.inf):
            return True
        judged = self._evaluate(trainer, stop, whole=False)
        yield judged
        if not math.isfinite(judged.eval_loss):
            yield self._diverged(trainer, folder, judged.step)
            return False
        return True

    def batches(self, done: int = 0) -> Iterator[Batch]:
        """The run's batches in order, from the first one after `done` steps."""
        skip = done * self.config.gradient_accumulation_steps
        return self.material.batches(self.pad, skip)

    def plan(self) -> Plan:
        """What the run's largest batch will need, predicted from the base's configuration alone.

        Of a very long run only the first batches are looked at: they hold the longest examples more than once.
        """
        batches = islice(
            self.batches(), min(MOST_PLANNED, self.config.max_steps * self.config.gradient_accumulation_steps)
        )
        return plan_of_run(load_config(self.source), self.method, self.device, self.config, batches)

    def stopped(self, folder: RunFolder, reason: str) -> Iterator[Event]:
        """Save where the run stands: a checkpoint to go on from and the artifact to try."""
        trainer = self.trainer
        if trainer is None or trainer.step == 0:
            yield Ended(0, "stopped", f"{reason} before the first step", None, 0)
            return
        if trainer.diverged:  # left at the very step that was not finite: there is nothing to save
            yield self._diverged(trainer, folder)
            return
        yield Saved(trainer.step, str(checkpoints.save(trainer, folder.checkpoints)))
        artifact = save_artifact(trainer.model, self.tokenizer, folder.path)
        why = f"{reason} after step {trainer.step} of {self.config.max_steps}; resume {folder.path} to go on from there"
        yield Ended(trainer.step, "stopped", why, str(artifact), folder_bytes(artifact))

    def _build(self) -> Trainer:
        model = build(self.source, self.method, self.device, self.config.seed)
        accelerator = Accelerator(mixed_precision=self.device.mixed_precision, cpu=self.device.kind == "cpu")
        trainer = Trainer(model, self.config, self.learning_rate, accelerator)
        if self.checkpoint is not None:
            checkpoints.restore(trainer, self.checkpoint)
        return trainer

    def _evaluate(self, trainer: Trainer, stop: threading.Event, *, whole: bool = True) -> Evaluated:
        return evaluate(trainer.model, self.tokenizer, self.material, trainer.step, stop, whole=whole)

    def _diverged(self, trainer: Trainer, folder: RunFolder, judged: int | None = None) -> Ended:
        """The end of a run that is no longer finite, with the artifact of the last checkpoint that is known good.

        One that was taken where the faulty step or evaluation started holds what made it fail, and is not.
        """
        step, bad = trainer.step, trainer.step - 1 if judged is None else judged
        what = self.fault or f"the loss or its gradient was not finite at step {step}"
        if judged is not None:
            what = f"the evaluation loss was not finite after step {step}"
        good = [kept for kept in checkpoints.complete(folder.checkpoints) if checkpoints.step_of(kept) < bad]
        if not good:
            return Ended(step, "diverged", f"{what}; there was no good checkpoint yet", None, 0)
        checkpoints.restore(trainer, good[0])
        artifact = save_artifact(trainer.model, self.tokenizer, folder.path)
        kept = f"the last good checkpoint, {good[0].name}, is kept, and the artifact is made from it"
        return Ended(step, "diverged", f"{what}; {kept}", str(artifact), folder_bytes(artifact))
