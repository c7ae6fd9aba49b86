"""Where an answer is given: radio buttons, checkboxes, a line with a unit, or a box for a text."""

import asyncio
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from finetune_lab.quiz.attempts import Attempt
from finetune_lab.quiz.bank import Question
from finetune_lab.quiz.reading import Labelled
from finetune_lab.views.quiz.markup import label, plain

WIDE = {"description_width": "initial"}
AFTER_ENTER = 0.1  # seconds: a line's last value follows right behind its Enter


class Field:
    """The widgets of one question's answer. `given` is what they hold; `on_enter` is called after Enter in a line."""

    def __init__(self, question: Question, labels: Labelled, on_enter: Callable[[], None]) -> None:
        self._question, self._labels, self._on_enter = question, labels, on_enter
        if question.kind == "multi":
            self._parts = [_checkbox(f"{letter}) {choice.text}") for letter, choice in labels.items()]
        elif labels:
            self._parts = [_radios(labels)]
        else:
            self._parts = [_line() if question.number else _box()]
        unit = [widgets.Label(question.number.unit)] if question.number and question.number.unit else []
        self.box = widgets.HBox([*self._parts, *unit]) if question.number else widgets.VBox(self._parts)
        self.box.add_class("ftq-field")
        if question.number:
            self._parts[0].on_msg(self._heard)

    @property
    def given(self) -> Any:
        """The answer as it stands."""
        if self._question.kind == "multi":
            chosen = zip(self._parts, self._labels.values(), strict=True)
            return [choice.id for part, choice in chosen if part.value]
        value = self._parts[0].value
        return value if value is not None else ""

    def show(self, attempt: Attempt | None, *, is_open: bool) -> None:
        """Put an earlier answer into the field; one that is closed can't be changed."""
        if attempt is not None:
            self._put(attempt.answer)
        for part in self._parts:
            part.disabled = not is_open

    def focus(self) -> None:
        """Put the keyboard where the answer is given, in frontends that can do so (ipywidgets 8)."""
        if not self._parts[0].disabled and hasattr(self._parts[0], "focus"):
            self._parts[0].focus()

    def _put(self, answer: Any) -> None:
        ids = answer if isinstance(answer, list) else [answer]
        if self._question.kind == "multi":
            for part, choice in zip(self._parts, self._labels.values(), strict=True):
                part.value = choice.id in ids
        elif self._labels:
            self._parts[0].value = next((c.id for c in self._labels.values() if c.id in ids), None)
        else:
            self._parts[0].value = str(answer)

    def _heard(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Enter comes as a message of its own, just before the value that was typed."""
        if not isinstance(content, dict) or content.get("event") != "submit":
            return
        try:
            asyncio.get_running_loop().call_later(AFTER_ENTER, self._on_enter)
        except RuntimeError:
            self._on_enter()


def _radios(labels: Labelled) -> Any:
    # an empty default: nothing is chosen before the learner chooses
    options = [(plain(f"{letter}) {choice.text}"), choice.id) for letter, choice in labels.items()]
    return widgets.RadioButtons(options=options, value=None, layout={"width": "auto"})


def _checkbox(text: str) -> Any:
    return widgets.Checkbox(value=False, description=label(text), indent=False, layout={"width": "auto"})


def _line() -> Any:
    return widgets.Text(
        description="Your answer",
        placeholder="a number",
        continuous_update=False,
        layout={"width": "300px"},
        style=WIDE,
    )


def _box() -> Any:
    return widgets.Textarea(
        description="Your answer", placeholder="a few sentences", continuous_update=False, rows=5, style=WIDE,
        layout={"width": "100%"},
    )  # fmt: skip
