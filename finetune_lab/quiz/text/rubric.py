"""A rubric as data: ideas that earn credit, misconceptions that take it away. quizzes/RUBRICS.md shows how."""

from dataclasses import dataclass, field
from typing import Any

from finetune_lab.quiz.text.likeness import Likeness, likeness_named
from finetune_lab.quiz.text.patterns import Pattern, parse
from finetune_lab.quiz.text.words import Lexicon, lexicon, with_words


@dataclass(frozen=True)
class Idea:
    """One thing that a good answer says."""

    id: str
    credit: float
    accept: tuple[Pattern, ...]
    missing: str  # asks for it without saying it
    group: str = ""  # of the ideas of one group only the best counts
    words: int = 0  # a shorter answer does not earn it: "weights change" shows less than "the model's weights change"


@dataclass(frozen=True)
class Misconception:
    """One wrong thing that answers say. It keeps an answer from passing; a fatal one makes it `not_yet`."""

    id: str
    accept: tuple[Pattern, ...]
    say: str  # to the learner, about the quoted words
    fatal: bool
    instead: bool  # another mechanism in place of the right one: an idea of less than full credit is no half of it
    unless: tuple[str, ...]  # ids of ideas; where one was found this is not held against the answer


@dataclass(frozen=True)
class Rubric:
    """What an answer must say to pass."""

    topic: frozenset[str]  # methods that the question is about; what is said of others does not count
    pass_at: float
    partial_at: float
    ideas: tuple[Idea, ...]
    misconceptions: tuple[Misconception, ...]
    words: Lexicon = field(repr=False)
    likeness: Likeness | None = field(default=None, repr=False)  # to what examiners made of other answers to it


def rubric_from(data: dict[str, Any]) -> tuple[Rubric | None, list[str]]:
    """The rubric of a question's table, which fits the schema; or the faults in its patterns and names."""
    words = with_words(lexicon(), data.get("words", {}))
    concepts = words.concept_names()
    faults: list[str] = []

    def patterns(entry: dict[str, Any]) -> tuple[Pattern, ...]:
        parsed = [parse(text, concepts) for text in entry["accept"]]
        faults.extend(f"{entry['id']}: {fault}" for fault in parsed if isinstance(fault, str))
        return tuple(pattern for pattern in parsed if isinstance(pattern, Pattern))

    ideas = tuple(
        Idea(
            entry["id"],
            entry.get("credit", 1.0),
            patterns(entry),
            entry["missing"],
            entry.get("group", ""),
            entry.get("words", 0),
        )
        for entry in data["idea"]
    )
    misconceptions = tuple(
        Misconception(
            entry["id"],
            patterns(entry),
            entry["say"],
            entry.get("fatal", False),
            entry.get("instead", False),
            tuple(entry.get("unless", ())),
        )
        for entry in data.get("misconception", [])
    )
    faults += _name_faults(ideas, misconceptions, data)
    likeness = likeness_named(data["likeness"]) if "likeness" in data else None
    if "likeness" in data and likeness is None:
        faults.append(f"nothing was learned of answers to {data['likeness']!r}: quizzes/likeness has no such file")
    if faults:
        return None, faults
    topic = frozenset(data.get("topic", ()))
    return Rubric(topic, data["pass"], data["partial"], ideas, misconceptions, words, likeness), []


def _name_faults(ideas: tuple[Idea, ...], misconceptions: tuple[Misconception, ...], data: dict[str, Any]) -> list[str]:
    ids = [idea.id for idea in ideas] + [entry.id for entry in misconceptions]
    faults = [f"the id {name!r} stands twice in the rubric" for name in sorted(set(ids)) if ids.count(name) > 1]
    known = {idea.id for idea in ideas}
    for entry in misconceptions:
        faults += [f"{entry.id}: unless names no idea {name!r}" for name in entry.unless if name not in known]
    if data["partial"] > data["pass"]:
        faults.append("partial must not be above pass")
    groups = {idea.group or idea.id for idea in ideas}
    best = sum(max(idea.credit for idea in ideas if (idea.group or idea.id) == group) for group in groups)
    if best < data["pass"]:
        faults.append(f"all ideas together earn {best:g}, so that no answer can reach pass = {data['pass']:g}")
    return faults
