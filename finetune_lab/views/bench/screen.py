"""The panel in a notebook: it follows a tune by a renderer, forecasts what is set, and leaves the result in the cell.

kernel's main thread: widgets are made and clicked        renderer: HTML values, buttons on and off
forecast thread: one HTML value                           worker: knows nothing of any of this
"""

import weakref
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from IPython.display import display

from finetune_lab.bench.current import Followed
from finetune_lab.bench.snapshot import Snapshot
from finetune_lab.bench.worker import Worker
from finetune_lab.errors import LabError
from finetune_lab.tuning.run import load_run
from finetune_lab.views.bench import markup
from finetune_lab.views.bench.audience import kernel
from finetune_lab.views.bench.forecast_card import forecast_pages
from finetune_lab.views.bench.keepsake import Keepsake
from finetune_lab.views.bench.newest import Newest
from finetune_lab.views.bench.panel import Action, Panel
from finetune_lab.views.bench.renderer import Renderer
from finetune_lab.views.bench.result_card import Expected, result_html
from finetune_lab.views.page import script

# Sizes that no combination of sizes before gives: bench/interpolation.py traces each once, and one more as a check.
SIZES = (("r", 1), ("r", 128), ("batch_size", 4), ("batch_size", 2), ("max_length", 64), ("r", 16))
LIKELY: tuple[dict[str, int], ...] = tuple({name: size} for name, size in SIZES)
DETACHED = "Detached: a newer panel follows this run. Run this cell again to follow it here."
_screens: "weakref.WeakSet[Screen]" = weakref.WeakSet()  # of this process


class Screen:
    """One panel, shown in the cell that made it; `follow` draws a tune until it is over or another screen takes it."""

    def __init__(self, settings: Mapping[str, Any], folder: Path, actions: Mapping[str, Action]) -> None:
        guarded = {name: self._guarded(name, action) for name, action in actions.items()}
        self._folder = folder
        self._forecasts = Newest[dict[str, Any]](self._forecast)
        self.panel = Panel(settings, folder, guarded, self._ask)
        self._keepsake: Keepsake | None = None
        self._shown_in: int | None = None
        self._renderer: Renderer | None = None
        self._settled: set[Path] = set()
        self._listed: tuple[Path, ...] = ()
        self._cold = list(LIKELY)
        self._expected = Expected("", ())
        _screens.add(self)
        self._ask()

    def show(self) -> None:
        """Display the panel in the present cell, unless it stands there already."""
        shell = kernel()
        cell = shell.execution_count if shell is not None else None
        if cell is not None and cell == self._shown_in:
            return
        self._shown_in = cell
        display(self.panel.box)  # type: ignore[no-untyped-call]
        self._keepsake = Keepsake(script())

    def follow(self, target: Worker | Followed) -> None:
        """Draw a tune from now on; whichever screen drew it before says that it is detached."""
        for other in list(_screens):
            if other is not self:
                other.detach()
        if self._renderer is not None:
            self._renderer.leave()
        self.panel.banner.value = ""
        self._expected = self.panel.expected()
        self._renderer = Renderer(target.snapshot, self._draw, self._broken)
        self._renderer.start()

    @property
    def _drawing(self) -> bool:
        return self._renderer is not None and not self._renderer.done.is_set()

    def detach(self) -> None:
        """Draw no more, if this is drawing something."""
        if self._renderer is not None and self._drawing:
            self._renderer.leave()
            self.panel.retire(DETACHED)

    def settle(self, now: Snapshot) -> None:
        """What an end needs the main thread for: the table of runs, the result, the picture that stays."""
        fresh = [folder for folder in now.folders if (folder / "run.json").is_file()]
        if self._renderer is not None:
            self._renderer.done.wait(5.0)
        if not fresh or set(fresh) <= self._settled:
            return
        self._settled |= set(fresh)
        runs = [load_run(folder) for folder in fresh]
        self.panel.result.value = result_html(runs, self._expected)
        self.panel.runs.refresh(tuple(folder.name for folder in fresh))
        if self._keepsake is not None:
            self._keepsake.fill(runs)

    def _draw(self, now: Snapshot) -> int:
        """By the renderer's thread."""
        stopped = now.state in ("stopped", "interrupted") and now.run_dir is not None
        resumable = stopped and bool(Followed(now.run_dir).resumable) if now.run_dir else False
        self.panel.show_buttons(now, resumable=resumable)
        sent = self.panel.live.draw(now)
        if now.folders != self._listed and self._keepsake is not None:
            self._listed = now.folders
            self._keepsake.later(self.panel.runs.refresh)
        if not now.live and now.state != "being_written" and self._keepsake is not None:
            self._keepsake.later(lambda: self.settle(now))
        return sent

    def _broken(self, error: Exception) -> None:
        fault = f"{type(error).__name__}: {error}"
        words = f"The panel can't draw any more: {fault}. The tune goes on; lab.attach() follows it."
        self.panel.banner.value = f'<div class="ftl-banner">{markup.note(words)}</div>'

    def _guarded(self, name: str, action: Action) -> Action:
        def call() -> None:
            self.panel.refuse("")
            try:
                self.panel.require_guess(name)
                action()
            except LabError as error:
                self.panel.refuse(str(error))

        return call

    def _ask(self) -> None:
        """Forecast the settings as they are now."""
        self.panel.await_forecast()
        self._forecasts.ask(dict(self.panel.form.settings))

    def _forecast(self, settings: dict[str, Any]) -> None:
        for html, highest_rank in forecast_pages(settings, self._folder):
            if self._forecasts.overtaken():
                return
            self.panel.show_forecast(html)
            if highest_rank is not None and self._keepsake is not None:
                self._keepsake.later(partial(self.panel.form.limit_rank, highest_rank))
        self._warm(settings)

    def _warm(self, settings: dict[str, Any]) -> None:
        """Trace what the sliders are likely to ask for, while nothing else is to do: then they are answered at once."""
        while self._cold and not self._forecasts.overtaken() and not self._drawing:
            list(forecast_pages({**settings, **self._cold.pop(0)}, self._folder))
