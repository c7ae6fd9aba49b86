"""Reads a number as people write it: `4.5`, `4,5`, `1.2e6`, `1.2 M`, `1,234,567`, `12 MiB`, `about 25 %`."""

import math
import re
from dataclasses import dataclass

NUMBER = re.compile(r"[-+]?\d[\d.,_'\s\u00a0\u202f]*(?:[eE][-+]?\d{1,3})?|[-+]?[.,]\d+(?:[eE][-+]?\d{1,3})?")
POWER = re.compile(r"([\d.,]+)\s*(?:[x*\u00d7\u00b7]\s*)10\s*(?:\^|\*\*)\s*\{?([-+]?\d{1,2})\}?")
LONGEST = 200  # characters
THOUSAND = {
    "k": 1e3, "thousand": 1e3, "m": 1e6, "mio": 1e6, "million": 1e6, "millions": 1e6,
    "b": 1e9, "bn": 1e9, "billion": 1e9, "billions": 1e9,
}  # fmt: skip
BYTES = {
    "b": 1.0, "byte": 1.0, "bytes": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
    "kib": 1024.0, "mib": 1024.0**2, "gib": 1024.0**3, "tib": 1024.0**4,
    "kilobytes": 1e3, "megabytes": 1e6, "gigabytes": 1e9, "megabyte": 1e6, "gigabyte": 1e9,
    "k": 1e3, "m": 1e6, "g": 1e9,
}  # fmt: skip
FAMILIES: dict[str, dict[str, float]] = {
    "bytes": BYTES,
    "GB": {name: size / 1e9 for name, size in BYTES.items()},
    "MB": {name: size / 1e6 for name, size in BYTES.items()},
    "MiB": {name: size / 1024**2 for name, size in BYTES.items()},
    "bits": {"bit": 1.0, "bits": 1.0, "b": 1.0, "byte": 8.0, "bytes": 8.0},
    "%": {"%": 1.0, "percent": 1.0, "pct": 1.0},
    "times": {"x": 1.0, "times": 1.0, "fold": 1.0, "\u00d7": 1.0},
    "nats": {"nat": 1.0, "nats": 1.0},
}


@dataclass(frozen=True)
class ReadNumber:
    """A number in the unit of the question, or what is wrong with what was written."""

    value: float | None
    fault: str = ""


def read_number(answer: object, unit: str) -> ReadNumber:
    """The number that an answer gives; a bare number is in the question's own unit."""
    if isinstance(answer, bool):
        return ReadNumber(None, "Write a number.")
    if isinstance(answer, int | float):
        return _finite(answer, 1.0)
    if not isinstance(answer, str) or len(answer) > LONGEST:
        return ReadNumber(None, "Write one number, with its unit if you like.")
    text = answer.strip().replace("\u2212", "-")
    text = POWER.sub(lambda match: f"{match[1]}e{match[2]}", text)
    found = [match for match in NUMBER.finditer(text) if any(char.isdigit() for char in match[0])]
    if len(found) != 1:
        return ReadNumber(None, "Write one number." if found else "There is no number in this answer.")
    number = _plain(found[0][0])
    if number is None:
        return ReadNumber(None, f"{found[0][0].strip()!r} can't be read as a number.")
    return _with_unit(number, text[found[0].end() :], unit)


def _plain(text: str) -> float | None:
    """`1,234,567`, `1.234.567`, `4,5`, `1 000`: a single comma before three digits separates thousands."""
    compact = re.sub(r"[\s_'\u00a0\u202f]", "", text).rstrip(".,")
    if compact.count(",") == 1 and "." not in compact and not re.fullmatch(r"[-+]?[1-9]\d{0,2},\d{3}", compact):
        compact = compact.replace(",", ".")
    elif compact.count(".") > 1 and "," not in compact:
        compact = compact.replace(".", "")
    elif "," in compact and "." in compact and compact.rfind(",") > compact.rfind("."):
        compact = compact.replace(".", "").replace(",", ".")
    else:
        compact = compact.replace(",", "")
    try:
        return float(compact)
    except ValueError:
        return None


def _with_unit(number: float, after: str, unit: str) -> ReadNumber:
    """The number in the question's unit; words that are no unit are read over."""
    word = re.match(r"\s*([A-Za-z%\u00d7]+)", after)
    if not word:
        return _finite(number, 1.0)
    name = word[1].lower()
    family = FAMILIES.get(unit, {})
    if name in family:
        return _finite(number, family[name])
    if unit in ("parameters", "weights", "") and name in THOUSAND:
        return _finite(number, THOUSAND[name])
    if unit in ("bytes", "GB", "MB", "MiB", "bits", "times", "%", "nats", "parameters") and _is_other_unit(name, unit):
        return ReadNumber(None, f"This is asked in {unit}, and {word[1]} is no such unit.")
    return _finite(number, 1.0)


def _is_other_unit(name: str, unit: str) -> bool:
    return any(name in names for other, names in FAMILIES.items() if other != unit and len(name) > 1) or name == "%"


def _finite(number: float, factor: float) -> ReadNumber:
    try:
        value = float(number) * factor
    except OverflowError:
        value = math.inf
    return ReadNumber(value) if math.isfinite(value) else ReadNumber(None, "This number is not finite.")
