"""Where a learner stands: points, readiness and what to review, what comes back when, and calibration."""

from dataclasses import dataclass
from datetime import datetime
from html import escape

from finetune_lab.quiz.calibration import Calibration
from finetune_lab.quiz.readiness import Readiness
from finetune_lab.quiz.review import DAYS, Due
from finetune_lab.quiz.session import QuizSession
from finetune_lab.tables import Rows, as_html
from finetune_lab.views.quiz.wording import progress_line

MOST_LISTED = 12


@dataclass(frozen=True)
class Summary:
    """A quiz's outcome so far, as data; shown as text or HTML."""

    line: str
    points: tuple[float, float]
    readiness: Readiness
    calibration: Calibration
    schedule: tuple[Due, ...]
    at: datetime

    def review_rows(self) -> Rows:
        """One row a question that comes back, the first due first."""
        return [
            {
                "comes back": "now" if one.is_due(self.at) else f"{one.at:%Y-%m-%d %H:%M} UTC",
                "question": one.question.id,
                "about": one.question.objective,
            }
            for one in self.schedule
        ]

    def parts(self) -> list[tuple[str, str, Rows]]:
        """Heading, sentence and rows of each part."""
        days = ", ".join(str(number) for number in DAYS)
        back = f"What was missed comes back after {days} days." if self.schedule else "Nothing waits."
        return [
            ("Ready?", self.readiness.said, self.readiness.rows()),
            ("Review", back, self.review_rows()),
            ("How sure, and how right?", self.calibration.said, self.calibration.rows()),
        ]

    def __repr__(self) -> str:
        return "\n\n".join([self.line, *(_text(*part) for part in self.parts())])

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.line)}</p>" + "".join(_html(*part) for part in self.parts())


def summary_of(session: QuizSession) -> Summary:
    """The summary of the questions that are asked."""
    return Summary(
        progress_line(session), session.points(), session.readiness(), session.calibration(),
        tuple(session.schedule()), session.clock(),
    )  # fmt: skip


def _left_out(rows: Rows) -> str:
    return f"... and {len(rows) - MOST_LISTED} more." if len(rows) > MOST_LISTED else ""


def _text(heading: str, sentence: str, rows: Rows) -> str:
    lines = ["  " + " · ".join(f"{name} {cell}" for name, cell in row.items()) for row in rows[:MOST_LISTED]]
    return "\n".join(line for line in [f"{heading} {sentence}", *lines, _left_out(rows)] if line)


def _html(heading: str, sentence: str, rows: Rows) -> str:
    scroll = f'<div class="ftq-scroll" tabindex="0" role="region" aria-label="{escape(heading)}">'
    table = f"{scroll}{as_html(rows[:MOST_LISTED])}</div>"
    rest = f"<p>{escape(_left_out(rows))}</p>" if _left_out(rows) else ""
    return f"<h4>{escape(heading)}</h4><p>{escape(sentence)}</p>{table if rows else ''}{rest}"
