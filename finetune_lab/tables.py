"""Rows of ready cells as plain text or as an HTML table, and sizes as a person reads them."""

from collections.abc import Sequence
from html import escape

Rows = Sequence[dict[str, str]]


def as_text(rows: Rows) -> str:
    """Columns aligned: the first to the left, the others, which are mostly numbers, to the right."""
    if not rows:
        return "(no rows)"
    names = list(rows[0])
    widths = [max(len(name), *(len(row[name]) for row in rows)) for name in names]
    lines = [names, ["-" * width for width in widths], *([row[name] for name in names] for row in rows)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def as_html(rows: Rows) -> str:
    """A table with a header row, every cell escaped; words stand to the left and numbers to the right.

    Said in each cell: notebooks have styles of their own, which put everything to the right.
    """
    if not rows:
        return "<p>(no rows)</p>"
    styles = {name: f'style="text-align: {_side([row[name] for row in rows])}"' for name in rows[0]}
    head = "".join(f'<th scope="col" {styles[name]}>{escape(name)}</th>' for name in rows[0])
    body = "".join(
        f"<tr>{''.join(f'<td {styles[name]}>{escape(cell)}</td>' for name, cell in row.items())}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _side(cells: Sequence[str]) -> str:
    """Where a column stands: to the right if each of its cells that says something begins as a number does."""
    said = [cell for cell in cells if cell not in ("", "-")]
    return "right" if all(cell.lstrip("+-~")[:1].isdigit() for cell in said) else "left"


def readable(size: int) -> str:
    """Bytes in GiB or MiB, as fits."""
    return f"{size / 2**30:.2f} GiB" if size >= 2**30 else f"{size / 2**20:.2f} MiB"


def printable(text: str) -> str:
    """A stranger's words without what a terminal would obey: control characters are shown as replaced."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
