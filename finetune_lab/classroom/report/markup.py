"""HTML whose text is escaped where it is made, so that no place can forget it."""

from html import escape
from typing import Any

EMPTY = ("meta", "circle", "rect", "line", "path", "col")  # elements without content


class Markup(str):
    """HTML that `element` made; any other text is escaped when it is put into an element."""

    __slots__ = ()


def element(name: str, /, *content: Any, **attributes: Any) -> Markup:
    """`element("p", "a < b", class_="note")` is `<p class="note">a &lt; b</p>`; `aria_label` becomes `aria-label`."""
    told = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"' for key, value in attributes.items())
    if name in EMPTY:
        return Markup(f"<{name}{told}>" if name in ("meta", "col") else f"<{name}{told}/>")
    return Markup(f"<{name}{told}>{joined(*content)}</{name}>")


def joined(*content: Any) -> Markup:
    """The parts one after another, each escaped unless it is markup already."""
    return Markup("".join(one if isinstance(one, Markup) else escape(str(one)) for one in content))


def table(caption: str, columns: list[tuple[str, str]], rows: list[list[Any]], **attributes: Any) -> Markup:
    """A table whose first cells name their rows.

    Args:
        caption: what it shows.
        columns: name and explanation of each.
        rows: a cell for each column; numbers stand to the right.
        **attributes: of the table.
    """
    kinds = [_kind(cell) for cell in rows[0]] if rows else ["text"] * len(columns)
    head = joined(
        *(
            element("th", name, scope="col", title=why, class_=kind)
            for (name, why), kind in zip(columns, kinds, strict=True)
        )
    )
    body = joined(*(_row(cells) for cells in rows))
    drawn = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", head)),
        element("tbody", body),
        **attributes,
    )
    return element("div", drawn, class_="wide", tabindex="0", role="region", aria_label=caption)


def _row(cells: list[Any]) -> Markup:
    first, *others = cells
    drawn = [one if _is_cell(one) else element("td", one, class_=_kind(one)) for one in others]
    return element("tr", element("th", first, scope="row"), *drawn)


def _is_cell(part: Any) -> bool:
    return isinstance(part, Markup) and part.startswith("<td")


def _kind(cell: Any) -> str:
    """How a cell stands: numbers, and dashes in their place, to the right."""
    if _is_cell(cell):
        return "number" if 'class="number' in cell.partition(">")[0] else "text"
    return "text" if isinstance(cell, str) and not cell[:1].isdigit() and cell[:1] not in "-\u2212\u2013" else "number"
