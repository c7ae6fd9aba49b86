"""`lab.Quiz`: the questions of a lesson, graded as they are answered; widgets or plain text over one session."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from IPython import get_ipython
from IPython.display import display

from finetune_lab.quiz.bank import Question
from finetune_lab.quiz.feedback import Feedback
from finetune_lab.quiz.loading import load_bank
from finetune_lab.quiz.own_runs import Named
from finetune_lab.quiz.review import Due
from finetune_lab.quiz.session import Asked, QuizSession
from finetune_lab.views.quiz.board import Board
from finetune_lab.views.quiz.summary import Summary, summary_of
from finetune_lab.views.quiz.wording import FROM_MEMORY, kept_line, progress_line, question_text

VIEW = "application/vnd.jupyter.widget-view+json"


class Quiz:
    """Questions to answer here and now. As the last line of a cell it shows itself; every call works without widgets.

        quiz = lab.Quiz("lesson")
        quiz.answer("quick-qlora", "b", confidence=75)
        quiz.summary()

    Answers are kept in the learner's own progress file and are there again after a reload, a restart, or in another
    notebook. With FINETUNE_LAB_UI=plain in the environment it shows itself as text even where widgets could be shown.

    Args:
        bank: a lesson's bank, such as `lesson`, or a TOML file.
        questions: ids of the questions to ask, in this order; all of them without it.
        all_at_once: show every question, not one after the other.
        from_memory: no hints, and nothing of earlier answers; the attempts are marked.
        student_seed: the seed that an instructor gave; it chooses the questions' numbers and the order of choices.
        runs: the run folders that questions about your own runs mean, or a folder of such; `runs/` without it.

    Raises:
        LabError: the bank has faults, a question or folder is not there, or the progress file can't be read.
    """

    def __init__(
        self, bank: str | Path = "lesson", *, questions: Sequence[str] | None = None, all_at_once: bool = False,
        from_memory: bool = False, student_seed: str = "", runs: Named = None,
    ) -> None:  # fmt: skip
        asked = Asked(tuple(questions or ()), student_seed, runs, from_memory)
        self.session = QuizSession(load_bank(bank), asked)
        self._all_at_once = all_at_once
        self._board: Board | None = None
        self._at = self._first().id

    @property
    def questions(self) -> list[str]:
        """The ids of the questions, due reviews first."""
        return [question.id for question in self.session.order()]

    def answer(self, question: str, answer: object, confidence: object = None) -> Feedback:
        """Answer a question: with a letter or id, several in a list, a number with or without unit, or a text.

        Args:
            question: its id.
            answer: what is answered; what can't be read uses up no attempt.
            confidence: how sure you are, in percent.

        Raises:
            LabError: there is no such question, or the confidence is no percentage.
        """
        feedback = self.session.answer(question, answer, confidence)
        if feedback.verdict is not None and not feedback.left:
            self._at = (self.session.next_question(question) or self.session.bank[question]).id
        if self._board is not None:
            self._board.redraw()
        return feedback

    def show(self, question: str | None = None) -> None:
        """Display the quiz, at a question if one is named."""
        if question is not None:
            self._at = self.session.bank[question].id
            if self._board is not None:
                self._board.show(question)
        display(self)  # type: ignore[no-untyped-call]

    def summary(self) -> Summary:
        """Points, readiness for the next lesson with what to review, what comes back when, and calibration."""
        self.session.refresh()
        return summary_of(self.session)

    def due(self) -> list[Due]:
        """The questions whose review is due."""
        return self.session.due()

    def _first(self) -> Question:
        return self.session.next_question() or self.session.order()[0]

    def __repr__(self) -> str:
        names = self.questions if self._all_at_once else [self._at]
        cards = [question_text(self.session, self.session.bank[name]) for name in names]
        notes = [*self.session.progress.notes, *([FROM_MEMORY] if self.session.asked.from_memory else [])]
        head = [f"{self.session.bank.title}: {progress_line(self.session)}", kept_line(self.session), *notes]
        more = "Another one: quiz.show(id), with an id of quiz.questions. Where you stand: quiz.summary()"
        return "\n\n".join(["\n".join(line for line in head if line), *cards, more])

    def _repr_mimebundle_(self, **_which: Any) -> dict[str, Any]:
        """Widgets for a frontend that has them, and the same as text for what has not: a terminal, a saved notebook."""
        bundle: dict[str, Any] = {"text/plain": repr(self)}
        shell = get_ipython()
        if os.environ.get("FINETUNE_LAB_UI") != "plain" and getattr(shell, "kernel", None) is not None:
            if self._board is None:
                self._board = Board(self.session, all_at_once=self._all_at_once)
                self._board.show(self._at)
            bundle[VIEW] = {"version_major": 2, "version_minor": 0, "model_id": self._board.box.model_id}
        return bundle
