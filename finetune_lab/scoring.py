"""Scores generated answers against the expected completions: records by their fields, free text by words. No torch."""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from finetune_lab.errors import ConfigError

Record = dict[str, Any]
Reader = Callable[[str], tuple[Record | None, str]]  # the record that a text starts with, and what follows it
LINE = re.compile(r"([A-Za-z_][\w -]*): ?(.*)")


def score(answers: Sequence[str], expected: Sequence[str]) -> dict[str, float]:
    """Shares from 0 to 1 over the pairs of answer and expected completion.

    When every expected completion is a record, be it a JSON object or two and more lines `name: value`, the same names
    in all:

    - `valid_json`: the answer starts with a JSON object (NaN, Infinity and repeated keys are not JSON here), or
      `valid_lines`: it starts with a line `name: value`;
    - `field:<name>`, for each field of the expected records: the same value of the same type (in lines all are text),
      over the pairs whose expected record has the field; an answer without it is a miss;
    - `fields`: the mean over those fields: what share of the record is right;
    - `record`: all fields are equal, there are no others, and no text follows the record.

    Otherwise:

    - `exact`: equal after stripping white space at both ends;
    - `overlap`: the mean of 2 c / (a + e), the F1 of precision c / a and recall c / e, where a and e count the words of
      answer and expected text (lower case, split at white space) and c those in common, repeats counted.

    Raises:
        ConfigError: the two are of different length, or empty.
    """
    if len(answers) != len(expected) or not expected:
        raise ConfigError(f"{len(answers)} answers, {len(expected)} expected.", "Give one of each, at least one pair.")
    if objects := _whole_records(_leading_json, expected):
        return _record_scores(answers, objects, "valid_json", _leading_json)
    lines = _whole_records(_leading_lines, expected)
    if lines and len(lines[0]) > 1 and all(record.keys() == lines[0].keys() for record in lines):
        return _record_scores(answers, lines, "valid_lines", _leading_lines)
    pairs = list(zip(answers, expected, strict=True))
    return {
        "exact": _mean([answer.strip() == wanted.strip() for answer, wanted in pairs]),
        "overlap": _mean([_overlap(answer, wanted) for answer, wanted in pairs]),
    }


def headline(scores: dict[str, float]) -> tuple[str, float]:
    """The one number for tables: `fields`, or `overlap` for free text.

    Raises:
        ConfigError: these are no scores of `score`.
    """
    for name in ("fields", "overlap"):
        if name in scores:
            return name, scores[name]
    raise ConfigError("There is no score to show: nothing was generated.", "Set score_examples to 1 or more.")


def _record_scores(answers: Sequence[str], expected: list[Record], valid: str, read: Reader) -> dict[str, float]:
    parsed = [read(answer) for answer in answers]  # no less deep in the stack than `_same` below
    found = [record for record, _ in parsed]
    scores = {valid: _mean([record is not None for record in found])}
    for name in dict.fromkeys(name for wanted in expected for name in wanted):
        scores[f"field:{name}"] = _mean(
            [
                record is not None and name in record and _same(record[name], wanted[name])
                for record, wanted in zip(found, expected, strict=True)
                if name in wanted
            ]
        )
    scores["fields"] = _mean([share for name, share in scores.items() if name.startswith("field:")])
    scores["record"] = _mean(
        [rest == "" and _same(record, wanted) for (record, rest), wanted in zip(parsed, expected, strict=True)]
    )
    return scores


def _leading_json(text: str) -> tuple[Record | None, str]:
    """The JSON object that the text starts with, and what follows it; (None, text) where there is none."""
    text = text.strip()
    decoder = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_unique)
    try:
        value, end = decoder.raw_decode(text)
        json.dumps(value)  # `_same` will: what can be read may be too deep to be written
    except (ValueError, RecursionError):  # answers of a model: any text at all, thousands of brackets included
        return None, text
    return (value, text[end:].strip()) if isinstance(value, dict) else (None, text)


def _whole_records(read: Reader, texts: Sequence[str]) -> list[Record] | None:
    """The records that the texts are; None when one of them is something else, or goes on after its record."""
    records = [record for record, rest in map(read, texts) if record is not None and not rest]
    return records if len(records) == len(texts) else None


def _leading_lines(text: str) -> tuple[Record | None, str]:
    """The lines `name: value` that the text starts with, up to one of another form or a name that came before."""
    record: Record = {}
    lines = text.strip().splitlines()
    for line in lines:
        found = LINE.fullmatch(line.strip())
        if found is None or found[1] in record:
            break
        record[found[1]] = found[2].strip()
    return record or None, "\n".join(lines[len(record) :]).strip()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> Record:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a key is repeated")
    return record


def _same(left: Any, right: Any) -> bool:
    """Equal as JSON: the order of keys is free, but 1 is neither true nor "1" nor 1.0."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def _overlap(answer: str, wanted: str) -> float:
    words, wanted_words = Counter(answer.lower().split()), Counter(wanted.lower().split())
    total = words.total() + wanted_words.total()
    return 2 * (words & wanted_words).total() / total if total else 1.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
