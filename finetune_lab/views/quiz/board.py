"""The widgets of a quiz: a head with the way through, one card or all of them, and the summary."""

from html import escape
from importlib.resources import files
from typing import Any

import ipywidgets as widgets

from finetune_lab.quiz.session import QuizSession
from finetune_lab.views.page import script
from finetune_lab.views.quiz.card import Card
from finetune_lab.views.quiz.summary import summary_of
from finetune_lab.views.quiz.wording import FROM_MEMORY, MARKS, kept_line, progress_line


class Board:
    """`box` is what a cell shows; `draw` brings it to what the session knows."""

    def __init__(self, session: QuizSession, *, all_at_once: bool) -> None:
        self._session, self._all, self._listing = session, all_at_once, False
        self._head, self._summary = widgets.HTML(), widgets.HTML()
        self._jump = widgets.Dropdown(description="Go to", style={"description_width": "initial"})
        self._open = widgets.ToggleButton(description="Summary", tooltip="Points, readiness, reviews, calibration")
        if all_at_once:
            self._cards = [Card(session, self.draw, None) for _ in session.questions]
        else:
            self._cards = [Card(session, self.draw, self.go_on)]
        row = widgets.HBox([self._open] if all_at_once else [*self._turns(), self._open, self._jump])
        row.add_class("ftq-row")
        cards = widgets.VBox([card.box for card in self._cards])
        self.box = widgets.VBox([widgets.HTML(style()), self._head, row, cards, self._summary, _script()])
        self.box.add_class("ftq")
        self._begin()
        self._jump.observe(self._jumped, names="value")
        self._open.observe(lambda _change: self.draw_summary(), names="value")

    def show(self, name: str) -> None:
        """Ask this question; where all are shown, bring it up to date."""
        if not self._all:
            self._cards[0].ask(name)
        self.draw()

    def draw(self) -> None:
        """Bring head, list and summary up to date; the cards bring themselves."""
        self._head.value = head(self._session)
        if not self._all:
            entries = [(entry(self._session, at, one.id), one.id) for at, one in enumerate(self._session.order(), 1)]
            self._list(entries, self._cards[0].name)
        self.draw_summary()

    def redraw(self) -> None:
        """The same, after an answer that was given by a call."""
        for card in self._cards:
            card.draw()
        self.draw()

    def draw_summary(self) -> None:
        """Fill or empty the summary."""
        shown = f'<div class="ftq-summary">{summary_of(self._session)._repr_html_()}</div>'
        self._summary.value = shown if self._open.value else ""

    def go_on(self) -> None:
        """The next question that can be answered; after the last, the summary."""
        following = self._session.next_question(self._cards[0].name)
        if following is None:
            self._open.value = True
        else:
            self._cards[0].ask(following.id)
            self.draw()
            if hasattr(self._jump, "focus"):  # ipywidgets 8
                self._jump.focus()  # names the new question, and the next Tab is its first choice

    def _turns(self) -> list[Any]:
        made = []
        for caption, step in (("Previous", -1), ("Next", 1)):
            button = widgets.Button(description=caption, tooltip=f"{caption} question")
            button.on_click(lambda _button, step=step: self._turn(step))
            made.append(button)
        return made

    def _begin(self) -> None:
        order = self._session.order()
        if self._all:
            for card, question in zip(self._cards, order, strict=True):
                card.ask(question.id)
        else:
            self._cards[0].ask((self._session.next_question() or order[0]).id)
        self.draw()

    def _list(self, entries: list[tuple[str, str]], chosen: str) -> None:
        """Put the entries into the list; it reports a choice of its own while it has none of ours."""
        self._listing = True
        try:
            if tuple(self._jump.options) != tuple(entries):
                self._jump.options = entries
            self._jump.value = chosen
        finally:
            self._listing = False

    def _turn(self, step: int) -> None:
        names = [question.id for question in self._session.order()]
        self.show(names[(names.index(self._cards[0].name) + step) % len(names)])

    def _jumped(self, change: dict[str, Any]) -> None:
        if not self._listing and change["new"] is not None:
            self.show(change["new"])


def _script() -> Any:
    """The page's script, as an output within the panel: one in the cell would stay in the saved notebook."""
    output = {"output_type": "display_data", "data": {"application/javascript": script()}, "metadata": {}}
    return widgets.Output(outputs=(output,), layout={"display": "none"})


def style() -> str:
    """The style sheet, scoped to the quiz."""
    return f"<style>{files(__package__).joinpath('quiz.css').read_text(encoding='utf-8')}</style>"


def entry(session: QuizSession, place: int, name: str) -> str:
    """A question in the list: `✓ 4 quick-qlora`, a circle before the ones without an answer."""
    standing = session.standing(name)
    mark = "↻" if standing.due else "■" if standing.locked else MARKS[standing.verdict]
    return f"{mark} {place} {name}"


def head(session: QuizSession) -> str:
    """Title, progress as a bar and in words, and what the learner should know about where answers are kept."""
    asked, answered = len(session.questions), session.answered()
    notes = [*session.progress.notes, *([session.progress.trouble] if session.progress.trouble else [])]
    said = "".join(f'<p class="ftq-warning">! {escape(note)}</p>' for note in notes)
    memory = f'<p class="ftq-memory">{escape(FROM_MEMORY)}</p>' if session.asked.from_memory else ""
    return (
        f"<h3>{escape(session.bank.title)}</h3>"
        f'<p class="ftq-meta" title="{escape(kept_line(session))}">{escape(progress_line(session))}</p>'
        f'<progress aria-label="questions answered" value="{answered}" max="{asked}">{answered} of {asked}</progress>'
        f"{said}{memory}"
    )
