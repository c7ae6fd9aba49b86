"""Names of adapters: the same on every system, in a zip and on a command line."""

import re

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
LONGEST = 64
RESERVED = {"con", "prn", "aux", "nul", "clock$", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}


def name_fault(name: str) -> str | None:
    """Why an adapter can't be called `name`; None where it can."""
    if not NAME.fullmatch(name) or name.endswith("."):
        return "is made of letters, digits, - _ and ., begins with a letter or a digit and does not end with a dot"
    if len(name) > LONGEST:
        return f"has at most {LONGEST} characters"
    if name.partition(".")[0].lower() in RESERVED:
        return "is no word that Windows keeps for itself"
    return None


def proposed(text: str) -> str:
    """A name that is allowed, as near to `text` as can be."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:LONGEST].rstrip("-._")
    return name if name and name_fault(name) is None else "my-adapter"
