"""What is said about a quiz, as HTML and as plain text; the same words in both."""

from html import escape

from finetune_lab.quiz.bank import Question
from finetune_lab.quiz.feedback import Feedback
from finetune_lab.quiz.session import QuizSession
from finetune_lab.quiz.standing import Standing
from finetune_lab.quiz.variants import prompt_for
from finetune_lab.views.quiz.markup import inline, paragraphs, plain

MARKS = {"pass": "✓", "partial": "◐", "not_yet": "✗", "review": "…", None: "○"}
FROM_MEMORY = (
    "From memory: close the lesson's text before you read on. There are no hints, and nothing of earlier answers."
)


def counted(number: float, noun: str) -> str:
    """`1 attempt`, `2 attempts`, `0.5 points`."""
    return f"{number:g} {noun}" if number == 1 else f"{number:g} {noun}s"


def progress_line(session: QuizSession) -> str:
    """How far one is: `3 of 43 answered · 2.5 of 51 points · 1 review due`."""
    got, full = session.points()
    due = len(session.due())
    parts = [f"{session.answered()} of {len(session.questions)} answered", f"{got:g} of {counted(full, 'point')}"]
    return " · ".join(parts + ([f"{counted(due, 'review')} due"] if due else []))


def kept_line(session: QuizSession) -> str:
    """Where the answers are kept."""
    return f"Your answers are kept in {session.progress.path}." if session.progress.path else ""


def state_of(standing: Standing, *, from_memory: bool = False) -> str:
    """Where a question stands, in a few words."""
    if standing.locked:
        return "locked: its run is there already"
    if standing.due:
        return "review due: one answer, not for points"
    if standing.question.kind == "predict" and standing.verdict == "review":
        return "predicted; waits for your run"
    if standing.left:
        return f"{counted(standing.left, 'attempt')} left" + (", from memory" if from_memory else "")
    return "closed"


def meta_line(session: QuizSession, question: Question) -> str:
    """`Question 4 of 43 · quick-qlora · 1 point · 2 attempts left`."""
    place = session.order().index(question) + 1
    state = state_of(session.standing(question.id), from_memory=session.asked.from_memory)
    return (
        f"Question {place} of {len(session.questions)} · {question.id} · {counted(question.points, 'point')} · {state}"
    )


def how_to(question: Question) -> str:
    """What kind of answer is wanted."""
    if question.number is not None:
        return (
            "Write a number; the unit behind it is meant unless you write another."
            if question.number.unit
            else "Write a number."
        )
    return {"multi": "Choose all that are right.", "text": "Answer in your own words."}.get(
        question.kind, "Choose one."
    )


def runs_line(session: QuizSession, question: Question) -> str:
    """Which runs a question about the learner's own means."""
    runs = session.about_runs(question)
    return f"Your newest runs: {'; '.join(str(run) for run in runs)}." if runs else ""


def prompt_html(session: QuizSession, question: Question) -> str:
    """The question, with what it is about and what kind of answer it wants."""
    about = runs_line(session, question)
    return (
        f'<p class="ftq-meta">{escape(meta_line(session, question))}</p>'
        f'<div class="ftq-prompt">{paragraphs(prompt_for(question, session.asked.seed))}</div>'
        f'<p class="ftq-note">{escape(how_to(question))} {escape(about)}</p>'
    )


def feedback_html(feedback: Feedback | None) -> str:
    """A live region: a screen reader speaks it when it changes. Symbol and word carry the verdict, not the colour."""
    if feedback is None:
        return '<div role="status" aria-live="polite"></div>'
    lines = feedback.lines()
    body = "".join(f"<p>{inline(line)}</p>" for line in lines[1:])
    kind = feedback.verdict or "refused"
    return (
        f'<div role="status" aria-live="polite" class="ftq-feedback ftq-{kind}">'
        f'<p class="ftq-verdict">{escape(lines[0])}</p>{body}</div>'
    )


def question_text(session: QuizSession, question: Question) -> str:
    """A question in plain text, with its choices, how to answer it by a call, and what was answered."""
    labels = session.labels(question)
    sample = next(iter(labels), "your words" if question.number is None else "12.5")
    given = f'["{sample}"]' if question.kind == "multi" else f'"{sample}"'
    lines = [
        meta_line(session, question),
        plain(prompt_for(question, session.asked.seed)),
        *(f"  {letter}) {plain(choice.text)}" for letter, choice in labels.items()),
        f"{how_to(question)} {runs_line(session, question)}".strip(),
    ]
    feedback = session.feedback(question.id)
    if session.standing(question.id).is_open:
        lines.append(f'  quiz.answer("{question.id}", {given}, confidence=75)')
    return "\n".join(lines + ([f"  {line}" for line in feedback.lines()] if feedback else []))
