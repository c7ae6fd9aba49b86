"""`Bench`: the instrument panel. Choose, look at the forecast, run, watch, compare.

bench = lab.Bench(data="tickets")      a cell with this shows the panel; `bench` in another cell shows it there
bench.run(); bench.wait()              what the buttons do, as calls; without a frontend they print and leave a PNG
lab.attach()                           draws the panel of a live or a finished run again
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune_lab.bench.controls import settings_of, settings_to_job
from finetune_lab.bench.current import RUNS, Followed, current
from finetune_lab.bench.current import attach as find
from finetune_lab.bench.run_table import RunTable
from finetune_lab.bench.settings import default_settings
from finetune_lab.bench.snapshot import Snapshot
from finetune_lab.bench.worker import Job, Worker
from finetune_lab.errors import ConfigError, RunError, listed
from finetune_lab.tuning.run import Run, load_run
from finetune_lab.views.bench import plain
from finetune_lab.views.bench.audience import kernel, watched

if TYPE_CHECKING:
    from finetune_lab.views.bench.screen import Screen


class Bench:
    """Controls, forecast, live charts and the table of runs; the buttons are these methods.

    Args:
        out: folder that run folders are made in.
        guess_first: ask for a guess before the forecast is shown.
        **settings: where the controls stand at first: `method="qlora", r=8, bits=4`, or fields of `TuneConfig`.

    Raises:
        ConfigError: a setting that does not exist; all are listed.
    """

    def __init__(self, *, out: Path | str = RUNS, guess_first: bool = False, **settings: Any) -> None:
        self._settings = checked(settings)
        self.out = Path(out)
        live = current()
        self._target: Worker | Followed | None = None
        self._screen = self._made(guess_first) if watched() else None
        if self._screen is not None:
            self._screen.show()
        if live is not None and not live.done.is_set():
            self._follow(live)

    @property
    def settings(self) -> dict[str, Any]:
        """Where the controls stand."""
        return dict(self._screen.panel.form.settings if self._screen is not None else self._settings)

    @property
    def snapshot(self) -> Snapshot:
        """The state of the run that is followed."""
        return self._target.snapshot() if self._target is not None else Snapshot()

    @property
    def table(self) -> RunTable:
        """All runs in the folder."""
        return RunTable(self.out)

    def run(self) -> None:
        """Tune with these settings: in the background where there is a panel, else to the end.

        Raises:
            LabError: another tune is running, or the settings are not possible.
        """
        self._start(settings_to_job(self.settings, self.out))

    def race(self) -> None:
        """Full, LoRA and QLoRA one after the other: same data, seed and steps; each at its own rate unless shared."""
        self._start(settings_to_job(self.settings, self.out, race=True))

    def pause(self) -> None:
        """Hold after the step in progress."""
        if isinstance(self._target, Worker):
            self._target.pause()

    def resume(self) -> None:
        """Go on after a pause, or from the last checkpoint of a run that was stopped or broken off.

        Raises:
            RunError: there is nothing to go on with.
        """
        now = self.snapshot
        if isinstance(self._target, Worker) and now.live:
            self._target.resume()
            return
        if now.run_dir is None or now.config is None or not Followed(now.run_dir).resumable:
            raise RunError("There is no run to go on with.", "Start a new one.")
        self._start(Job((), now.config, self.out, resume=now.run_dir))

    def stop(self) -> None:
        """End after the step in progress, saved."""
        if isinstance(self._target, Worker):
            self._target.stop()

    def wait(self) -> Run | None:
        """Wait for the end, for Run All; an interrupt stops the run, saved. Buttons don't work while a cell waits.

        Returns:
            The last run; None where none was started or none has begun.
        """
        if isinstance(self._target, Worker):
            now = self._target.wait()
            if self._screen is not None:
                self._screen.settle(now)
        runs = self.results
        return runs[-1] if runs else None

    @property
    def results(self) -> list[Run]:
        """The runs of the last start: one, or those of a race."""
        return [load_run(folder) for folder in self.snapshot.folders if (folder / "run.json").is_file()]

    def show_result(self) -> None:
        """Leave a picture and a table of the last runs in this cell, as ordinary output that stays in the file.

        Raises:
            RunError: nothing has run yet.
        """
        runs = [run for run in self.results if run.losses]
        if not runs:
            raise RunError("There is no result to show: no run has done a step.", "Run first.")
        if kernel() is None:
            plain.leave(runs)
            return
        from finetune_lab.views.bench.keepsake import show

        show(runs)

    def _start(self, job: Job) -> None:
        worker = Worker()
        worker.start(job)
        self._follow(worker)
        if self._screen is not None:
            return
        now = plain.narrate(worker)
        if now.error:
            raise RunError(now.error.rstrip(".") + ".", "Nothing after that step was saved.")
        if runs := [run for run in self.results if run.losses]:
            plain.leave(runs)
            if kernel() is not None:
                self.show_result()

    def _follow(self, target: Worker | Followed) -> None:
        self._target = target
        if self._screen is not None:
            self._screen.follow(target)

    def _made(self, guess_first: bool) -> "Screen":
        from finetune_lab.views.bench.screen import Screen

        names = ("run", "pause", "resume", "stop", "race")
        screen = Screen(self._settings, self.out, {name: getattr(self, name) for name in names})
        screen.panel.guess_first.value = guess_first
        return screen

    def _ipython_display_(self) -> None:
        if self._screen is not None:
            self._screen.show()
        else:
            plain.line(repr(self))

    def __repr__(self) -> str:
        now = self.snapshot
        return f"Bench({now.state}, step {now.step} of {now.max_steps}, out={str(self.out)!r})"


def attach(folder: Path | str | None = None) -> Bench:
    """The panel of a run: the one at work in this process, the newest in `runs/`, or the one in `folder`.

    After a page was reloaded or a kernel restarted, this draws it again: everything is on disk as it happens.

    Raises:
        RunError: there is no such run.
    """
    target = find(folder)
    now = target.snapshot()
    known: Mapping[str, Any] = settings_of(now.method, now.config) if now.method and now.config else {}
    bench = Bench(out=now.run_dir.parent if now.run_dir else RUNS, **known)
    bench._follow(target)
    return bench


def checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, if there are such.

    Raises:
        ConfigError: there are not; all are listed.
    """
    known = default_settings()
    faults = [f"There is no setting {name}." for name in settings if name not in known]
    if faults:
        raise ConfigError(listed(faults), f"There are: {', '.join(known)}.")
    return {**known, **settings}
