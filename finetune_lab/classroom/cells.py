"""Text of strangers in a CSV cell: spreadsheets run what begins like a formula."""

import unicodedata

STARTERS = "=+-@|%"


def cell(text: str) -> str:
    """The text on one line, with an apostrophe in front where a spreadsheet could take it for a formula.

    Spaces of every kind and invisible letters before the sign don't hide it, and full-width signs count (OWASP's "CSV
    injection"; CVE-2021-41270). Numbers don't belong here: they stay numbers.
    """
    line = "".join(" " if unicodedata.category(one) in ("Cc", "Zl", "Zp") else one for one in text)
    seen = unicodedata.normalize("NFKC", line)
    first = next((one for one in seen if not one.isspace() and unicodedata.category(one) not in ("Cf", "Mn")), "")
    return f"'{line}" if first and first in STARTERS else line


def uncelled(text: str) -> str:
    """The text of a cell that `cell` wrote: without the apostrophe that it put in front."""
    return text[1:] if text.startswith("'") and cell(text[1:]) == text else text
