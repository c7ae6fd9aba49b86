"""One question as widgets: prompt, field, confidence, a button, and the feedback below it.

The widgets stay when another question is asked; only their values and the field change. So the keyboard's place, which
is on the button, is kept.
"""

from collections.abc import Callable

import ipywidgets as widgets

from finetune_lab.errors import LabError
from finetune_lab.quiz.attempts import Attempt
from finetune_lab.quiz.feedback import Feedback
from finetune_lab.quiz.session import QuizSession
from finetune_lab.views.quiz.fields import Field
from finetune_lab.views.quiz.wording import feedback_html, prompt_html

UNSAID = -1  # None would show nothing at all
CONFIDENCE = [
    ("say, if you like", UNSAID), ("25 %: a guess", 25), ("50 %: unsure", 50), ("75 %: fairly sure", 75),
    ("95 %: sure", 95),
]  # fmt: skip


class Card:
    """Asks one question at a time. `on_change` is called after an answer, `on_next` by the button of a closed one."""

    def __init__(self, session: QuizSession, on_change: Callable[[], None], on_next: Callable[[], None] | None) -> None:
        self._session, self._on_change, self._on_next = session, on_change, on_next
        self.name = ""
        self._prompt, self._feedback = widgets.HTML(), widgets.HTML()
        self._place = widgets.VBox()
        self._confidence = widgets.Dropdown(
            options=CONFIDENCE, value=UNSAID, description="How sure are you?", style={"description_width": "initial"}
        )
        self._button = widgets.Button(description="Check", tooltip="Check your answer")
        self._button.add_class("ftq-main")
        self._button.on_click(lambda _button: self._pressed())
        row = widgets.HBox([self._confidence, self._button])
        row.add_class("ftq-actions")
        self.box = widgets.VBox([self._prompt, self._place, row, self._feedback])
        self.box.add_class("ftq-card")

    def ask(self, name: str) -> None:
        """Show a question as it stands."""
        self.name = name
        question = self._session.bank[name]
        self._field = Field(question, self._session.labels(question), self._entered)
        self._place.children = [self._field.box]
        self.draw(fill=True)

    def draw(self, said: Feedback | None = None, *, fill: bool = False) -> None:
        """Bring everything to what the session knows; an answer in the making stays, unless `fill` or it is closed."""
        question, standing = self._session.bank[self.name], self._session.standing(self.name)
        self._prompt.value = prompt_html(self._session, question)
        feedback = said or self._session.feedback(self.name)
        if feedback is None and not standing.is_open:
            feedback = Feedback(self.name, None, reasons=(standing.why_closed,))
        self._feedback.value = feedback_html(feedback)
        kept = standing.seen[-1] if standing.seen and not standing.due else None
        self._field.show(kept if fill or not standing.is_open else None, is_open=standing.is_open)
        self._show_confidence(kept, is_open=standing.is_open, afresh=fill or bool(said and said.verdict))
        self._button.description = self._caption(is_open=standing.is_open, again=bool(kept))
        self._button.disabled = not standing.is_open and self._on_next is None

    def _show_confidence(self, kept: Attempt | None, *, is_open: bool, afresh: bool) -> None:
        """What was said of a closed one; asked afresh after each answer that was taken."""
        if afresh or not is_open:
            said = kept.confidence if kept and not is_open else None
            self._confidence.value = said if said in [value for _, value in CONFIDENCE] else UNSAID
        self._confidence.disabled = not is_open

    def _caption(self, *, is_open: bool, again: bool) -> str:
        if is_open:
            return "Check again" if again else "Check"
        if self._on_next is None:
            return "Closed"
        return "Next question" if self._session.next_question(self.name) else "Summary"

    def _entered(self) -> None:
        if self._session.standing(self.name).is_open:
            self._check()
            if hasattr(self._button, "focus"):
                self._button.focus()  # the line may be closed now

    def _pressed(self) -> None:
        if self._session.standing(self.name).is_open:
            self._check()
        elif self._on_next is not None:
            self._on_next()

    def _check(self) -> None:
        sure = None if self._confidence.value == UNSAID else self._confidence.value
        try:
            said = self._session.answer(self.name, self._field.given, sure)
        except LabError as error:  # the runs or the progress file are not what they were
            said = Feedback(self.name, None, reasons=(str(error),))
        self.draw(said)
        self._on_change()
