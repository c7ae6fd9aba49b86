"""The controls as widgets, made from the engine's list: label, field, and beside it what there is to say about it.

What does not apply is disabled, and the reason stands where the remark stood: nothing appears or moves.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets

from finetune_lab.bench.controls import rate_words, scale_words
from finetune_lab.bench.settings import Control, control, controls, default_settings, why_disabled, with_change
from finetune_lab.views.bench import markup
from finetune_lab.views.bench.live_card import changed

LABEL_WIDTH = "118px"
SHORT = 16  # letters of all choices together: then they are all shown at once, on one line


class ControlForm:
    """Widgets for some settings. `settings` are the values now; `on_change` is called after each of the learner's."""

    def __init__(self, settings: Mapping[str, Any], on_change: Callable[[], None]) -> None:
        self.settings = {**default_settings(), **settings}
        self._on_change = on_change
        self._quiet = False
        self._fields = {item.name: made(item, self.settings[item.name]) for item in controls()}
        self._notes = {item.name: widgets.HTML() for item in controls()}
        self.front = widgets.VBox([self._row(item.name) for item in controls() if not item.more])
        self.more = widgets.VBox([self._row(item.name) for item in controls() if item.more])
        for name, field in self._fields.items():
            field.observe(lambda change, name=name: self._changed(name, change["new"]), names="value")
        self._show()

    def set(self, settings: Mapping[str, Any]) -> None:
        """Show other settings: a preset, or those of a run."""
        self.settings = {**default_settings(), **settings}
        self._show()
        self._on_change()

    def limit_rank(self, highest: int) -> None:
        """Offer no rank that the model's smallest layer can't use."""
        field, now = self._fields["r"], self.settings["r"]
        offered = tuple(rank for rank in ranks(control("r"), now) if rank <= highest or rank == now)
        if offered != tuple(field.options):
            self._quiet = True
            field.options = offered
            field.value = now
            self._quiet = False

    def _changed(self, name: str, value: Any) -> None:
        if self._quiet:
            return
        try:
            self.settings = with_change(self.settings, name, read(control(name), value))
        except ValueError:
            changed(self._notes[name], markup.note(f"{value!r} is no number"))
            return
        self._show()
        self._on_change()

    def _show(self) -> None:
        """Bring fields and remarks to the settings."""
        self._quiet = True
        try:
            for name, field in self._fields.items():
                put(field, self.settings[name])
                why = why_disabled(name, self.settings)
                field.disabled = bool(why)
                changed(self._notes[name], markup.note(*self._remark(name, why)))
        finally:
            self._quiet = False

    def _remark(self, name: str, why: str) -> tuple[str, str]:
        """A short remark and its longer form."""
        if why:
            return why.split(":", maxsplit=1)[0], why
        if name == "lora_alpha":
            return scale_words(self.settings), control(name).help
        if name == "learning_rate":
            return rate_words(self.settings), control(name).help
        return ("" if name == "method" else briefly(control(name).help)), control(name).help

    def _row(self, name: str) -> widgets.Box:
        row = widgets.Box([self._fields[name], self._notes[name]])
        row.add_class("ftl-control")
        return row


def briefly(text: str) -> str:
    """A field's help without the name it begins with and without what it adds: the tooltip has it all."""
    return text.split(";", maxsplit=1)[0].split(": ", maxsplit=1)[-1]


def made(item: Control, value: Any) -> Any:
    """The widget for a control, with its name and its help."""
    common = {"description": item.label, "style": {"description_width": LABEL_WIDTH}}
    field = _field(item, value, common)
    tooltip = "tooltip" if "tooltip" in field.trait_names() else "description_tooltip"  # ipywidgets 8, and 7
    setattr(field, tooltip, item.help)
    return field


def _field(item: Control, value: Any, common: dict[str, Any]) -> Any:
    if item.kind == "choice":
        letters = sum(len(str(choice)) for choice in item.choices)
        kind = widgets.RadioButtons if letters <= SHORT else widgets.Dropdown
        return kind(options=list(item.choices), value=value, **common)
    if item.kind == "switch":
        return widgets.Checkbox(value=value, indent=True, **common)
    if item.name == "r":
        return widgets.SelectionSlider(options=ranks(item, value), value=value, **common)
    if item.kind == "integer" and not item.optional:
        low, high = int(item.low or 0), int(item.high) if item.high else 2**31 - 1
        return widgets.BoundedIntText(value=value, min=low, max=max(high, value), **common)
    if item.choices:
        return widgets.Combobox(options=list(item.choices), value=written(value), ensure_option=False, **common)
    empty = "the method's own" if item.kind == "number" else ""
    return widgets.Text(value=written(value), placeholder=empty, continuous_update=False, **common)


def ranks(item: Control, value: int) -> list[int]:
    """Powers of two in the slider's range, and the value itself where it is another."""
    low, high = int(item.low or 1), int(item.high or 128)
    powers = range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)
    return sorted({*(2**power for power in powers), value})


def written(value: Any) -> str:
    """A value as it stands in a text field; None is empty."""
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def read(item: Control, value: Any) -> Any:
    """What a field's value means to the configuration.

    Raises:
        ValueError: it is no number where one is needed.
    """
    if not isinstance(value, str) or item.kind in ("choice", "text"):
        return None if item.optional and value == "" else value
    text = value.strip()
    if item.optional and not text:
        return None
    return int(text) if item.kind == "integer" else float(text)


def put(field: Any, value: Any) -> None:
    """Show a value in a field."""
    if isinstance(field, widgets.SelectionSlider) and value not in field.options:
        field.options = tuple(sorted({*field.options, value}))
    if isinstance(field, widgets.BoundedIntText) and value > field.max:
        field.max = value
    shown = written(value) if isinstance(field, widgets.Text) else value
    if field.value != shown:
        field.value = shown
