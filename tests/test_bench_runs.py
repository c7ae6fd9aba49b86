"""What is kept: the table of all runs, what was changed between two, a run seen from its folder; and guesses."""

import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_lab.bench import current
from finetune_lab.bench.current import attach
from finetune_lab.bench.guess import QUESTIONS, RULE, Guess, score
from finetune_lab.bench.run_table import COLUMNS, RunTable
from finetune_lab.config import Full, LoRA, QLoRA
from finetune_lab.errors import ConfigError, RunError
from finetune_lab.tuning.run import tune

pytest_plugins = "tiny_base"
METHODS = {"a-lora": LoRA(r=2), "b-qlora": QLoRA(r=4), "c-full": Full()}


@pytest.fixture(scope="module")
def runs(base, rows, tmp_path_factory):
    """Three runs, and beside them what a folder of runs may hold too."""
    folder = tmp_path_factory.mktemp("runs")
    asked = {"model": str(base), "data": str(rows), "max_steps": 3, "batch_size": 4, "max_length": 64}
    for name, method in METHODS.items():
        tune(method, out=folder / name, **asked, eval_examples=2, score_examples=1)
    shutil.copytree(folder / "a-lora", folder / "d-cut")
    (folder / "d-cut" / "run.json").write_text("{", encoding="utf-8")
    shutil.copytree(folder / "a-lora", folder / "e-other")
    description = json.loads((folder / "e-other" / "run.json").read_text(encoding="utf-8"))
    (folder / "e-other" / "run.json").write_text(json.dumps({**description, "method": 7}), encoding="utf-8")
    (folder / "notes.txt").write_text("not a run", encoding="utf-8")
    (folder / "empty").mkdir()
    return folder


def test_all_runs_stand_in_the_table_and_bad_ones_beside_it(runs):
    table = RunTable(runs)
    assert table.names == list(METHODS)
    assert len(table) == 3
    assert [fault.split(":")[0] for fault in table.faults] == ["d-cut", "e-other"]
    rows = table.rows()
    assert all(list(row) == list(COLUMNS) for row in rows)
    assert [row["rank"] for row in rows] == ["2", "4", "-"]
    assert [row["bits"] for row in rows] == ["16", "4", "16"]
    assert [row["rate"] for row in rows] == ["0.005", "0.005", "0.001"]
    for run, row in zip(table.runs, rows, strict=True):
        assert row["steps"] == "3 of 3"
        assert f"{run.summary['eval_loss_after']:.3f}" in row["eval loss"]
        assert row["status"] == "finished"
        assert row["error"].endswith("%")
        assert row["peak"].endswith("MiB")
    assert "not readable: d-cut" in repr(table)
    assert table._repr_html_().count("<table>") == 2
    assert [list(row) for row in table.rows(["run", "peak"])] == [["run", "peak"]] * 3
    with pytest.raises(ConfigError, match="no column colour"):
        table.rows(["run", "colour"])


def test_the_best_run_by_a_column(runs):
    table = RunTable(runs)
    lowest = min(table.runs, key=lambda run: run.summary["eval_loss_after"])
    assert table.best() is lowest
    assert table.best("artifact_bytes").folder.name == "a-lora"
    assert table.best("trainable_parameters").folder.name == "a-lora"
    fastest = max(table.runs, key=lambda run: run.summary["tokens_per_second"])
    assert table.best("tokens_per_second") is fastest
    with pytest.raises(ConfigError, match="no best by 'status'"):
        table.best("status")


def test_an_empty_folder_is_an_empty_table(tmp_path):
    table = RunTable(tmp_path / "none")
    assert (len(table), table.faults, table.best(), table.rows()) == (0, [], None, [])
    assert "no rows" in repr(table)
    with pytest.raises(RunError, match="none yet"):
        table.run("x")


def test_what_did_i_change(runs):
    table = RunTable(runs)
    changes = {change.name: change for change in table.differences("a-lora", "b-qlora")}
    assert set(changes) == {"method", "r", "bits", "bnb_4bit_quant_type", "bnb_4bit_use_double_quant"}
    assert (changes["r"].first, changes["r"].second) == (2, 4)
    assert (changes["bits"].first, changes["bits"].second) == (16, 4)
    assert changes["bnb_4bit_quant_type"].first == "-"
    assert "rank" in changes["r"].help
    assert str(changes["r"]).startswith("r: 2 → 4 (rank")
    assert table.differences("a-lora", "a-lora") == []
    to_full = {change.name: change.second for change in table.differences("a-lora", "c-full")}
    assert to_full["r"] == "-"
    assert to_full["learning_rate"] == 0.001  # as it was used: each method's own default


def test_a_run_seen_from_its_folder(runs, monkeypatch):
    monkeypatch.setattr(current, "last_worker", lambda: None)
    seen = attach(runs / "b-qlora")
    now = seen.snapshot()
    assert (now.state, now.step, now.max_steps, now.method) == ("finished", 3, 3, QLoRA(r=4))
    assert seen.snapshot() is now
    assert seen.resumable == ""
    with pytest.raises(RunError):
        attach(runs / "empty")
    with pytest.raises(RunError):
        attach(runs / "d-cut").snapshot()
    monkeypatch.chdir(runs)
    with pytest.raises(RunError, match="no run to look at"):
        attach()
    monkeypatch.setattr(current, "RUNS", runs)
    with pytest.raises(RunError):
        attach().snapshot()  # the newest is the faulty one, and is not passed over in silence


def test_an_interrupted_run_without_a_checkpoint_offers_nothing(runs, tmp_path):
    shutil.copytree(runs / "a-lora", tmp_path / "cut")
    lines = (tmp_path / "cut" / "events.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "cut" / "events.jsonl").write_text("".join(lines[:4]) + '{"event": "Step', encoding="utf-8")
    shutil.rmtree(tmp_path / "cut" / "checkpoints")
    seen = attach(tmp_path / "cut")
    assert (seen.snapshot().state, seen.snapshot().step) == ("interrupted", 2)
    assert seen.resumable == ""


@pytest.mark.parametrize(
    ("said", "was", "points", "words"),
    [
        (100e6, 100e6, 1.0, "Within a tenth"),
        (200e6, 100e6, 0.5, "too high by 2.0 times"),
        (50e6, 100e6, 0.5, "too low by 2.0 times"),
        (130e6, 100e6, 0.811, "too high by 30 %"),
        (400e6, 100e6, 0.0, "too high by 4.0 times"),
        (1, 100e6, 0.0, "too low"),
    ],
)
def test_a_guess_is_scored_by_its_factor(said, was, points, words):
    scored = score(Guess("peak_memory", said), was)
    assert scored.score == pytest.approx(points, abs=0.001)
    assert words in scored.words


def test_a_winner_is_right_or_not():
    assert score(Guess("winner", " LoRA "), "lora").score == 1
    wrong = score(Guess("winner", "full"), "qlora")
    assert wrong.score == 0
    assert "full" in wrong.words
    assert "qlora" in wrong.words
    assert "factor of 2" in RULE
    assert len(QUESTIONS) == 3


@pytest.mark.parametrize(
    ("about", "value"),
    [("peak_memory", 0), ("peak_memory", -1), ("peak_memory", "lots"), ("peak_memory", float("nan")), ("winner", ""),
     ("trainable_parameters", True), ("trainable_parameters", float("inf")), ("winner", 3), ("colour", 1)],
)  # fmt: skip
def test_what_can_not_be_guessed(about, value):
    with pytest.raises(ConfigError):
        Guess(about, value)


@given(st.floats(1, 1e15), st.floats(1, 1e15))
def test_too_high_and_too_low_by_the_same_factor_earn_the_same(one, other):
    there, back = (score(Guess("peak_memory", a), b) for a, b in ((one, other), (other, one)))
    assert there.score == pytest.approx(back.score, abs=1e-9)
    assert 0 <= there.score <= 1
