"""Reads a question bank from TOML and lists every fault with its question and line."""

import json
import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from finetune_lab.errors import listed
from finetune_lab.quiz.bank import Bank, BankError, Choice, NumberKey, Question, Slip
from finetune_lab.quiz.lines import Place, line_of, line_table
from finetune_lab.quiz.quantities import QUANTITIES
from finetune_lab.quiz.schema import Schema, faults_of
from finetune_lab.quiz.text.rubric import rubric_from
from finetune_lab.resources import shipped

LARGEST = 2_000_000  # bytes
MOST_LISTED = 50
Faults = list[tuple[Place, str]]


def load_bank(name: str | Path) -> Bank:
    """The bank of a lesson (`"lesson"`) or of a TOML file.

    Raises:
        BankError: the file can't be read, or has faults; all of them are listed.
    """
    path = bank_path(name)
    text = _text_of(path)
    data, faults = _parsed(text, path)
    bank, more = _built(data) if not faults else (None, [])
    faults = faults + more
    if bank is None or faults:
        table = line_table(text)
        lines = [_with_place(place, fault, data, table) for place, fault in faults[:MOST_LISTED]]
        rest = [f"... and {len(faults) - MOST_LISTED} more."] if len(faults) > MOST_LISTED else []
        raise BankError(f"{path.name} can't be used: {listed(lines + rest)}", "Mend these places.")
    return bank


def bank_path(name: str | Path) -> Path:
    """A file as it is named, or the shipped bank of that name."""
    given = Path(name)
    return given if given.suffix or given.exists() else shipped("quizzes", f"{name}.toml")


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise BankError(f"{path} has over {LARGEST} bytes.", "Split the bank.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BankError(f"{path} can't be read: {error.strerror}.", "Check the name and its permissions.") from error
    except UnicodeDecodeError as error:
        raise BankError(f"{path} is not UTF-8 at byte {error.start + 1}.", "Save it as UTF-8.") from error


def _parsed(text: str, path: Path) -> tuple[dict[str, Any], Faults]:
    try:
        data = tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, or an integer of thousands of digits
        raise BankError(
            f"{path.name} is not TOML: {error}.", "Mend this place; the rest is read after that."
        ) from error
    except RecursionError as error:
        raise BankError(f"{path.name} is nested too deep.", "A bank needs three levels.") from error
    return data, list(faults_of(data, bank_schema()))


@lru_cache(maxsize=1)
def bank_schema() -> Schema:
    """The published schema of a bank."""
    schema: Schema = json.loads(shipped("quizzes", "schema.json").read_text(encoding="utf-8"))
    return schema


def _with_place(place: Place, fault: str, data: dict[str, Any], table: dict[Place, int]) -> str:
    line = line_of(place, table)
    where = [f"line {line}"] if line else []
    if len(place) > 1 and place[0] == "question":
        questions = data.get("question", [])
        entry = questions[place[1]] if isinstance(place[1], int) and place[1] < len(questions) else {}
        name = entry.get("id", f"number {place[1]}") if isinstance(entry, dict) else f"number {place[1]}"
        where.append(f"question {name}")
        where += [".".join(str(part) for part in place[2:])] if len(place) > 2 else []
    return f"{', '.join(where) or 'the file'}: {fault}."


def _built(data: dict[str, Any]) -> tuple[Bank | None, Faults]:
    """The bank of data that fits the schema, and the faults that no schema can see."""
    faults: Faults = []
    questions = []
    seen: set[str] = set()
    for number, entry in enumerate(data["question"]):
        place: Place = ("question", number)
        if entry["id"] in seen:
            faults.append(((*place, "id"), f"the id {entry['id']!r} stands twice in the bank"))
        seen.add(entry["id"])
        question, more = _question(entry)
        faults += [((*place, key), fault) for key, fault in more]
        questions.append(question)
    return Bank(data["id"], data["title"], tuple(questions)), faults


def _question(entry: dict[str, Any]) -> tuple[Question, list[tuple[str, str]]]:
    rubric, rubric_faults = rubric_from(entry["rubric"]) if "rubric" in entry else (None, [])
    simple = {
        name: entry[name]
        for name in ("points", "attempts", "shuffle", "explanation", "provenance", "outcome")
        if name in entry
    }
    question = Question(
        id=entry["id"], kind=entry["kind"], objective=entry["objective"], source=tuple(entry["source"]),
        prompt=entry["prompt"].strip(), hints=tuple(entry.get("hints", ())), rubric=rubric,
        choices=tuple(_choice(one) for one in entry.get("choice", ())),
        number=_number(entry["number"]) if "number" in entry else None,
        variant={name: tuple(values) for name, values in entry.get("variant", {}).items()},
        **simple,
    )  # fmt: skip
    return question, [("rubric", fault) for fault in rubric_faults] + _question_faults(question)


def _choice(entry: dict[str, Any]) -> Choice:
    return Choice(entry["id"], entry["text"], entry.get("correct", False), entry["feedback"])


def _number(entry: dict[str, Any]) -> NumberKey:
    slips = tuple(
        Slip(one["id"], one.get("value"), one.get("quantity"), one["feedback"]) for one in entry.get("slip", ())
    )
    return NumberKey(
        entry.get("value"),
        entry.get("quantity"),
        entry.get("tolerance", 0.01),
        entry["unit"],
        entry["right"],
        entry["wrong"],
        slips,
    )


def _question_faults(question: Question) -> list[tuple[str, str]]:
    right = [choice.id for choice in question.choices if choice.correct]
    ids = [choice.id for choice in question.choices]
    faults = [("choice", f"the choice id {name!r} stands twice") for name in sorted(set(ids)) if ids.count(name) > 1]
    if question.kind == "single" and len(right) != 1:
        faults.append(("choice", f"exactly one choice must be correct, not {len(right)}"))
    if question.kind == "multi" and not right:
        faults.append(("choice", "at least one choice must be correct"))
    faults += [("number", f"there is no quantity {name!r}") for name in question.quantities if name not in QUANTITIES]
    if question.kind != "predict":
        faults += [("hints", "a learner with more than one attempt needs a hint")] * (
            not question.hints and question.attempts > 1
        )
    named = set(re.findall(r"\{(\w+)\}", question.prompt))
    return faults + [
        ("variant", f"the prompt names {{{name}}}, but variant has no such list")
        for name in sorted(named - set(question.variant))
    ]
