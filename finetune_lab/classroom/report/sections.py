"""The parts of the report: scores, questions, mistakes, students, answers one by one, runs."""

from collections.abc import Sequence
from statistics import median

from finetune_lab.classroom.gradebook import Gradebook, Row
from finetune_lab.classroom.marking import Mark
from finetune_lab.classroom.report.drawing import LOOKS, Dot, histogram, legend, scatter
from finetune_lab.classroom.report.items import Item, items_of, mean
from finetune_lab.classroom.report.markup import Markup, element, joined, table
from finetune_lab.classroom.report.mistakes import mistakes_of
from finetune_lab.classroom.report.runs import RunPoint, run_points

NAMES = {"full": "full", "lora": "LoRA", "qlora": "QLoRA"}
MOST_MISTAKES = 25
SYMBOLS = {"pass": "●", "partial": "◐", "not_yet": "○", "review": "?", "no_run": "\u2013", "none": "·"}
WORDS = {
    "pass": "pass", "partial": "partial", "not_yet": "not yet", "review": "for a person", "no_run": "a run is missing",
    "none": "no answer",
}  # fmt: skip
DISCRIMINATION = "correlation with the points on all other questions; near 0 tells nothing, below 0: look at the key"


def scores(book: Gradebook) -> Markup:
    """How the class did, at a glance."""
    came = [row for row in book.rows if row.handed]
    shares = [row.score / book.max_score if book.max_score else 0.0 for row in came]
    counts = [0] * 10
    for share in shares:
        counts[min(9, max(0, int(share * 10)))] += 1
    facts = [
        (f"{len(came)} of {len(book.rows)}", "students handed in"),
        (_percent(median(shares) if shares else None), "median score"),
        (f"{sum(len(row.open) for row in book.rows)}", "answers for a person"),
        (f"{sum(row.late.days > 0 for row in book.rows)}", "late"),
        (f"{sum(mark.manual for row in book.rows for mark in row.marks)}", "marks by hand"),
    ]
    tiles = element("ul", *(element("li", element("b", fact), f" {what}") for fact, what in facts), class_="tiles")
    names = ["<10", *(f"{low}\u2013{low + 10}" for low in range(10, 90, 10)), "\u226590"]
    drawn = histogram(counts, names, f"percent of {book.max_score:g} points, after lateness", "Scores of the class")
    return section("Scores", tiles, element("div", drawn, class_="charts"))


def questions(book: Gradebook) -> Markup:
    """Each question's difficulty, discrimination, attempts and doubt."""
    columns = [
        ("question", "id in the bank"), ("answered", "students"),
        ("difficulty", "mean share of the points; 100 % is easy"), ("first try", "passed at the first attempt"),
        ("discrimination", DISCRIMINATION), ("attempts", "mean number that counts"),
        ("not sure", "left blank, or wrote that they don't know"), ("for a person", "answers that wait"),
    ]  # fmt: skip
    rows = [_item_row(one) for one in items_of(book.bank, book.rows)]
    said = (
        "Difficulty is the mean share of the points among those who answered. Discrimination is the point-biserial "
        "correlation with the points on all other questions (with partial marks: Pearson's); below zero is a reason to "
        "look at the key. A dash: too few students, or all alike. Answers that wait for a person count in neither."
    )
    return section("Questions", element("p", said), table("Each question", columns, list(rows)))


def mistakes(book: Gradebook) -> Markup:
    """The known mistakes that the class makes, the most common first."""
    found = mistakes_of(book.bank, book.rows)
    if not found:
        return section("Mistakes", element("p", "No rule for a known mistake has fired."))
    columns = [
        ("mistake", "the rule that fired"), ("question", "id in the bank"), ("students", "at any attempt"),
        ("mended", "of them, passed at a later attempt"), ("what the bank says", "feedback or wording"),
    ]  # fmt: skip
    rows = [[one.rule, one.question, one.students, one.mended, one.says] for one in found[:MOST_MISTAKES]]
    rest = element("p", f"And {len(found) - MOST_MISTAKES} rarer ones.") if len(found) > MOST_MISTAKES else ""
    return section("Mistakes", table("Rules for known mistakes, the most common first", columns, rows), rest)


def students(book: Gradebook) -> Markup:
    """Each student in one row."""
    columns = [
        ("student", "name, or id"), ("score", f"of {book.max_score:g}"), ("before lateness", ""), ("days late", ""),
        ("answered", "questions"), ("first try", "passed at the first attempt"), ("for a person", "answers that wait"),
        ("runs", "handed in"),
    ]  # fmt: skip
    return section("Students", table("Each student", columns, [_student_row(row) for row in book.rows]))


def answers(book: Gradebook) -> Markup:
    """Who has what: a symbol for each student and question."""
    columns = [("student", "")] + [(str(number), name) for number, name in enumerate(book.bank.ids, 1)]
    rows = [[name_of(row), *(_symbol(mark) for mark in row.marks)] for row in book.rows]
    key = "● pass, ◐ partial, ○ not yet, ? for a person, \u2013 a run is missing, · no answer; a number: points by hand"
    numbered = element("ol", *(element("li", name) for name in book.bank.ids), class_="numbered")
    return section("Answers", element("p", key), table("Each answer", columns, rows, class_="matrix"), numbered)


def runs(book: Gradebook) -> Markup:
    """What the class's own runs needed and reached."""
    points = run_points(book.rows)
    if not points:
        return section("Runs", element("p", "No run was handed in whose figures can be drawn."))
    note = "As the records say; class verify looks for what does not fit in them. Loss: on examples not trained on."
    charts = [
        _chart(points, "peak", "MiB", "peak memory, MiB", "Memory and loss"),
        _chart(points, "seconds", "s", "time of the steps, s", "Time and loss"),
    ]
    columns = [("method", ""), ("runs", ""), ("memory, MiB", "median peak"), ("time, s", "median"), ("loss", "median")]
    rows = [
        [
            NAMES[method],
            len(own),
            *(_median([getattr(one, field) for one in own]) for field in ("peak", "seconds", "loss")),
        ]
        for method in LOOKS
        if (own := [one for one in points if one.method == method])
    ]
    shapes = legend([(method, NAMES[method]) for method in LOOKS])
    return section(
        "Runs", element("p", note), shapes, element("div", *charts, class_="charts"), table("Medians", columns, rows)
    )


def section(title: str, *content: object) -> Markup:
    """A part with its heading."""
    return element("section", element("h2", title), *content)


def name_of(row: Row) -> str:
    """The name, and the id where there is none."""
    names = [name for name in (row.person.last_name, row.person.first_name) if name]
    return ", ".join(names) or row.student


def _item_row(one: Item) -> list[object]:
    low = one.discrimination is not None and one.discrimination < 0
    shown = "\u2013" if one.discrimination is None else f"{one.discrimination:.2f}".replace("-", "\u2212")
    return [
        one.question.id, one.answered, _bar(one.difficulty), _percent(one.first_try),
        element("td", joined(shown, " look" if low else ""), class_="number low" if low else "number"),
        "\u2013" if one.attempts is None else f"{one.attempts:.1f}", _percent(one.unsure), one.waiting,
    ]  # fmt: skip


def _bar(share: float | None) -> Markup:
    width = f"{100 * (share or 0):.0f}"
    fill = element("span", style=f"width:{width}%", class_="fill")
    return element("td", _percent(share), element("span", fill, class_="bar", aria_hidden="true"), class_="number")


def _student_row(row: Row) -> list[object]:
    tried = [mark for mark in row.marks if mark.tries]
    first = mean(float(mark.tries[0].verdict == "pass") for mark in tried)
    count = len(row.handed.submission.runs) if row.handed else 0
    came = row.handed is not None
    score = f"{row.score:g}" if came or any(mark.manual for mark in row.marks) else "nothing came in"
    return [name_of(row), score, f"{row.raw:g}", row.late.days, len(tried), _percent(first), len(row.open), count]


def _symbol(mark: Mark) -> Markup:
    kind = "none" if not mark.attempt else "no_run" if "no_run" in mark.fired else mark.verdict
    if mark.manual:
        said = f"{mark.question}: {mark.points:g} points by hand"
        return element("td", element("u", f"{mark.points:g}"), title=said, aria_label=said)
    said = f"{mark.question}: {WORDS[kind]}, {mark.points:g} points"
    return element("td", SYMBOLS[kind], title=said, aria_label=said, class_=kind)


def _chart(points: Sequence[RunPoint], field: str, unit: str, name: str, title: str) -> Markup:
    dots = [
        Dot(x, one.loss, one.method, f"{_says(one)}, {x:,.0f} {unit}, loss {one.loss:.3f}")
        for one in points
        if one.loss is not None and (x := getattr(one, field)) is not None
    ]
    return scatter(dots, name, "evaluation loss, nats a token", title)


def _says(one: RunPoint) -> str:
    return f"{one.student}: {NAMES[one.method]}{f' r={one.rank}' if one.rank else ''}"


def _median(values: Sequence[float | None]) -> str:
    known = [one for one in values if one is not None]
    return f"{median(known):,.2f}" if known else "\u2013"


def _percent(share: float | None) -> str:
    return "\u2013" if share is None else f"{100 * share:.0f} %"
