"""The report: its figures are right, and no text of a student is anything but text (F25)."""

import re
import shutil
from pathlib import Path

import pytest
import thirty
from test_class_course import invoke, thirty_in  # noqa: F401 - a fixture

from finetune_lab.classroom.batch import Handed
from finetune_lab.classroom.gradebook import Row
from finetune_lab.classroom.marking import Mark, Try
from finetune_lab.classroom.report.drawing import Dot, histogram, scatter, shown, ticks
from finetune_lab.classroom.report.items import correlation, is_unsure
from finetune_lab.classroom.report.markup import element, table
from finetune_lab.classroom.report.mistakes import mistakes_of
from finetune_lab.classroom.report.runs import run_points
from finetune_lab.classroom.roster import Person
from finetune_lab.classroom.submission import Submission
from finetune_lab.quiz.loading import load_bank


def test_discrimination_is_the_point_biserial_coefficient():
    right, rest = [1, 1, 1, 1, 0, 0, 0, 0, 1, 0], [9, 8, 7, 9, 3, 2, 5, 4, 4, 6]
    passed = [one for one, good in zip(rest, right, strict=True) if good]
    failed = [one for one, good in zip(rest, right, strict=True) if not good]
    middle = sum(rest) / 10
    spread = (sum((one - middle) ** 2 for one in rest) / 10) ** 0.5
    expected = (sum(passed) / 5 - sum(failed) / 5) / spread * (0.5 * 0.5) ** 0.5
    assert correlation(list(zip(right, rest, strict=True))) == pytest.approx(expected)
    assert correlation([(0.0, 1.0)] * 7) is None  # too few
    assert correlation([(1.0, float(one)) for one in range(10)]) is None  # all right


@pytest.mark.parametrize(
    ("answer", "unsure"),
    [
        ("I don't know.", True), ("idk", True), ("Not sure about this one", True), ("", True), ("???", True),
        (None, True),
        ([], True), ("I'm unsure", True), ("no idea", True), ("I really don't remember", True),
        ("The weights don't know about the data.", False), ("quantized-base", False), (["lora"], False), (0, False),
        ("I don't know much but all weights of the base are updated by descent", False), ("pass the gradients", False),
    ],
)  # fmt: skip
def test_who_says_that_they_dont_know_is_counted(answer, unsure):
    assert is_unsure(answer) == unsure


def test_mistakes_are_counted_by_students_at_any_attempt_with_how_many_mended_them():
    bank = load_bank("lesson")
    at = bank.ids.index("quick-qlora")

    def row(student, *tries):
        marks = [Mark(name, 0.0, "not_yet", 0.0, 0) for name in bank.ids]
        marks[at] = Mark("quick-qlora", 0.0, "not_yet", 0.0, 1, tries=tries)
        return Row(Person(student), None, marks)

    wrong = Try("not_yet", 0.0, ("chose no-descent",))
    right = Try("pass", 1.0, ("chose quantized-base",))
    other = Try("not_yet", 0.0, ("chose no-attention",))
    found = mistakes_of(bank, [row("a", wrong, wrong), row("b", wrong, right), row("c", other), row("d", right)])
    assert [(one.rule, one.students, one.mended) for one in found] == [
        ("chose no-descent", 2, 1),
        ("chose no-attention", 1, 0),
    ]
    assert found[0].says


def test_figures_of_runs_that_are_none_are_left_out():
    good = {"method": "lora", "rank": 8, "eval_loss_after": 1.5, "seconds": 20, "memory": {"measured": {"peak": 2**20}}}
    changes = (
        {}, {"eval_loss_after": "1.5"}, {"eval_loss_after": -1}, {"method": ["lora"]}, {"eval_loss_after": 1e30},
        {"rank": True, "memory": [], "seconds": None},
    )  # fmt: skip
    runs = (*({"summary": {**good, **one}} for one in changes), {"summary": {}})
    submission = Submission("a", "ml-101", "", thirty.DUE, (), runs, (), 1)
    found = run_points([Row(Person("a"), Handed("a.json", thirty.DUE, "", submission), [])])
    figures = [(one.rank, one.peak, one.seconds, one.loss) for one in found]
    assert figures == [(8, 1.0, 20.0, 1.5), (None, None, None, 1.5)]


def test_ticks_are_round_and_span_everything():
    for values in ([1.3, 1.6], [0], [0, 0], [5e-5, 1e-4], [1e14, 3e14], [24.6, 96.2], [-3, 7]):
        found = ticks(values)
        assert found[0] <= min(values)
        assert found[-1] >= max(values)
        assert 2 <= len(found) <= 8
    assert [shown(one) for one in (1500.0, 0.25, 2.0)] == ["1,500", "0.25", "2"]
    drawn = (
        scatter([Dot(1, 1, "lora", "<b>")], "x", "y", "one"),
        scatter([], "x", "y", "none"),
        histogram([0, 0], "ab", "x", "t"),
    )
    assert all(one.startswith("<figure><svg") for one in drawn)
    assert "<b>" not in drawn[0]


def test_text_is_escaped_where_it_is_made():
    made = element("p", "<script>", element("b", "a & b"), title='"><script>', aria_label="x")
    assert made == '<p title="&quot;&gt;&lt;script&gt;" aria-label="x">&lt;script&gt;<b>a &amp; b</b></p>'
    assert "<th" in table("t", [("a", "")], [])


def test_f25_in_a_browser_nothing_of_a_hostile_class_runs_or_is_loaded(thirty_in):  # noqa: F811
    playwright = pytest.importorskip("playwright.sync_api")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("There is no Chromium.")
    hostile = thirty.CANARY
    names = thirty.students()
    Path("export.csv").write_text(
        thirty.canvas_roster(names).replace("Last3,", hostile.replace('"', '""') + ","), encoding="utf-8"
    )
    invoke("init", thirty.COURSE, "--roster", "export.csv")
    text = Path("export.csv").read_text("utf-8")
    assert "pwned" in text
    invoke("report", "in", "--course", "course.toml", "--out", "report.html")
    page_text = Path("report.html").read_text("utf-8")
    assert "pwned" in page_text  # it is there, as text
    assert not re.search(r"<(script|iframe|link|img)", page_text, re.IGNORECASE)
    Path("bare.html").write_text(
        re.sub(r"<meta http-equiv[^>]*>", "", page_text), encoding="utf-8"
    )  # without its policy
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 800})
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(Path("bare.html").resolve().as_uri())
        page.wait_for_timeout(200)
        assert "report on the class" in page.title()
        assert len(asked) == 1
        assert page.locator("section h2").count() == 7
        assert page.locator("table.matrix tbody tr").count() == 30
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator("svg circle, svg path").count() > 10
        found = axe.Axe().run(page)  # what a screen reader or a low contrast would stumble over
        assert [(one["id"], one["nodes"][0]["html"][:99]) for one in found.response["violations"]] == []
        browser.close()


def test_a_report_of_nobody_is_a_report(tmp_path):
    (tmp_path / "in").mkdir()
    invoke("report", tmp_path / "in", "--out", tmp_path / "report.html")
    assert "No run was handed in" in (tmp_path / "report.html").read_text("utf-8")
