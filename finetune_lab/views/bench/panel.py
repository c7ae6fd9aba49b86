"""The panel's widgets in their places. It decides nothing: it calls what it is given, shows what it is told."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from finetune_lab.bench.controls import PRESETS
from finetune_lab.bench.settings import default_settings
from finetune_lab.bench.snapshot import Snapshot
from finetune_lab.errors import ConfigError
from finetune_lab.views.bench import markup
from finetune_lab.views.bench.form import ControlForm
from finetune_lab.views.bench.guess_card import GuessCard
from finetune_lab.views.bench.live_card import LiveCard, card, changed
from finetune_lab.views.bench.result_card import Expected
from finetune_lab.views.bench.runs_card import RunsCard, row

Action = Callable[[], None]
BUTTONS = {
    "run": ("Run", "tune with these settings, in the background"),
    "pause": ("Pause", "hold after the step in progress"),
    "resume": ("Resume", "go on after a pause, or from the last checkpoint of a run that was stopped"),
    "stop": ("Stop", "end after the step in progress, saved"),
    "race": ("Race all three", "full, LoRA and QLoRA one after the other: same data, seed and steps"),
}
OWN = "settings of your own"


class Panel:
    """All widgets of the bench; `box` is what is displayed."""

    def __init__(self, settings: Mapping[str, Any], folder: Path, actions: Mapping[str, Action], asked: Action) -> None:
        self._asked = asked
        self.form = ControlForm(settings, self._changed)
        self.live, self.runs = LiveCard(), RunsCard(folder)
        self.guess = GuessCard(asked)
        self.forecast, self.result, self.banner, self.refusal = (widgets.HTML() for _ in range(4))
        self.buttons = {name: button(name, actions[name]) for name in BUTTONS}
        self.guess_first = widgets.ToggleButton(description="Guess first", value=False)
        self.guess_first.observe(lambda _: self._changed(), names="value")
        self._preset = widgets.Dropdown(options=[OWN, *(preset.name for preset in PRESETS)], description="preset")
        self._preset.style.description_width = "initial"
        self._preset.observe(lambda change: self._take(change["new"]), names="value")
        self.box = self._layout()
        self.live.draw(Snapshot())
        self.show_buttons(Snapshot(), resumable=False)

    @property
    def hidden(self) -> bool:
        """Whether a guess is still to be made before the forecast is shown."""
        return bool(self.guess_first.value) and not self.guess.guesses

    def expected(self) -> Expected:
        """What the learner has set and guessed, as it stands when a run begins."""
        return Expected(str(self.form.settings["method"]), self.guess.guesses)

    def require_guess(self, action: str) -> None:
        """Refuse to start before a guess, where one is to come first.

        Raises:
            ConfigError: it is still to be made.
        """
        if self.hidden and action in ("run", "race"):
            raise ConfigError("The guess comes first.", "Commit one, or switch it off.")

    def show_forecast(self, html: str) -> None:
        """Show the forecast, or the questions that come before it."""
        hidden = self.hidden
        self.guess.box.layout.display = None if self.guess_first.value else "none"
        self.forecast.layout.display = "none" if hidden else None
        changed(self.forecast, html)
        self.forecast.remove_class("ftl-stale")

    def await_forecast(self) -> None:
        """A control has moved: what the forecast says is of before, and is seen to be."""
        self.forecast.add_class("ftl-stale")

    def show_buttons(self, now: Snapshot, *, resumable: bool) -> None:
        """Enable what can be done now. Run stays enabled: a second one is refused with the reason."""
        usable = {
            "pause": now.state in ("starting", "running"),
            "resume": now.state in ("pausing", "paused") or resumable,
            "stop": now.live and now.state != "stopping",
        }
        for name, able in usable.items():
            if self.buttons[name].disabled is able:
                self.buttons[name].disabled = not able

    def refuse(self, text: str) -> None:
        """Say why something was not done; nothing where it was."""
        words = markup.note(text).replace("ftl-note", "ftl-note ftl-warning")
        changed(self.refusal, words if text else "")

    def retire(self, text: str) -> None:
        """Say why this panel is drawn no more, and take its buttons away."""
        self.banner.value = f'<div class="ftl-banner">{markup.note(text)}</div>'
        for one in self.buttons.values():
            one.disabled = True

    def _changed(self) -> None:
        self.guess.restart()
        self._asked()

    def _take(self, name: str) -> None:
        preset = next((preset for preset in PRESETS if preset.name == name), None)
        if preset is not None:
            self.form.set({**self.form.settings, **preset.settings})
            self.refuse("")

    def _reset(self) -> None:
        self._preset.value = OWN
        self.form.set(default_settings())

    def _layout(self) -> Any:
        words = "<h2>Fine-tuning bench</h2>" + markup.note("choose · look at the forecast · run · compare")
        reset = widgets.Button(description="Reset")
        reset.on_click(lambda _: self._reset())
        head = row(widgets.HTML(words), self._preset, reset, self.guess_first)
        head.add_class("ftl-head")
        more = disclosure("More settings", self.form.more)
        controls = card(widgets.HTML(markup.title("Settings")), self.form.front, *more)
        forecast = card(self.guess.box, self.forecast)
        forecast.add_class("ftl-forecast")
        columns = widgets.Box([controls, forecast])
        columns.add_class("ftl-columns")
        self.refusal.add_class("ftl-refusal")
        bar = row(*self.buttons.values(), self.refusal)
        values = disclosure("Last values as a table", self.live.values)
        style = widgets.HTML(markup.style())
        style.add_class("ftl-style")
        parts = [style, self.banner, head, columns, bar, self.live.box, *values, self.result]
        box = widgets.VBox([*parts, self.runs.box])
        box.add_class("ftl-bench")
        return box


def button(name: str, action: Action) -> widgets.Button:
    """One of the panel's buttons: words, never a picture alone."""
    text, tooltip = BUTTONS[name]
    made = widgets.Button(description=text, tooltip=tooltip)
    made.on_click(partial(_call, action))
    if name == "run":
        made.add_class("ftl-primary")
    return made


def _call(action: Action, _: widgets.Button) -> None:
    action()


def disclosure(text: str, inside: Any) -> tuple[Any, Any]:
    """A button that shows and hides a part. ipywidgets' own accordion can't be opened from the keyboard."""
    toggle = widgets.ToggleButton(description=f"▸ {text}", value=False)
    toggle.add_class("ftl-disclosure")
    inside.layout.display = "none"

    def turned(change: dict[str, Any]) -> None:
        inside.layout.display = None if change["new"] else "none"
        toggle.description = f"{'▾' if change['new'] else '▸'} {text}"

    toggle.observe(turned, names="value")
    return toggle, inside
