"""Two small charts as SVG: a scatter of runs and a histogram of scores. Colour, shape and words say the same."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from finetune_lab.classroom.report.markup import Markup, element, joined

WIDTH, HEIGHT = 480, 330
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 14, 50
# The colours of every chart of the laboratory, after Okabe and Ito.
LOOKS = {"full": ("#0072B2", "circle"), "lora": ("#C04E00", "square"), "qlora": ("#007A5A", "triangle")}


@dataclass(frozen=True)
class Dot:
    """A point, the name of its look, and what to say of it."""

    x: float
    y: float
    look: str
    says: str


def scatter(dots: Sequence[Dot], x_name: str, y_name: str, title: str) -> Markup:
    """Dots in a frame with round ticks; each says on hovering, and to a screen reader, whose it is."""
    x_ticks, y_ticks = (ticks([getattr(dot, side) for dot in dots]) for side in ("x", "y"))
    right, up = _scale(x_ticks, LEFT, WIDTH - RIGHT), _scale(y_ticks, HEIGHT - BOTTOM, TOP)
    lines = [_grid(right(tick), None, shown(tick)) for tick in x_ticks]
    lines += [_grid(None, up(tick), shown(tick)) for tick in y_ticks]
    drawn = [element("g", element("title", dot.says), _shape(dot, right(dot.x), up(dot.y))) for dot in dots]
    return _picture(title, joined(*lines, *drawn), x_name, y_name)


def histogram(counts: Sequence[int], names: Sequence[str], x_name: str, title: str) -> Markup:
    """A bar for each count, with the count above it."""
    y_ticks = ticks([0, *counts])
    up = _scale(y_ticks, HEIGHT - BOTTOM, TOP)
    step = (WIDTH - LEFT - RIGHT) / len(counts)
    parts = [_grid(None, up(tick), shown(tick)) for tick in y_ticks if tick == round(tick)]
    for at, (count, name) in enumerate(zip(counts, names, strict=True)):
        x, y = LEFT + at * step, up(count)
        bar = element(
            "rect", x=_at(x + 2), y=_at(y), width=_at(step - 4), height=_at(HEIGHT - BOTTOM - y), fill="#0072B2"
        )
        parts.append(bar)
        if count:
            parts.append(element("text", count, x=_at(x + step / 2), y=_at(y - 4), text_anchor="middle"))
        parts.append(element("text", name, x=_at(x + step / 2), y=HEIGHT - BOTTOM + 16, text_anchor="middle"))
    return _picture(title, joined(*parts), x_name, "students")


def legend(names: Sequence[tuple[str, str]]) -> Markup:
    """The looks and what they stand for, in one line."""
    items = [
        element(
            "span",
            element("svg", _shape(Dot(0, 0, look, ""), 8, 8), width=16, height=16, aria_hidden="true"),
            f" {name}",
        )
        for look, name in names
    ]
    return element("p", *items, class_="legend")


def ticks(values: Sequence[float]) -> list[float]:
    """Four to eight round numbers that span the values: 1, 2 or 5 times a power of ten apart."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if high - low < 1e-9 * max(1.0, abs(high)):
        low, high = low - max(0.5, abs(low) * 0.1), high + max(0.5, abs(high) * 0.1)
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [at * step for at in range(first, last + 1)]


def shown(value: float) -> str:
    """A tick as it is read: `1,500`, `0.25`."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.3g}"


def _scale(marks: Sequence[float], start: float, end: float) -> Callable[[float], float]:
    low, high = marks[0], marks[-1]
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _shape(dot: Dot, x: float, y: float) -> Markup:
    colour, shape = LOOKS[dot.look]
    how = {"fill": colour, "fill_opacity": 0.75, "stroke": "#ffffff", "stroke_width": 1}
    if shape == "circle":
        return element("circle", cx=_at(x), cy=_at(y), r=5, **how)
    if shape == "square":
        return element("rect", x=_at(x - 4.5), y=_at(y - 4.5), width=9, height=9, **how)
    return element("path", d=f"M{_at(x)} {_at(y - 6)}l5.5 10h-11z", **how)


def _grid(x: float | None, y: float | None, name: str) -> Markup:
    if x is not None:
        line = element("line", x1=_at(x), x2=_at(x), y1=TOP, y2=HEIGHT - BOTTOM, class_="grid")
        return joined(line, element("text", name, x=_at(x), y=HEIGHT - BOTTOM + 16, text_anchor="middle"))
    line = element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=_at(y or 0), y2=_at(y or 0), class_="grid")
    return joined(line, element("text", name, x=LEFT - 6, y=_at((y or 0) + 4), text_anchor="end"))


def _picture(title: str, inside: Markup, x_name: str, y_name: str) -> Markup:
    middle_x, middle_y = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
    names = joined(
        element("text", x_name, x=_at(middle_x), y=HEIGHT - 10, text_anchor="middle", class_="axis"),
        element(
            "text", y_name, x=14, y=_at(middle_y), text_anchor="middle", class_="axis",
            transform=f"rotate(-90 14 {_at(middle_y)})",
        ),
    )  # fmt: skip
    drawn = element("svg", element("title", title), inside, names, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img")
    return element("figure", drawn, element("figcaption", title))


def _at(value: float) -> str:
    return f"{value:.1f}"
