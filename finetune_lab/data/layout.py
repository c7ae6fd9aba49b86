"""Finds the prompt and the completion in the rows of a user's own data.

The fields, in order of choice:

1. those named by `prompt_field` and `completion_field`: the prompt as it is, then a line break unless it already ends
   in white space, so that prompt and completion stay apart;
2. `prompt` and `completion`, as they are;
3. `messages`, a list of `{"role", "content"}`: the completion is the last assistant message, the prompt is each message
   before it as a line `role: content`, then `assistant: `;
4. `instruction`, perhaps `input`, and `output`: instruction and input, each ended by a line break.

Every other field is ignored. The fields are chosen once for a source, by all the names that occur in it.
"""

from collections.abc import Callable
from typing import Any

from finetune_lab.data.records import Example, Source

Row = dict[str, Any]
Layout = Callable[[Row], Example | list[str]]
KINDS = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}


def to_examples(source: Source, prompt_field: str | None, completion_field: str | None) -> tuple[Example, ...]:
    """One example a row, in order.

    Raises:
        DataError: with every fault of the source and of its rows, when there is any.
    """
    names = list(dict.fromkeys(name for _, row in source.rows for name in row))
    faults = list(source.faults)
    layout = _layout(names, prompt_field, completion_field)
    if isinstance(layout, str):
        raise source.error([*faults, (0, layout)] if source.rows else faults)
    examples = []
    for number, row in source.rows:
        found = layout(row)
        if isinstance(found, Example):
            examples.append(found)
        else:
            faults += [(number, what) for what in found]
    if faults:
        raise source.error(faults)
    return tuple(examples)


def _layout(names: list[str], prompt_field: str | None, completion_field: str | None) -> Layout | str:
    """How to read a row of a source that has these fields, or what is wrong with them."""
    has = ", ".join(repr(name) for name in names)
    if prompt_field is not None and completion_field is not None:
        missing = [repr(name) for name in (prompt_field, completion_field) if name not in names]
        if missing:
            return f"no field {' and no field '.join(missing)}; the fields are {has}"
        return lambda row: _named_pair(row, prompt_field, completion_field)
    if {"prompt", "completion"} <= set(names):
        return lambda row: _pair(row, "prompt", "completion")
    if "messages" in names:
        return _last_answer
    if {"instruction", "output"} <= set(names):
        return _instruction
    return (
        f"no prompt and completion: the fields are {has}; name two of them with prompt_field and completion_field, or "
        "call them prompt and completion (messages, or instruction and output, are known too)"
    )


def text_fault(value: Any, name: str) -> str | None:
    """What keeps `value` from being a text to train on; None if nothing does."""
    if value is None:
        return f"{name} is null"
    if not isinstance(value, str):
        return f"{name} is {KINDS.get(type(value), type(value).__name__)}, not text"
    if not value.strip():
        return f"{name} is empty"
    if "\0" in value:
        return f"{name} holds a NUL character"
    try:
        value.encode()
    except UnicodeEncodeError:  # JSON can write it as an escape, no tokenizer can read it
        return f"{name} holds half a surrogate pair, which is no character"
    return None


def _field_faults(row: Row, *names: str) -> list[str]:
    checked = [text_fault(row[name], repr(name)) if name in row else f"no field {name!r}" for name in names]
    return [fault for fault in checked if fault]


def _pair(row: Row, prompt_field: str, completion_field: str) -> Example | list[str]:
    return _field_faults(row, prompt_field, completion_field) or Example(row[prompt_field], row[completion_field])


def _named_pair(row: Row, prompt_field: str, completion_field: str) -> Example | list[str]:
    found = _pair(row, prompt_field, completion_field)
    if isinstance(found, Example) and not found.prompt[-1].isspace():
        return Example(found.prompt + "\n", found.completion)
    return found


def _instruction(row: Row) -> Example | list[str]:
    required = ("instruction", "output")
    names = ("instruction", "input", "output") if row.get("input") not in (None, "") else required
    return _field_faults(row, *names) or Example("".join(row[name] + "\n" for name in names[:-1]), row["output"])


def _last_answer(row: Row) -> Example | list[str]:
    messages = row.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        return ["'messages' is no list of objects" if "messages" in row else "no field 'messages'"]
    faults = [
        f"message {number}: {fault}"
        for number, message in enumerate(messages, 1)
        for fault in _field_faults(message, "role", "content")
    ]
    if faults:
        return faults
    answers = [place for place, message in enumerate(messages) if message["role"] == "assistant"]
    if not answers:
        return ["'messages' holds no message of the assistant"]
    if answers[-1] == 0:
        return ["'messages' holds nothing before the assistant's message"]
    before = "".join(f"{message['role']}: {message['content']}\n" for message in messages[: answers[-1]])
    return Example(before + "assistant: ", messages[answers[-1]]["content"])
