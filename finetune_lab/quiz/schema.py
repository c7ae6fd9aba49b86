"""Holds data against a JSON Schema and lists every fault: the keywords that quizzes/schema.json uses, and no others.

Not the jsonschema package: where JupyterLab has installed its extras, importing it takes two seconds, more than grading
a hundred submissions. A test holds the two against each other.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

Place = tuple[str | int, ...]
Fault = tuple[Place, str]
Schema = dict[str, Any]
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}
NAMES = {"object": "a table", "array": "a list", "string": "a text", "boolean": "true or false"}


def faults_of(value: Any, schema: Schema, root: Schema | None = None, place: Place = ()) -> Iterator[Fault]:
    """Every fault of the value, with its place; `root` holds the definitions that `$ref` names."""
    root = schema if root is None else root
    if "$ref" in schema:
        yield from faults_of(value, _named(schema["$ref"], root), root, place)
    wanted = schema.get("type")
    if wanted and not _is_of_type(value, wanted):
        yield place, f"this must be {NAMES.get(wanted, wanted)}, not {shown(value)}"
        return
    yield from ((place, fault) for fault in _simple_faults(value, schema))
    if isinstance(value, dict):
        yield from _table_faults(value, schema, root, place)
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from faults_of(item, schema["items"], root, (*place, number))
    yield from _combined_faults(value, schema, root, place)


def shown(value: Any) -> str:
    """The value as a message shows it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _named(reference: str, root: Schema) -> Schema:
    found: Schema = root["$defs"][reference.removeprefix("#/$defs/")]
    return found


def _is_of_type(value: Any, wanted: str) -> bool:
    return isinstance(value, TYPES[wanted]) and (wanted == "boolean" or not isinstance(value, bool))


def _matches(value: Any, schema: Schema, root: Schema) -> bool:
    return next(faults_of(value, schema, root), None) is None


def _of_text(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, limit: not isinstance(value, str) or holds(value, limit)


def _of_list(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, limit: not isinstance(value, list) or holds(value, limit)


def _of_number(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, limit: not _is_of_type(value, "number") or holds(value, limit)


SIMPLE: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    "const": (lambda value, limit: bool(value == limit), "this must be {limit!r}, not {shown}"),
    "enum": (lambda value, limit: value in limit, "{shown} is none of {limit}"),
    "pattern": (_of_text(lambda value, limit: bool(re.search(limit, value))), "{shown} is not written like {limit}"),
    "minLength": (_of_text(lambda value, limit: len(value) >= limit), "this must have at least {limit} characters"),
    "maxLength": (_of_text(lambda value, limit: len(value) <= limit), "this must have at most {limit} characters"),
    "minItems": (_of_list(lambda value, limit: len(value) >= limit), "this must have at least {limit} entries"),
    "maxItems": (_of_list(lambda value, limit: len(value) <= limit), "this must have at most {limit} entries"),
    "minimum": (_of_number(lambda value, limit: bool(value >= limit)), "this must be at least {limit}, not {shown}"),
    "maximum": (_of_number(lambda value, limit: bool(value <= limit)), "this must be at most {limit}, not {shown}"),
    "exclusiveMinimum": (
        _of_number(lambda value, limit: bool(value > limit)),
        "this must be above {limit}, not {shown}",
    ),
}


def _simple_faults(value: Any, schema: Schema) -> Iterator[str]:
    for keyword, (holds, message) in SIMPLE.items():
        if keyword in schema and not holds(value, schema[keyword]):
            yield message.format(limit=schema[keyword], shown=shown(value))


def _table_faults(value: dict[str, Any], schema: Schema, root: Schema, place: Place) -> Iterator[Fault]:
    yield from ((place, f"{name!r} is missing") for name in schema.get("required", ()) if name not in value)
    known = schema.get("properties", {})
    other = schema.get("additionalProperties", True)
    for name, item in value.items():
        if name in known:
            yield from faults_of(item, known[name], root, (*place, name))
        elif other is False:
            yield (*place, name), f"there is no key {name!r}; there are: {', '.join(known)}"
        elif isinstance(other, dict):
            yield from faults_of(item, other, root, (*place, name))


def _combined_faults(value: Any, schema: Schema, root: Schema, place: Place) -> Iterator[Fault]:
    for part in schema.get("allOf", ()):
        yield from faults_of(value, part, root, place)
    if "if" in schema and _matches(value, schema["if"], root):
        yield from faults_of(value, schema["then"], root, place)
    refused = "not" in schema and _matches(value, schema["not"], root)
    one_of, any_of = schema.get("oneOf"), schema.get("anyOf")
    refused = refused or (one_of is not None and sum(_matches(value, part, root) for part in one_of) != 1)
    refused = refused or (any_of is not None and not any(_matches(value, part, root) for part in any_of))
    if refused:
        yield place, "these keys don't go together, or one is missing; quizzes/README.md has a question of each kind"
