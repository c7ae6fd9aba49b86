"""JSON from strangers: bounded in size, depth and numbers, without NaN, doubled keys or broken text."""

import json
from collections.abc import Iterator
from typing import Any

from finetune_lab.classroom.faults import SubmissionError, printable

LARGEST = 5_000_000  # bytes of one submission
DEEPEST = 12  # levels
LONGEST_INTEGER = 19  # digits: more than any count of bytes, and a float can hold it


def parsed(content: bytes) -> Any:
    """The value that the bytes say.

    Raises:
        SubmissionError: it is too large, no UTF-8, no JSON, or holds something that no submission has.
    """
    if len(content) > LARGEST:
        raise SubmissionError(f"It has over {LARGEST:,} bytes.", "Ask for another file.")
    try:
        value = json.loads(
            content.decode("utf-8-sig"),
            object_pairs_hook=_table, parse_constant=_no_number, parse_int=_integer, parse_float=_number,
        )  # fmt: skip
        for text in _texts(value):
            text.encode()
    except json.JSONDecodeError as error:
        what = f"It is broken or cut off at line {error.lineno}, column {error.colno}: {error.msg}."
        raise SubmissionError(what, "Ask for the file again.") from error
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise SubmissionError(f"It is not UTF-8: {error.reason}.", "Ask for the file as it was written.") from error
    except RecursionError as error:
        raise SubmissionError("It is nested too deep.", "Ask for another file.") from error
    except ValueError as error:
        raise SubmissionError(f"It is no submission: {error}.", "Ask for the file as it was written.") from error
    return value


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {printable(doubled, 60)!r} stands twice")
    return table


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def _integer(digits: str) -> int:
    if len(digits) > LONGEST_INTEGER:
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)


def _number(digits: str) -> float:
    value = float(digits)
    if abs(value) > 1e30:  # infinity too
        raise ValueError(f"the number {digits[:40]} is too large")
    return value


def _texts(value: Any) -> Iterator[str]:
    """Every text in the value; without recursion, and not deeper than allowed."""
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST} levels")
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            yield from item
            waiting += [(one, depth + 1) for one in item.values()]
        elif isinstance(item, list):
            waiting += [(one, depth + 1) for one in item]
