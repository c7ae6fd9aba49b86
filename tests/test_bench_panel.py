"""The bench as a learner meets it: controls, guesses, runs without a frontend, panels that take over from another."""

import json
import re
import time
from html import unescape

import pytest
from tiny import one_line

import finetune_lab as lab
from finetune_lab.bench.controls import PRESETS
from finetune_lab.bench.current import current
from finetune_lab.bench.settings import controls
from finetune_lab.errors import BusyError, ConfigError, RunError
from finetune_lab.views.bench import screen as screens
from finetune_lab.views.bench.audience import watched
from finetune_lab.views.bench.form import ControlForm, briefly, ranks
from finetune_lab.views.bench.guess_card import GuessCard
from finetune_lab.views.bench.keepsake import static
from finetune_lab.views.bench.newest import Newest
from finetune_lab.views.bench.result_card import outcomes
from finetune_lab.views.bench.runs_card import RunsCard

pytest_plugins = "tiny_base"
LONG = 3000  # steps: it does not end by itself while a test looks


@pytest.fixture
def bench(monkeypatch, settings, tmp_path):
    """Makes benches with a panel; whatever they run is over at the end."""
    monkeypatch.setenv("FINETUNE_LAB_UI", "widgets")
    monkeypatch.setattr(screens, "display", lambda *_: None)  # there is no cell to show it in
    monkeypatch.setattr("finetune_lab.views.bench.keepsake.display", lambda *_, **__: None)

    def make(**changes):
        return lab.Bench(out=tmp_path / "runs", **settings | changes)

    yield make
    if (worker := current()) is not None:
        worker.stop()
        assert worker.done.wait(60)


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


def field(form, name):
    return form._fields[name]


def remark(form, name):
    return unescape(re.sub("<[^>]+>", "", form._notes[name].value))


def test_every_control_has_a_named_field_with_its_help_and_a_place():
    form = ControlForm({}, lambda: None)
    for control in controls():
        widget = field(form, control.name)
        assert widget.description == control.label
        assert control.help == (widget.tooltip if "tooltip" in widget.trait_names() else widget.description_tooltip)
    assert len(form.front.children) + len(form.more.children) == len(controls()) >= 25


def test_what_does_not_apply_is_disabled_and_says_why_in_its_place():
    form = ControlForm({"method": "full"}, lambda: None)
    assert field(form, "r").disabled
    assert remark(form, "r") == "full fine-tuning has no rank"
    assert "too coarse" in form._notes["bits"].value  # the whole reason is the tooltip
    field(form, "method").value = "qlora"
    assert not field(form, "r").disabled
    assert form.settings["bits"] == 4
    assert field(form, "bits").value == 4
    field(form, "bits").value = 16
    assert field(form, "method").value == "lora"
    assert field(form, "bnb_4bit_quant_type").disabled


def test_the_scale_and_the_rate_are_said_beside_their_fields():
    form = ControlForm({}, lambda: None)
    assert (remark(form, "lora_alpha"), remark(form, "learning_rate")) == (
        "alpha / r = 2",
        "0.005, the default of lora",
    )
    field(form, "r").value = 32
    field(form, "learning_rate").value = "3e-4"
    assert (remark(form, "lora_alpha"), remark(form, "learning_rate")) == ("alpha / r = 0.5", "0.0003, as asked")
    field(form, "learning_rate").value = "fast"
    assert remark(form, "learning_rate") == "'fast' is no number"
    assert form.settings["learning_rate"] == pytest.approx(3e-4)
    field(form, "learning_rate").value = ""
    assert form.settings["learning_rate"] is None


def test_each_change_is_told_once_and_a_preset_as_one():
    told = []
    form = ControlForm({}, lambda: told.append(dict(form.settings)))
    field(form, "max_steps").value = 10
    for preset in PRESETS:
        form.set(preset.settings)
        assert {name: form.settings[name] for name in preset.changes} == preset.changes
        assert told[-1] == form.settings
    assert len(told) == 1 + len(PRESETS)


def test_the_rank_goes_from_1_to_128_in_powers_of_two_and_no_higher_than_the_model_allows():
    rank = next(control for control in controls() if control.name == "r")
    assert ranks(rank, 8) == [1, 2, 4, 8, 16, 32, 64, 128]
    form = ControlForm({"r": 12}, lambda: None)
    assert 12 in field(form, "r").options
    form.limit_rank(32)
    assert field(form, "r").options == (1, 2, 4, 8, 12, 16, 32)
    assert (field(form, "r").value, form.settings["r"]) == (12, 12)


def test_a_field_s_help_is_shortened_to_what_its_label_does_not_say():
    assert briefly("rank: the inner width; more") == "the inner width"
    assert briefly("optimizer steps") == "optimizer steps"


def test_a_guess_is_committed_and_a_wrong_one_is_named():
    told = []
    card = GuessCard(lambda: told.append(card.guesses))
    card._take()
    assert "one thing at least" in card._said.value
    card._fields["peak_memory"].value = "much"
    card._take()
    assert "no number" in card._said.value
    card._fields["peak_memory"].value = "1,000"
    card._fields["winner"].value = "full"
    card._take()
    assert [(guess.about, guess.value) for guess in told[0]] == [("peak_memory", 1000 * 2**20), ("winner", "full")]


def test_an_unknown_setting_is_refused_by_name():
    with pytest.raises(ConfigError, match="There is no setting rank") as caught:
        lab.Bench(rank=8)
    one_line(caught.value)


def test_without_a_frontend_the_same_calls_print_and_leave_pictures(settings, tmp_path, capsys):
    assert not watched()
    bench = lab.Bench(out=tmp_path / "runs", **settings)
    bench.run()
    printed = capsys.readouterr().out
    assert "Finished after step 4: all steps are done." in printed
    assert "eval loss" in printed
    assert len(printed.splitlines()) < 12
    run = bench.wait()
    assert run is not None
    assert (run.folder / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert run.summary["steps"] == 4
    assert len(bench.table) == 1
    assert "finished, step 4 of 4" in repr(bench)


def test_a_race_without_a_frontend_runs_all_three(settings, tmp_path, capsys):
    bench = lab.Bench(out=tmp_path / "runs", **settings | {"max_steps": 2})
    bench.race()
    assert [run.method.name for run in bench.results] == ["full", "lora", "qlora"]
    assert "qlora" in capsys.readouterr().out


def test_a_result_before_any_run_is_refused(tmp_path):
    bench = lab.Bench(out=tmp_path)
    assert bench.wait() is None
    with pytest.raises(RunError, match="no run has done a step"):
        bench.show_result()
    with pytest.raises(RunError, match="no run to go on with"):
        bench.resume()


def test_the_panel_follows_a_run_to_its_end_and_settles(bench):
    made = bench()
    made.run()
    run = made.wait()
    panel = made._screen.panel
    assert run is not None
    assert run.status == "finished"
    assert "✓ Finished" in panel.live.tiles.value
    assert "Predicted and measured" in panel.result.value
    assert [tick.value for tick in panel.runs._boxes.children] == [True]
    assert panel.buttons["stop"].disabled
    assert not panel.buttons["run"].disabled


def test_pause_resume_and_stop_by_the_buttons(bench):
    made = bench(max_steps=LONG)
    panel = made._screen.panel
    panel.buttons["run"].click()
    until(lambda: made.snapshot.step > 2)
    panel.buttons["pause"].click()
    until(lambda: made.snapshot.state == "paused")
    until(lambda: "Paused" in panel.live.tiles.value)
    at = made.snapshot.step
    time.sleep(0.3)
    assert made.snapshot.step == at
    until(lambda: not panel.buttons["resume"].disabled)
    panel.buttons["resume"].click()
    until(lambda: made.snapshot.step > at)
    panel.buttons["stop"].click()
    assert made.wait().status == "stopped"
    assert not panel.buttons["resume"].disabled  # it can go on from its checkpoint


def test_a_second_run_is_refused_with_the_reason_in_the_panel_and_as_a_call(bench):
    made = bench(max_steps=LONG)
    made.run()
    until(lambda: made.snapshot.step > 1)
    made._screen.panel.buttons["run"].click()
    assert "in this process since" in made._screen.panel.refusal.value
    with pytest.raises(BusyError, match="Stop it first"):
        made.run()
    assert made.snapshot.live


def test_a_panel_made_while_a_run_is_live_takes_it_over_and_the_old_one_says_so(bench):
    old = bench(max_steps=LONG)
    old.run()
    until(lambda: old.snapshot.step > 1)
    new = bench()
    assert "Detached" in old._screen.panel.banner.value
    assert all(button.disabled for button in old._screen.panel.buttons.values())
    until(lambda: "Running" in new._screen.panel.live.tiles.value)
    new.stop()
    assert new.wait().status == "stopped"
    assert len(new.table) == 1


def test_attach_draws_a_finished_run_again_with_its_settings(bench, tmp_path):
    made = bench(method="qlora", bits=4, r=2, max_steps=3)
    made.run()
    folder = made.wait().folder
    again = lab.attach(folder)
    until(lambda: "✓ Finished" in again._screen.panel.live.tiles.value)
    assert (again.settings["method"], again.settings["r"], again.settings["max_steps"]) == ("qlora", 2, 3)
    assert again.out == tmp_path / "runs"


def test_a_panel_that_breaks_says_so_and_the_run_goes_on(bench, monkeypatch):
    made = bench()

    def broken(now):
        raise ValueError("no more ink")

    monkeypatch.setattr(made._screen.panel.live, "draw", broken)
    made.run()
    assert made.wait().status == "finished"
    assert "ValueError: no more ink. The tune goes on" in made._screen.panel.banner.value


def test_a_guess_comes_first_where_it_is_asked_for_and_is_scored_after(bench):
    made = bench(guess_first=True)
    panel = made._screen.panel
    assert panel.hidden
    panel.buttons["run"].click()
    assert "The guess comes first" in panel.refusal.value
    assert not made.snapshot.live
    panel.guess._fields["trainable_parameters"].value = "1000"
    panel.guess._take()
    assert not panel.hidden
    panel.buttons["run"].click()
    run = made.wait()
    assert "Your guesses" in panel.result.value
    assert outcomes([run], "lora")["trainable_parameters"] == run.summary["trainable_parameters"]


def test_the_forecast_follows_the_controls(bench):
    made = bench()
    panel = made._screen.panel
    until(lambda: "peak memory of a step" in panel.forecast.value)
    before = panel.forecast.value
    field(panel.form, "method").value = "full"
    until(lambda: panel.forecast.value != before)
    until(lambda: "ftl-stale" not in panel.forecast._dom_classes)
    assert "whole model" in panel.forecast.value
    field(panel.form, "model").value = "no/such-model"
    until(lambda: "no/such-model" in panel.forecast.value)


def test_only_the_newest_question_is_answered_of_many():
    answered = []

    def slow(what):
        time.sleep(0.05)
        answered.append(what)

    newest = Newest(slow)
    for number in range(50):
        newest.ask(number)
    until(lambda: answered and answered[-1] == 49)
    assert len(answered) <= 3


def test_what_stays_in_the_file_is_a_picture_and_tables_that_say_the_same(settings, tmp_path):
    run = lab.tune(lab.LoRA(r=2), out=tmp_path / "run", **settings)
    (picture, how), (tables, _) = static([run])
    assert set(picture) == {"image/png", "text/plain"}
    assert how["image/png"]["alt"] == picture["text/plain"]
    assert "training loss from" in picture["text/plain"]
    assert tables["text/html"].count("<table>") == 2
    json.dumps([picture, tables])


def test_the_table_of_runs_ticks_overlays_and_says_what_changed(settings, tmp_path):
    lab.tune(lab.LoRA(r=2), out=tmp_path / "a", **settings)
    lab.tune(lab.LoRA(r=4), out=tmp_path / "b", **settings)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "run.json").write_text("{")
    card = RunsCard(tmp_path)
    assert [box.description for box in card._boxes.children] == ["lora r=4", "lora r=2"]
    assert "c: " in card._rows.value
    assert card._rows.value.count("★ best") == 1
    assert card._charts.layout.display == "none"
    for box in card._boxes.children:
        box.value = True
    assert card._charts.layout.display is None
    assert "lora r=2: training loss" in card._loss.value
    plain = re.sub(r' style="[^"]*"', "", card._changes.value)
    assert "<td>r</td><td>2</td><td>4</td>" in plain
    card._best.value = "trainable_parameters"
    assert card._rows.value.index("★ best") > card._rows.value.index("finished")


@pytest.mark.parametrize(("asked", "seen"), [("plain", False), ("widgets", True), ("", False)])
def test_a_variable_decides_whether_there_is_a_panel(monkeypatch, asked, seen):
    monkeypatch.setenv("FINETUNE_LAB_UI", asked)
    assert watched() is seen


def test_a_forecast_of_before_is_seen_to_be_one(bench, monkeypatch):
    panel = bench()._screen.panel
    until(lambda: "ftl-stale" not in panel.forecast._dom_classes)
    monkeypatch.setattr(screens, "forecast_pages", lambda *_: iter(()))  # none comes
    field(panel.form, "method").value = "full"
    assert "ftl-stale" in panel.forecast._dom_classes
