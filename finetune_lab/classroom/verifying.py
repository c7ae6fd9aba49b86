"""`class verify`: what does not fit together in a class's submissions. A hint for a person, never a mark or a proof."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from finetune_lab.classroom.batch import Batch, Handed, Note
from finetune_lab.classroom.faults import printable
from finetune_lab.classroom.submission import Submission
from finetune_lab.quiz.bank import Bank

SHORTEST_TEXT = 60  # characters: shorter answers are the same by chance
CLOSE = 1e-6


def verify(batch: Batch, bank: Bank) -> list[Note]:
    """The batch's own notes, then what is odd within a submission, then what two students share.

    Args:
        batch: what came in.
        bank: the class's questions; says which of them ask for a prediction.
    """
    predicted = {question.id for question in bank.questions if question.kind == "predict"}
    within = [
        Note(printable(one.submission.student), f"{one.file}: {what}.")
        for one in batch.counted
        for what in [
            *_odd_times(one.submission),
            *_late_predictions(one.submission, predicted),
            *_odd_runs(one.submission),
        ]
    ]
    return list(dict.fromkeys([*batch.notes, *within, *_shared(batch.counted)]))


def _odd_times(submission: Submission) -> Iterator[str]:
    for one in submission.answers:
        moments = [attempt.at for attempt in one.attempts]
        name = printable(one.question, 60)
        if moments != sorted(moments):
            yield f"the attempts at {name} are not in the order of their times"
        if max(moments) > submission.created:
            yield f"an attempt at {name} is later than the submission itself"


def _late_predictions(submission: Submission, predicted: set[str]) -> Iterator[str]:
    """A prediction that the learner made when the last run was begun: the answer could be read off it."""
    begun = [moment for run in submission.runs if (moment := _moment(run["started"]))]
    for one in submission.answers if begun else ():
        if one.question in predicted and min(attempt.at for attempt in one.attempts) > max(begun):
            yield f"{printable(one.question, 60)} was predicted after the last run had begun"


def _moment(text: str) -> datetime | None:
    """A time in UTC; None for what is none, which a run without one has."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _odd_runs(submission: Submission) -> Iterator[str]:
    for number, run in enumerate(submission.runs, 1):
        for what in _odd_run(run):
            yield f"run {number}: {what}"


def _odd_run(run: dict[str, Any]) -> Iterator[str]:
    summary, steps, losses = run["summary"], run["curve"]["steps"], run["curve"]["losses"]
    if len(steps) != len(losses) or steps != sorted(set(steps)):
        yield "the loss curve has not one loss for each of its rising steps"
    elif losses and not _same(summary.get("loss_first"), losses[0]):
        yield f"loss_first is {summary.get('loss_first')!r:.40}, but the curve begins at {losses[0]:g}"
    if losses and min(losses) < 0:
        yield "a loss is below zero"
    trained, total = summary.get("trainable_parameters"), summary.get("total_parameters")
    if _number(trained) and _number(total) and trained > total:
        yield f"it trained {trained} of {total} parameters"
    for name, asked in (("method", "method"), ("rank", "r"), ("alpha", "lora_alpha")):
        if asked in run["method"] and summary.get(name) != run["method"][asked]:
            yield f"{name} is {summary.get(name)!r:.40}, but {run['method'][asked]!r:.40} was asked for"
    wanted, done = run["config"].get("max_steps"), summary.get("steps")
    if _number(wanted) and _number(done) and done > wanted:
        yield f"it has {done} steps, but {wanted} were asked for"


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(claimed: Any, seen: float) -> bool:
    return _number(claimed) and abs(claimed - seen) <= CLOSE * max(1.0, abs(seen))


def _shared(counted: list[Handed]) -> Iterator[Note]:
    """Runs and longer texts that stand in the submissions of two or more students."""
    for marks in (_run_marks, _text_marks, _answer_marks):
        yield from _shared_by(counted, marks)


def _shared_by(counted: list[Handed], marks: Callable[[Submission], dict[str, str]]) -> Iterator[Note]:
    owners: dict[str, list[tuple[str, str]]] = {}
    for one in counted:
        for mark, name in marks(one.submission).items():
            owners.setdefault(mark, []).append((printable(one.submission.student), name))
    for several in owners.values():
        if len(several) > 1:
            students = ", ".join(student for student, _ in several)
            yield Note(students, f"the same {several[0][1]} in {len(several)} submissions.")


def _run_marks(submission: Submission) -> dict[str, str]:
    """A run is known by the hash of its events, which hold its times: two runs never have the same."""
    hashes = [run["hashes"].get("events.jsonl") for run in submission.runs]
    return {found: "run record" for found in hashes if found}


def _answer_marks(submission: Submission) -> dict[str, str]:
    """All the attempts with their times, to the second: two students never have the same."""
    return {repr(submission.answers): "answers at the same times"} if len(submission.answers) > 1 else {}


def _text_marks(submission: Submission) -> dict[str, str]:
    """Longer texts, without case, signs and spaces, which a copy may differ in."""
    return {
        f"{one.bank}\x00{one.question}\x00{plain}": f"text for {printable(one.question, 60)}"
        for one in submission.answers
        for attempt in one.attempts
        if isinstance(attempt.answer, str)
        and len(plain := "".join(filter(str.isalnum, attempt.answer.casefold()))) >= SHORTEST_TEXT
    }
