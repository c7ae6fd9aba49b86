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
    """A plain table with a header row; every cell escaped."""
    if not rows:
        return "<p>(no rows)</p>"
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in rows[0])
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row.values())}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def readable(size: int) -> str:
    """Bytes in GiB or MiB, as fits."""
    return f"{size / 2**30:.2f} GiB" if size >= 2**30 else f"{size / 2**20:.2f} MiB"
