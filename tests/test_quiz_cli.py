"""`finetune-lab quiz`: JSON lines in, JSON lines out; a bank checked; a rubric tried."""

import json

import pytest
from typer.testing import CliRunner

from finetune_lab.cli.quiz import quiz
from finetune_lab.quiz.bank import BankError
from finetune_lab.resources import shipped


def run(*arguments):
    result = CliRunner().invoke(quiz, [str(one) for one in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_grade_writes_one_line_for_each_answer(tmp_path):
    path = tmp_path / "answers.jsonl"
    answers = [
        {"question": "checkpoint-full", "answer": "All the base model's weights are updated."},
        {"question": "quick-adapters", "answer": ["fewer-parameters"]},
        {"question": "nothing", "answer": "x"},
        {"question": "lora-count", "answer": 16384},
    ]
    path.write_text("\n".join(json.dumps(one) for one in answers), encoding="utf-8")
    result = run("grade", "--answers", path, "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert [line.get("verdict") for line in lines] == ["pass", "pass", None, "pass"]
    assert set(lines[0]) == {"question", "verdict", "score", "reasons"}
    assert lines[2]["error"] == "there is no such question"
    assert "checkpoint-full: pass (1.00)" in run("grade", "--answers", path).stdout


def test_grade_by_the_own_run(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    summary = {"method": "lora", "trainable_parameters": 240_000, "rank": 8, "alpha": 16}
    (folder / "run.json").write_text(json.dumps({"summary": summary}), encoding="utf-8")
    path = tmp_path / "answers.jsonl"
    path.write_text('{"question": "run-gradient-bytes", "answer": "960 kB"}', encoding="utf-8")
    assert json.loads(run("grade", "--answers", path, "--run", folder, "--json").stdout)["verdict"] == "pass"
    assert json.loads(run("grade", "--answers", path, "--json").stdout)["verdict"] == "review"


def test_an_unreadable_file_is_a_lab_error(tmp_path):
    with pytest.raises(BankError):
        run("grade", "--answers", tmp_path / "missing.jsonl", "--json")
    with pytest.raises(BankError):
        run("export", "lesson", "--to", "pdf")


def test_check_counts_the_questions():
    assert "no faults" in run("check", "lesson").stdout


def test_try_shows_which_rule_fired(tmp_path):
    path = tmp_path / "samples.txt"
    path.write_text("all the weights\nonly the last layer is trained\n", encoding="utf-8")
    shown = run("try", "checkpoint-full", path).stdout
    assert 'idea names-weights: "all the weights"' in shown
    assert "misconception only-the-last-layers" in shown
    labelled = run("try", "checkpoint-full", shipped("quizzes", "answers", "checkpoint-full.jsonl")).stdout
    assert "Agreement(" in labelled


def test_export_and_import(tmp_path):
    out = tmp_path / "lesson.json"
    run("export", "lesson", "--to", "jupyterquiz", "--out", out)
    back = tmp_path / "back.toml"
    run("import", out, "--out", back)
    assert "no faults" in run("check", back).stdout
    assert run("export", "lesson", "--to", "gift").stdout.startswith("// Full fine-tuning")
    assert run("export", "lesson", "--to", "text2qti").stdout.startswith("Quiz title:")


def test_agreement_prints_the_table():
    assert "| **held_out** |" in run("agreement").stdout
