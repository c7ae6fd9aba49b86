"""The lexicon: which words mean the same, read from quizzes/words/*.toml, and the reading of typos."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from finetune_lab.quiz.text.stems import distance, stem, typo_limit
from finetune_lab.quiz.text.typos import TypoIndex
from finetune_lab.resources import shipped

ROLES = {"things": "thing", "verbs": "verb", "qualities": "quality", "methods": "method"}
GRAMMAR = (
    "negators", "determiner_negators", "contrasts", "comparisons", "breaks", "joins", "relatives", "conditions",
    "opposing", "light_verbs", "auxiliaries", "pronouns", "subjects", "determiners", "of", "prepositions",
)  # fmt: skip
Stems = tuple[str, ...]


@dataclass(frozen=True)
class Meaning:
    """What a word or a group of words stands for: concepts by role, e.g. {"less": "quality", "reduce": "verb"}."""

    concepts: Mapping[str, str]


@dataclass(frozen=True)
class Lexicon:
    """All words that the grader knows."""

    meanings: dict[Stems, Meaning]
    grammar: dict[str, set[Stems]]
    known: frozenset[str]  # stems and words that are no typo
    function_words: frozenset[str]
    foreign_words: frozenset[str]
    elsewhere: frozenset[str]  # things of daily life
    subject: frozenset[str]  # the words that show that an answer is about the subject all the same
    fillers: frozenset[str]  # `basically`, `lol`: read over
    spellings: dict[str, str]
    formulas: tuple[tuple[re.Pattern[str], frozenset[str]], ...]
    frames: dict[str, re.Pattern[str]]  # denying, denying_the_last, forgotten, half_remembered, to_the_grader
    noun_forms: dict[str, str]
    opposites: dict[str, str]
    same: dict[str, str]
    longest: int
    typos: TypoIndex
    terms: frozenset[str]  # stems that stand for a concept: a typo is rather one of these
    readings: dict[str, str] = field(default_factory=dict)  # typos met so far -> the known stem

    def is_a(self, part: str, stems: Stems) -> bool:
        """Whether the word or words have that part in the grammar, e.g. `negators`."""
        return stems in self.grammar[part]

    def concept_names(self) -> set[str]:
        names = {name for meaning in self.meanings.values() for name in meaning.concepts}
        return (
            names
            | {name for _, concepts in self.formulas for name in concepts}
            | set(self.noun_forms.values())
            | {"topic"}
        )

    def stem_of(self, word: str) -> str:
        """The stem of the word, or of the known word that it is a typo of."""
        if stem(word) in self.known or word in self.known or not word.isalpha():
            return stem(word)
        if word not in self.readings:
            self.readings[word] = self._nearest(word)
        return self.readings[word]

    def _nearest(self, word: str) -> str:
        own = stem(word)
        best, best_key = own, (9, True, True, True, "")
        for target in self.typos.candidates(word, own):
            limit = typo_limit(min(len(word), len(target)))
            if (len(target) < 5 and target in self.function_words) or _starts_elsewhere(word, target, limit):
                continue
            as_written = distance(word, target, limit)
            far = min(as_written, distance(own, target, limit) if len(own) >= 4 else 9)
            key = (far, target not in self.terms, as_written > far, target[0] != word[0], target)
            if far <= limit and key < best_key:
                best, best_key = target, key
        return stem(best)


def _starts_elsewhere(word: str, target: str, limit: int) -> bool:
    return not limit or (limit == 1 and target[0] != word[0] and target[1] != word[0])


def split_words(text: str) -> list[str]:
    """`"low-rank, 4 bit"` -> `["low-rank", "4 bit"]`."""
    return [part for part in (" ".join(piece.split()) for piece in text.split(",")) if part]


def stems_of(phrase: str) -> Stems:
    """The stems of a group of words, hyphens read as spaces."""
    return tuple(stem(word) for word in re.findall(r"[a-zà-ÿ']+|\d+", phrase.lower()))


def meanings_of(sections: Mapping[str, Mapping[str, str]]) -> dict[Stems, Meaning]:
    """The meanings that `things`, `verbs`, `qualities` and `methods` of a word list give."""
    found: dict[Stems, dict[str, str]] = {}
    for section, role in ROLES.items():
        for concept, text in sections.get(section, {}).items():
            for phrase in split_words(text):
                found.setdefault(stems_of(phrase), {})[concept] = role
    return {stems: Meaning(concepts) for stems, concepts in found.items()}


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The shipped lexicon."""
    english = tomllib.loads(shipped("quizzes", "words", "english.toml").read_text(encoding="utf-8"))
    field_words = tomllib.loads(shipped("quizzes", "words", "fine_tuning.toml").read_text(encoding="utf-8"))
    meanings = meanings_of(field_words)
    grammar = {part: {stems_of(phrase) for phrase in split_words(english["grammar"][part])} for part in GRAMMAR}
    function_words = frozenset(english["common"]["function"].split())
    plain = frozenset(english["common"]["plain"].split())
    every = [word for group in (meanings, *grammar.values()) for stems in group for word in stems]
    surface = {word for text in _texts(field_words) for word in re.findall(r"[a-z']+", text.lower())}
    formulas = field_words["formulas"].items()
    known = frozenset({*every, *surface, *function_words, *plain, *(stem(word) for word in (*plain, *function_words))})
    return Lexicon(
        meanings=meanings,
        grammar=grammar,
        known=known,
        function_words=function_words,
        foreign_words=frozenset(english["common"]["foreign"].split()) - function_words,
        elsewhere=frozenset(english["common"]["elsewhere"].split()),
        subject=frozenset(english["common"]["subject"].split()),
        fillers=frozenset(english["common"]["fillers"].split()),
        spellings=field_words["spellings"],
        formulas=tuple((_formula(pattern), frozenset(names.split())) for pattern, names in formulas),
        frames={name: re.compile("|".join(parts), re.IGNORECASE) for name, parts in english["frames"].items()},
        noun_forms={
            stem(word): concept for concept, text in field_words["noun_forms"].items() for word in split_words(text)
        },
        opposites=field_words["opposites"],
        same=field_words["same"],
        longest=max(len(stems) for stems in meanings),
        typos=TypoIndex(known),
        terms=frozenset(one for stems in meanings for one in stems if one not in function_words),
    )


def _formula(pattern: str) -> re.Pattern[str]:
    """A formula written in lower case is one of words, and matches capitals too."""
    return re.compile(pattern, re.IGNORECASE if pattern == pattern.lower() else 0)


def with_words(base: Lexicon, sections: Mapping[str, Mapping[str, str]]) -> Lexicon:
    """The lexicon with the words that a rubric adds under `things`, `verbs` or `qualities`."""
    if not sections:
        return base
    added = meanings_of(sections)
    merged = {
        stems: Meaning({**base.meanings.get(stems, Meaning({})).concepts, **new.concepts})
        for stems, new in added.items()
    }
    meanings = {**base.meanings, **merged}
    known = base.known | {word for stems in added for word in stems}
    longest = max(map(len, meanings))
    return replace(base, meanings=meanings, known=known, longest=longest, typos=TypoIndex(known), readings={})


def _texts(words: Mapping[str, Mapping[str, str]]) -> list[str]:
    return [text for section in ROLES for text in words[section].values()]
