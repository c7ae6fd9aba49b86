"""A student's side: the answers and the run folders become one JSON file."""

import hashlib
import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from finetune_lab.classroom.faults import ClassError
from finetune_lab.classroom.format import FORMAT, KIND, MOST_CURVE_POINTS
from finetune_lab.classroom.storing import replace_text
from finetune_lab.classroom.submission import Answered, Attempt, moment, seals, submission_from
from finetune_lab.errors import listed


def write_submission(
    out: Path, student: str, course: str, answers: Sequence[Answered], runs: Sequence[Path] = (), seed: str = ""
) -> Path:
    """Write a submission and read it back as the instructor will.

    Args:
        out: the file to write; one that is there is replaced.
        student: the id that the course knows the student by.
        course: the course's id.
        answers: every question that was answered, with its attempts.
        runs: folders of runs that have ended or were stopped.
        seed: what chose the student's variants.

    Raises:
        SubmissionError: something in it is not what a submission can hold; all faults are listed.
        ClassError: a run folder can't be read, or the file can't be written.
    """
    data: dict[str, Any] = {
        "kind": KIND,
        "format": FORMAT,
        "student": student,
        "course": course,
        "seed": seed,
        "created": written_moment(datetime.now(UTC)),
        "answers": [_entry(one) for one in answers],
        "runs": [run_record(folder) for folder in runs],
    }
    text = json.dumps({**data, "seals": seals(data)}, indent=1) + "\n"
    submission_from(text.encode())
    replace_text(out, text)
    return out


def read_answers(path: Path, bank: str) -> list[Answered]:
    """The answers of a file of JSON lines, `{"question": id, "answer": ..., "at": time}`; a line an attempt.

    A line without `at` was answered now. Faults in the answers are for the grader.

    Raises:
        ClassError: the file can't be read; every line that is no answer is listed.
    """
    now = written_moment(datetime.now(UTC))
    found: dict[str, list[Attempt]] = {}
    faults = []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ClassError(f"{path} can't be read: {error}.", "Save it as UTF-8.") from error
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line) if line.strip() else None
            if entry is not None:
                attempt = Attempt(entry["answer"], moment(entry.get("at", now)), entry.get("confidence"))
                found.setdefault(str(entry["question"]), []).append(attempt)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            faults.append(f"line {number}: {type(error).__name__}: {error}.")
    if faults:
        raise ClassError(f"{path} can't be used: {listed(faults[:50])}", "Each line needs a question and an answer.")
    return [Answered(bank, question, tuple(attempts)) for question, attempts in found.items()]


def written_moment(at: datetime) -> str:
    """A time as a submission holds it: UTC, to the second."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def _entry(one: Answered) -> dict[str, Any]:
    return {"bank": one.bank, "question": one.question, "attempts": [_attempt(attempt) for attempt in one.attempts]}


def _attempt(one: Attempt) -> dict[str, Any]:
    sure = {} if one.confidence is None else {"confidence": one.confidence}
    return {"answer": one.answer, "at": written_moment(one.at), **sure}


def run_record(folder: Path) -> dict[str, Any]:
    """What a submission says of a run: what was asked, by which versions, how it ended, its losses, its files' hashes.

    Raises:
        ClassError: the folder holds no run that has ended or was stopped.
    """
    try:
        description, events = (folder / "run.json").read_bytes(), (folder / "events.jsonl").read_bytes()
        saved = json.loads(description)
        record = {name: saved[name] for name in ("method", "config", "started", "machine", "versions")}
        summary = {**saved["summary"], "run_dir": folder.name}  # the whole path would tell the student's home
        curve = _curve([json.loads(line) for line in events.splitlines() if line.endswith(b"}")])
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"{folder} holds no run that can be handed in: {type(error).__name__}: {error}."
        raise ClassError(what, "Name the folder of a run that has ended.") from error
    hashes = {"run.json": hashlib.sha256(description), "events.jsonl": hashlib.sha256(events)}
    return {**record, "summary": summary, "curve": curve, "hashes": {k: v.hexdigest() for k, v in hashes.items()}}


def _curve(events: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """The losses that are numbers, thinned evenly where there are more than a submission takes."""
    points = [(event["step"], event["loss"]) for event in events if event["event"] == "Stepped"]
    points = [(step, loss) for step, loss in points if loss is not None]
    every = max(1, math.ceil(len(points) / MOST_CURVE_POINTS))
    return {"steps": [step for step, _ in points[::every]], "losses": [loss for _, loss in points[::every]]}
