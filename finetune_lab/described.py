"""Settings that describe themselves: a dataclass field with its help and range, and what is wrong with the values."""

import math
from dataclasses import Field, field, fields
from typing import Any, Literal, get_args, get_origin


def described(default: Any, help_text: str, *, low: float | None = None, high: float | None = None) -> Any:
    """A dataclass field with its help and its range (both ends allowed) in the metadata."""
    return field(default=default, metadata={"help": help_text, "low": low, "high": high})


def range_faults(config: Any) -> list[str]:
    """One line for each field whose value is of another type than is declared, or outside the range in its metadata."""
    values = ((item, getattr(config, item.name)) for item in fields(config))
    return [fault for item, value in values if (fault := _type_fault(item, value) or _range_fault(item, value))]


def _type_fault(item: "Field[Any]", value: Any) -> str | None:
    if get_origin(item.type) is Literal:
        choices = get_args(item.type)
        return None if value in choices else f"{item.name} must be {' or '.join(choices)}, not {value!r}."
    allowed = [kind for kind in (get_args(item.type) or (item.type,)) if kind is not type(None)]
    if value is None and item.default is None:
        return None
    if type(value) in allowed or (float in allowed and type(value) is int):  # true and false are no numbers
        return None if value != "" else f"{item.name} must not be empty."
    return f"{item.name} must be {' or '.join(kind.__name__ for kind in allowed)}, not {value!r}."


def _range_fault(item: "Field[Any]", value: Any) -> str | None:
    if not isinstance(value, int | float):
        return None
    low, high = item.metadata.get("low"), item.metadata.get("high")
    if (low is None or value >= low) and (high is None or value <= high) and abs(value) < math.inf:  # NaN fails all
        return None
    span = "finite" if low is None else f"at least {low}" if high is None else f"from {low} to {high}"
    return f"{item.name} must be {span}{'' if abs(value) < math.inf else ' and finite'}, not {value}."
