"""`lab.tune` and `lab.compare` show themselves where somebody watches, and nowhere else."""

import math

import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from finetune_lab.bench.progress import Progress
from finetune_lab.config import LoRA, QLoRA
from finetune_lab.events import Ended, Evaluated, Started, Stepped
from finetune_lab.views.live_drawing import drawn, loss_line

pytest_plugins = "tiny_base"
MIB = 2**20


def events(steps, losses=(0.9, 0.7), status="finished"):
    found = [
        Started(0, 4, 10, 100, {}, "runs/x", {"peak": 3 * MIB}),
        Evaluated(0, 1.0, {"fields": 0.0}),
        *(Stepped(at + 1, loss, 1e-3, 1.0, 50, 0.5, {"peak": 2 * MIB}) for at, loss in zip(range(steps), losses * 9)),  # noqa: B905
    ]
    return [*found, Evaluated(steps, 0.5, {"fields": 0.25}), Ended(steps, status, "stop was asked for", None, 0)]


def snapshot(method, happened, **state):
    progress = Progress(state="running", method=method)
    progress.add(happened)
    progress.change(**state)
    return progress.snapshot()


def test_a_run_in_progress_has_a_bar_with_a_name_and_its_facts():
    found = drawn([], snapshot(QLoRA(r=4), events(3)[:-2]))
    assert found["text/plain"].startswith("qlora r=4 4-bit: step 3 of 4, training loss 0.900, about 0:00 left, 100 tok")
    html = found["text/html"]
    assert '<progress aria-label="steps of qlora r=4 4-bit done" max="4" value="3">' in html
    assert 'role="img" aria-label="training loss from 0.900 to 0.900"' in html
    assert "peak so far 2.00 MiB" in html


def test_before_the_first_step_it_says_what_is_being_done():
    assert "loading the base" in drawn([], Progress(state="starting").snapshot())["text/plain"]
    assert "judging the untouched base" in drawn([], snapshot(LoRA(), events(1)[:1]))["text/plain"]
    assert "judging what it learned" in drawn([], snapshot(LoRA(), events(4)[:-2]))["text/plain"]


def test_runs_that_are_over_stay_as_a_line_each():
    over = [snapshot(LoRA(r=8), events(4)), snapshot(QLoRA(r=8), events(2, status="stopped"))]
    lines = drawn(over, Progress(state="idle").snapshot())["text/plain"].splitlines()
    assert lines == [
        "✓ lora r=8: finished after 4 steps, 0:02 · evaluation loss 1.000 → 0.500 · fields right 0% → 25%"
        " · peak 2.00 MiB (predicted 3.00 MiB)",
        "■ qlora r=8 4-bit: stopped after 2 steps, 0:01 · evaluation loss 1.000 → 0.500 · fields right 0% → 25%"
        " · peak 2.00 MiB (predicted 3.00 MiB) · stop was asked for",
    ]


def test_what_comes_from_outside_is_shown_as_text():
    html = drawn([], snapshot(LoRA(), events(2)[:-2], error="<img src=x onerror=alert(1)>"))["text/html"]
    assert "<img" not in html
    assert "&lt;img" in html


def test_the_line_of_losses_leaves_out_what_is_no_number_and_stays_short():
    happened = events(200, losses=(0.5, math.nan, math.inf, 0.25))[:-2]
    line = loss_line(happened)
    assert "nan" not in line
    assert "inf" not in line
    assert line.count(",") < 100
    assert loss_line(happened[:3]) == ""


def executed(source, folder):
    notebook = new_notebook(cells=[new_code_cell(source)])
    client = NotebookClient(notebook, timeout=200, allow_errors=True, resources={"metadata": {"path": str(folder)}})
    shown = []

    def keep(message, *_):
        if message["msg_type"] in ("display_data", "update_display_data"):
            shown.append(message["content"])

    original = client.process_message
    client.process_message = lambda message, *rest: (keep(message), original(message, *rest))[1]
    return client.execute(), shown


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_kernel_that_is_watched_gets_one_display_that_moves_and_stays_with_the_result(
    settings, tmp_path, monkeypatch
):
    monkeypatch.setenv("FINETUNE_LAB_UI", "widgets")
    call = f"race = lab.compare([lab.Full(), lab.LoRA(r=2)], **{settings!r})"
    made, shown = executed(f"import finetune_lab as lab\n{call}\nrace.runs[0].status", tmp_path)
    assert len(shown) >= 5  # the first picture, two beginnings, two ends
    assert len({content["transient"]["display_id"] for content in shown}) == 1
    assert "loading the base" in shown[0]["data"]["text/plain"]
    kept = [output for output in made.cells[0].outputs if output["output_type"] == "display_data"]
    assert len(kept) == 1
    lines = kept[0]["data"]["text/plain"].splitlines()
    assert [line.split(":")[0] for line in lines] == ["✓ full", "✓ lora r=2"]
    assert "<progress" not in kept[0]["data"]["text/html"]


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_tune_that_breaks_off_leaves_no_bar(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("FINETUNE_LAB_UI", "widgets")
    breaking = "def boom(event):\n    if event.step == 2: raise ValueError('a <b>bad</b> day')\n"
    made, _ = executed(f"import finetune_lab as lab\n{breaking}lab.tune(on_event=boom, **{settings!r})", tmp_path)
    kept = next(output for output in made.cells[0].outputs if output["output_type"] == "display_data")
    assert kept["data"]["text/plain"] == "✗ lora r=8: broken off at step 2: ValueError: a <b>bad</b> day"
    assert "<progress" not in kept["data"]["text/html"]


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_program_that_runs_a_notebook_sees_nothing(settings, tmp_path):
    made, shown = executed(f"import finetune_lab as lab\nlab.tune(**{settings!r}).status", tmp_path)
    assert made.cells[0].outputs[-1]["data"]["text/plain"] == "'finished'"
    assert shown == []
