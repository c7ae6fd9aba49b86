"""`lab.Quiz` and `lab.submit` without a browser: as text, as calls, and the widgets' own Python side."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import ipywidgets
import nbformat
import pytest
from nbclient import NotebookClient
from typer.testing import CliRunner

import finetune_lab as lab
from finetune_lab.classroom.faults import ClassError
from finetune_lab.classroom.submission import submission_from
from finetune_lab.cli.app import app
from finetune_lab.quiz.attempts import Attempt
from finetune_lab.quiz.bank import BankError
from finetune_lab.quiz.keeping import VARIABLE
from finetune_lab.quiz.loading import load_bank
from finetune_lab.quiz.progress import Progress
from finetune_lab.quiz.quantities import quantity_number
from finetune_lab.views.quiz import markup
from finetune_lab.views.quiz.board import Board

pytest_plugins = "tiny_base"
QUESTIONS = load_bank("lesson").questions
COUNT, POINTS = len(QUESTIONS), sum(question.points for question in QUESTIONS)
HOSTILE = "<img src=x onerror=\"document.title='bad'\"><script>bad()</script>&amp; ' ` $x$"
BANK = f"""
schema_version = 1
id = "hostile"
title = {json.dumps(HOSTILE)}
[[question]]
id = "one"
kind = "single"
objective = {json.dumps(HOSTILE)}
source = ["S1"]
prompt = {json.dumps(HOSTILE)}
hints = [{json.dumps(HOSTILE)}]
explanation = {json.dumps(HOSTILE)}
[[question.choice]]
id = "good"
text = {json.dumps(HOSTILE)}
correct = true
feedback = {json.dumps(HOSTILE)}
[[question.choice]]
id = "bad"
text = {json.dumps(HOSTILE + " other")}
feedback = {json.dumps(HOSTILE)}
[[question]]
id = "several"
kind = "multi"
objective = "o"
source = ["S1"]
prompt = "several"
hints = ["h"]
[[question.choice]]
id = "good"
text = {json.dumps(HOSTILE)}
correct = true
feedback = "f"
[[question.choice]]
id = "bad"
text = "b"
feedback = {json.dumps(HOSTILE)}
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "progress"))
    monkeypatch.chdir(tmp_path)


def widgets_in(box):
    """Every widget below a box, itself included."""
    return [box, *(found for child in getattr(box, "children", ()) for found in widgets_in(child))]


def board_of(quiz, **how):
    return Board(quiz.session, all_at_once=how.get("all_at_once", False))


def the(board, kind, **traits):
    found = [
        widget for widget in widgets_in(board.box)
        if type(widget) is kind and all(getattr(widget, name) == value for name, value in traits.items())
    ]  # fmt: skip
    assert len(found) == 1, found
    return found[0]


def html_of(board):
    return [widget.value for widget in widgets_in(board.box) if type(widget) is ipywidgets.HTML][1:]  # after the style


def test_as_text_it_is_read_and_answered_by_calls():
    quiz = lab.Quiz("lesson")
    text = repr(quiz)
    assert f"0 of {COUNT} answered" in text
    assert "Why are adapter methods easier to start with?\n  a) " in text
    assert 'quiz.answer("quick-adapters", "a", confidence=75)' in text
    said = quiz.answer("quick-qlora", "no-descent", confidence=75)
    assert repr(said).startswith("quick-qlora: ✗ Not yet")
    assert "Attempts left: 1." in repr(said)
    assert quiz.answer("quick-qlora", "quantized-base", 75).word == "✓ Right"
    assert f"1 of {COUNT} answered · 1 of {POINTS:g} points" in repr(quiz.summary())
    assert "75 % sure" in quiz.summary()._repr_html_()
    assert "Weak in the statements S1," in repr(quiz.summary())
    assert quiz.due() == []
    with pytest.raises(BankError, match="no question"):
        quiz.show("nothing")


def test_outside_of_a_notebook_show_prints_and_no_widget_is_made(capsys):
    quiz = lab.Quiz("lesson", questions=["quick-qlora", "checkpoint-lora"], all_at_once=True)
    quiz.show()
    printed = capsys.readouterr().out
    assert "How does QLoRA reduce memory needs?" in printed
    assert "From memory: what is LoRA adding" in printed
    assert quiz._repr_mimebundle_() == {"text/plain": repr(quiz)}


def test_a_question_is_answered_with_the_widgets_and_there_again_in_a_new_panel():
    quiz = lab.Quiz("lesson")
    board = board_of(quiz)
    radios, main = the(board, ipywidgets.RadioButtons), the(board, ipywidgets.Button, description="Check")
    main.click()
    assert "Choose exactly one." in html_of(board)[-2]
    radios.value = "no-overfitting"
    the(board, ipywidgets.Dropdown, description="How sure are you?").value = 95
    main.click()
    assert "✗ Not yet" in html_of(board)[-2]
    assert 'role="status"' in html_of(board)[-2]
    assert main.description == "Check again"
    radios.value = "fewer-parameters"
    main.click()
    assert (main.description, radios.disabled) == ("Next question", True)
    assert [one.confidence for one in Progress("lesson").attempts] == [95, None]
    main.click()
    assert the(board, ipywidgets.RadioButtons).value is None
    again = board_of(lab.Quiz("lesson"))
    assert "quick-qlora" in html_of(again)[1]
    the(again, ipywidgets.Button, description="Previous").click()
    assert the(again, ipywidgets.RadioButtons).value == "fewer-parameters"
    assert "✓ Right" in html_of(again)[-2]
    assert the(again, ipywidgets.Dropdown, description="Go to").label == "✓ 1 quick-adapters"


def test_every_kind_of_question_is_answered_with_its_widget():
    quiz = lab.Quiz("lesson", questions=["which-are-adapters", "lora-count", "checkpoint-lora"], all_at_once=True)
    board = board_of(quiz, all_at_once=True)
    for box in [widget for widget in widgets_in(board.box) if type(widget) is ipywidgets.Checkbox]:
        box.value = "LoRA" in box.description
    the(board, ipywidgets.Text).value = "16,384"
    the(board, ipywidgets.Textarea).value = "A small trainable low-rank update: two thin matrices A and B."
    for button in [one for one in widgets_in(board.box) if getattr(one, "description", "") == "Check"]:
        button.click()
    assert quiz.session.points() == (4.0, 4.0)
    closed = [one for one in widgets_in(board.box) if getattr(one, "description", "") == "Closed"]
    assert [button.disabled for button in closed] == [True] * 3
    the(board, ipywidgets.ToggleButton).value = True
    assert "Ready for the next lesson: 100%" in html_of(board)[-1]


def test_enter_in_a_line_checks_it():
    quiz = lab.Quiz("lesson", questions=["lora-count"])
    board = board_of(quiz)
    line = the(board, ipywidgets.Text)
    line.value = "16384"
    line._handle_custom_msg({"event": "submit"}, [])
    assert "✓ Right" in html_of(board)[-2]


def test_an_answer_by_a_call_shows_in_the_panel_and_what_is_being_written_stays():
    quiz = lab.Quiz("lesson", questions=["quick-qlora", "checkpoint-lora"], all_at_once=True)
    quiz._board = board_of(quiz, all_at_once=True)
    box = the(quiz._board, ipywidgets.Textarea)
    box.value = "half an answ"
    quiz.answer("quick-qlora", "quantized-base")
    assert box.value == "half an answ"
    assert any("✓ Right" in value for value in html_of(quiz._board))


def test_nothing_of_a_bank_or_a_learner_becomes_markup(tmp_path):
    (tmp_path / "hostile.toml").write_text(BANK, encoding="utf-8")
    quiz = lab.Quiz(tmp_path / "hostile.toml", all_at_once=True)
    board = board_of(quiz, all_at_once=True)
    assert quiz.answer("one", "bad").verdict == "not_yet"
    for card in board._cards:
        card.draw()
    assert "onerror" in html_of(board)[2]
    assert "<img" not in html_of(board)[2]
    quiz.answer("one", "good")
    quiz.answer("several", "bad")
    quiz.session.progress.notes.append(HOSTILE)
    for card in board._cards:
        card.draw()
    the(board, ipywidgets.ToggleButton).value = True
    board.draw()
    values = [*html_of(board), lab.submit(student=HOSTILE, course=HOSTILE)._repr_html_(), quiz.summary()._repr_html_()]
    assert sum("onerror" in value for value in values) >= 5
    for value in values:
        assert "<img" not in value
        assert "<script" not in value
        assert 'onerror="' not in value
    boxes = [widget for widget in widgets_in(board.box) if type(widget) is ipywidgets.Checkbox]
    assert not any(getattr(box, "description_allow_html", False) for box in boxes)


def test_marks_in_a_prompt_become_simple_html():
    shown = markup.inline(r"`r < 8` and **W** is $W_0 + \frac{\alpha}{r} B A x^{2}$ at $5 and $6, <b>")
    assert "<code>r &lt; 8</code>" in shown
    assert "<b>W</b>" in shown
    assert "W<sub>0</sub> + (\N{GREEK SMALL LETTER ALPHA})/(r) B A x<sup>2</sup>" in shown
    assert "at $5 and $6, &lt;b&gt;" in shown
    assert markup.inline("$a_<x^&$") == '<span class="ftq-math">a<sub>&lt;</sub>x<sup>&amp;</sup></span>'
    assert markup.plain(r"`r` and $r_{max} \times 2$") == "r and r_max \N{MULTIPLICATION SIGN} 2"
    assert markup.paragraphs("a\n\nb\nc") == "<p>a</p><p>b<br>c</p>"


def test_a_kernel_without_a_frontend_gives_text_and_keeps_the_answers(tmp_path):
    cells = ['import finetune_lab as lab; quiz = lab.Quiz("lesson")', "quiz", 'quiz.answer("quick-adapters", "c", 75)']
    for expected in (f"0 of {COUNT}", f"1 of {COUNT}"):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
        shown = notebook.cells[1].outputs[0].data
        assert f"{expected} answered" in shown["text/plain"]
        assert "application/vnd.jupyter.widget-view+json" in shown
    assert "Not taken" in notebook.cells[2].outputs[0].data["text/plain"]


def test_widgets_can_be_refused(monkeypatch):
    class Shell:
        kernel = object()

    monkeypatch.setattr("finetune_lab.views.quiz.panel.get_ipython", Shell)
    quiz = lab.Quiz("lesson")
    assert len(quiz._repr_mimebundle_()) == 2
    monkeypatch.setenv("FINETUNE_LAB_UI", "plain")
    assert list(lab.Quiz("lesson")._repr_mimebundle_()) == ["text/plain"]


def test_in_a_plain_process_it_prints(tmp_path):
    script = "import finetune_lab as lab; quiz = lab.Quiz('lesson'); quiz.show()"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "Why are adapter methods easier" in run.stdout
    assert run.stderr == ""


@pytest.fixture(scope="module")
def runs(tmp_path_factory, base, rows):
    """A full and a LoRA run, real but tiny."""
    folder = tmp_path_factory.mktemp("runs")
    settings = {
        "model": str(base), "data": str(rows), "max_steps": 4, "batch_size": 4, "max_length": 64, "eval_examples": 2,
        "score_examples": 0,
    }  # fmt: skip
    lab.tune(lab.Full(), out=folder / "1-compare" / "full", **settings)
    lab.tune(lab.LoRA(r=4), out=folder / "1-compare" / "lora", **settings)
    return folder


def test_questions_about_the_own_run_are_graded_by_its_record(runs):
    quiz = lab.Quiz("lesson", runs=runs)
    summary = json.loads((runs / "1-compare/lora/run.json").read_text("utf-8"))["summary"]
    predicted, measured = (summary["memory"][side]["peak"] for side in ("predicted", "measured"))
    error = 100 * abs(predicted - measured) / measured
    assert measured > 0
    assert error < 20
    assert quantity_number("run_peak_error_percent", {"runs": [summary]}) == pytest.approx(error)
    ratio = quiz.answer("run-peak-error", f"{100 * predicted / measured:.2f} %")
    assert (ratio.verdict, "How far is it from 100" in ratio.reasons[0]) == ("not_yet", True)
    assert quiz.answer("run-peak-error", f"{error:.3g} %").verdict == "pass"
    assert quiz.answer("run-gradient-bytes", 4 * summary["trainable_parameters"]).verdict == "pass"
    assert str(runs / "1-compare" / "lora") in repr(lab.Quiz("lesson", questions=["run-scale"], runs=runs))
    assert quiz.answer("predict-component", "optimizer").reasons[0].startswith("Locked")


def test_submit_writes_the_counted_attempts_and_the_runs_and_says_what_is_missing(runs, tmp_path):
    quiz = lab.Quiz("lesson", runs=runs)
    quiz.answer("quick-qlora", "no-descent", 75)
    quiz.answer("quick-qlora", "quantized-base")
    quiz.answer("predict-speed", "lora")
    lab.Quiz("lesson", from_memory=True, runs=runs).answer("quick-qlora", "no-descent")
    handed = lab.submit(student="ann@example.org", course="ml-101", runs=runs, out=tmp_path / "ann.json")
    read = submission_from((tmp_path / "ann.json").read_bytes())
    assert (read.student, read.course, read.broken_seals) == ("ann@example.org", "ml-101", ())
    assert {one.question: [each.answer for each in one.attempts] for one in read.answers} == {
        "quick-qlora": [["no-descent"], ["quantized-base"]], "predict-speed": [["lora"]],
    }  # fmt: skip
    assert [run["method"]["method"] for run in read.runs] == ["full", "lora"]
    assert "2 answered; not answered 41: quick-adapters" in repr(handed)
    assert "waiting for a run or a person 1: predict-speed" in repr(handed)
    assert "lora" in repr(handed)


def test_submit_with_nothing_to_hand_in_says_so_and_a_broken_file_is_told_of(tmp_path):
    with pytest.raises(ClassError, match="nothing to hand in"):
        lab.submit(student="ann", course="c")
    lab.Quiz("lesson", student_seed="s1").answer("quick-qlora", "quantized-base")
    with pytest.raises(ClassError, match="nothing to hand in"):
        lab.submit(student="ann", course="c")
    (tmp_path / "progress" / "lesson.json").write_text("{", encoding="utf-8")
    handed = lab.submit(student="ann", course="c", seed="s1")
    assert handed.path.is_file()
    assert json.loads(handed.path.read_text("utf-8"))["seed"] == "s1"
    with pytest.raises(ClassError, match="nothing to hand in"):
        lab.submit(student="ann", course="c")
    assert len(list((tmp_path / "progress").glob("lesson.json.broken-*"))) == 1


def test_submit_on_the_command_line_takes_what_the_quiz_kept(tmp_path):
    lab.Quiz("lesson").answer("quick-qlora", "quantized-base")
    for command in (["submit"], ["class", "submit"]):
        result = CliRunner().invoke(
            app, [*command, "--student", "ann", "--course", "c", "--out", str(tmp_path / "a.json")]
        )
        assert result.exit_code == 0, result.output
        assert "Questions of lesson: 1 answered" in result.output
        assert len(submission_from((tmp_path / "a.json").read_bytes()).answers) == 1


def test_a_due_review_comes_first_and_the_summary_says_now(tmp_path):
    old = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
    progress = Progress("lesson")
    for _ in range(2):
        progress.add(Attempt("lora-start", ["noise"], old, "not_yet", 0.0, ("Not so.",), 95))
    quiz = lab.Quiz("lesson")
    assert quiz.questions[0] == "lora-start"
    assert [one.question.id for one in quiz.due()] == ["lora-start"]
    assert "review due: one answer, not for points" in repr(quiz)
    assert "Not so." not in repr(quiz)
    assert "comes back now · question lora-start" in repr(quiz.summary())
    board = board_of(quiz)
    assert the(board, ipywidgets.Dropdown, description="Go to").label == "↻ 1 lora-start"
    assert "1 review due" in html_of(board)[0]
