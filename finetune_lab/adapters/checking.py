"""The JSON beside an adapter, which may come from strangers: bounded, an object, every value of its field's type."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

from finetune_lab.adapters.faults import AdapterError
from finetune_lab.models import short

LARGEST_JSON = 1_000_000  # bytes: a card has about two thousand
LONGEST_TEXT = 10_000
AGAIN = "Get the adapter again, or tune it again."


def json_object(file: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        AdapterError: it can't be read, is too large, no JSON, or no object.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(LARGEST_JSON + 1)
    except OSError as error:
        why = f"there is no {file.name}" if isinstance(error, FileNotFoundError) else f"{error.strerror}: {file.name}"
        raise AdapterError(f"{file.parent} holds no adapter that can be read: {why}.", AGAIN) from error
    return parsed_object(content, str(file))


def parsed_object(content: bytes, name: str) -> dict[str, Any]:
    """The JSON object that the bytes of the file `name` say; NaN, Infinity and texts that are no Unicode are none.

    Raises:
        AdapterError: they are too many, or say something else.
    """
    if len(content) > LARGEST_JSON:
        raise AdapterError(f"{name} has over {LARGEST_JSON:,} bytes.", AGAIN)
    try:
        found = json.loads(content.decode("utf-8-sig"), parse_constant=_no_number)
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise AdapterError(f"{name} is broken: {type(error).__name__}: {short(str(error))}.", AGAIN) from error
    if not isinstance(found, dict):
        raise AdapterError(f"{name} holds no JSON object.", AGAIN)
    return found


def card_faults(saved: dict[str, Any], card: type[Any], version: int) -> list[str]:
    """What in a saved card is not what the dataclass `card` holds, a line each."""
    if saved.get("format") != version:
        return [f"it is of format {_shown(saved.get('format'))}; this version reads {version}."]
    hints = get_type_hints(card)
    faults = [f"{short(name)} is no field of a card." for name in saved if name not in hints and name != "format"]
    faults += ["name is missing."] if "name" not in saved else []
    for name, hint in hints.items():
        kind = next(kind for kind in KINDS if hint in (kind, kind | None))
        words, fits = KINDS[kind]
        may_miss = name not in saved or (saved[name] is None and hint != kind)
        if not may_miss and not fits(saved[name]):
            faults.append(f"{name} must be {words}, not {_shown(saved[name])}.")
    return faults


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_TEXT


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e30


def _by_name(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(_is_text(key) and fits(item) for key, item in value.items())


KINDS: dict[Any, tuple[str, Callable[[Any], bool]]] = {
    str: ("a text", _is_text),
    int: ("a whole number, 0 or more", _is_count),
    float: ("a number", _is_number),
    bool: ("true or false", lambda value: isinstance(value, bool)),
    tuple[str, ...]: ("a list of texts", lambda value: isinstance(value, list) and all(map(_is_text, value))),
    dict[str, float]: ("numbers by name", _by_name(_is_number)),
    dict[str, str]: ("texts by name", _by_name(_is_text)),
}


def _shown(value: Any) -> str:
    return short(json.dumps(value, ensure_ascii=False))


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no JSON")
