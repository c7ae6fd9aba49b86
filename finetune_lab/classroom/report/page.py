"""The report as one HTML file: no script, nothing loaded from anywhere, on paper as on the screen."""

from finetune_lab.classroom.gradebook import Gradebook
from finetune_lab.classroom.report import sections
from finetune_lab.classroom.report.confidence import confidence
from finetune_lab.classroom.report.markup import Markup, element, joined
from finetune_lab.quiz.version import grader_version

STYLE = """
:root { --ink: #222; --soft: #5c5c5c; --line: #d5d5d5; --back: #fff; --tint: #f3f6f9; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; color: var(--ink); background: var(--back);
       font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; margin: 0; } h2 { font-size: 1.25rem; margin: 2.2rem 0 .6rem; }
p { max-width: 48rem; margin: .4rem 0 .8rem; } header p, figcaption, caption { color: var(--soft); }
nav ul, .tiles { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .4rem 1.1rem; margin: .8rem 0; }
.tiles li { background: var(--tint); border-radius: .5rem; padding: .5rem .9rem; }
.tiles b { display: block; font-size: 1.4rem; line-height: 1.2; }
a { color: #005a9c; } a:focus-visible, .wide:focus-visible { outline: 3px solid #005a9c; outline-offset: 2px; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; }
caption { text-align: left; padding: .3rem 0; }
th, td { padding: .28rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { background: var(--tint); border-bottom: 2px solid #8a8a8a; vertical-align: bottom; overflow-wrap: normal; }
tbody th { font-weight: 500; max-width: 19rem; } td.text { max-width: 32rem; min-width: 8rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.low { color: #a30000; font-weight: 700; }
.bar { display: inline-block; width: 5rem; height: .65rem; margin-left: .5rem; background: #e2e6ea; }
.fill { display: block; height: 100%; background: #0072b2; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1rem; max-width: 64rem; }
figure { margin: 0; max-width: 32rem; } svg { max-width: 100%; } figure svg { width: 100%; height: auto; }
svg text { font-size: 12px; fill: #333; } svg .axis { font-size: 13px; } svg .grid { stroke: #e2e2e2; }
.legend span { margin-right: 1.2rem; } .legend svg { vertical-align: -3px; }
.matrix { font-size: .78rem; }
.matrix td, .matrix thead th { text-align: center; padding: .12rem .16rem; min-width: 1.15rem; white-space: nowrap; }
.matrix thead th:first-child { text-align: left; }
.matrix th:first-child { position: sticky; left: 0; background: var(--back); }
.matrix tbody th { white-space: nowrap; overflow: hidden;
       text-overflow: ellipsis; max-width: 11rem; }
.matrix .pass { color: #00684b; } .matrix .partial { color: #8a5a00; } .matrix .not_yet { color: #a33a00; }
.matrix .review { color: #6a1b9a; font-weight: 700; } .matrix .none, .matrix .no_run { color: #6b6b6b; }
.numbered { columns: 14rem auto; font-size: .85rem; color: var(--soft); }
@page { size: A4 landscape; margin: 12mm; }
@media print { body { padding: 0; max-width: none; font-size: 10pt; } nav { display: none; }
  .wide { overflow: visible; } .matrix { font-size: .72rem; } .matrix td, .matrix thead th { padding: .1rem .04rem; }
  section { break-inside: auto; } h2 { break-after: avoid; } tr, figure { break-inside: avoid; }
  thead { display: table-header-group; } * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""
# Nothing may run or be loaded, should a text ever find a way past the escaping.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def report_page(book: Gradebook, course: str = "") -> str:
    """The report on a graded class."""
    parts = {
        "scores": sections.scores(book), "questions": sections.questions(book), "mistakes": sections.mistakes(book),
        "confidence": confidence(book),
        "students": sections.students(book), "answers": sections.answers(book), "runs": sections.runs(book),
    }  # fmt: skip
    links = element("ul", *(element("li", element("a", name.capitalize(), href=f"#{name}")) for name in parts))
    title = f"{book.bank.title}: report on the class"
    of = f"Course {course}. " if course else ""
    due = f" Due {book.late.due.isoformat(timespec='minutes')}." if book.late.due else ""
    told = f"{of}Bank {book.bank.id}, grader {grader_version()}.{due}"
    header = element("header", element("h1", title), element("p", told), element("nav", links, aria_label="Parts"))
    body = element("main", *(element("div", part, id=name) for name, part in parts.items()))
    return _document(title, joined(header, body))


def _document(title: str, body: Markup) -> str:
    head = joined(
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    page = element("html", element("head", head), element("body", body), lang="en")
    return f"<!doctype html>\n{page}\n"
