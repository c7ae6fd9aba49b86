"""The command line: its product on standard output, its errors in one line, its exit statuses, its options."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from finetune_lab.cli.app import run
from finetune_lab.cli.asked import asked
from finetune_lab.cli.options import SETTINGS, in_options
from finetune_lab.config import Full, LoRA, QLoRA, TuneConfig
from finetune_lab.errors import ConfigError

SMALL = ["--batch-size", "2", "--eval-examples", "2", "--score-examples", "0"]
RECORD = {
    "method", "rank", "bits", "alpha", "trainable_parameters", "total_parameters", "steps", "tokens", "seconds",
    "tokens_per_second", "loss_first", "loss_last", "eval_loss_before", "eval_loss_after", "score_before",
    "score_after", "memory", "run_dir", "status",
}  # fmt: skip
NOISE = ("gemm_4bit", "Loading weights", "Writing model", "Warning", "MatMul8bitLt", "Traceback")


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A tune in a process of its own, as a user starts it."""
    folder = tmp_path_factory.mktemp("cli") / "run"
    arguments = ["tune", "--json", "--method", "qlora", "--rank", "4", "--steps", "3", *SMALL, "--out", str(folder)]
    command = [sys.executable, "-m", "finetune_lab", *arguments, "--score-examples", "2"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=280), folder


@pytest.mark.timeout(300)  # for the fixture: a process that loads torch, on a busy machine
def test_tune_puts_one_json_object_and_nothing_else_on_standard_output(tuned: tuple[Any, Path]) -> None:
    done, folder = tuned
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 1
    record = json.loads(lines[0])
    assert set() == RECORD - set(record)
    assert (record["method"], record["rank"], record["bits"], record["steps"]) == ("qlora", 4, 4, 3)
    assert record["eval_loss_after"] < record["eval_loss_before"]
    assert Path(record["run_dir"]) == folder


def test_standard_error_tells_the_choices_and_the_steps_without_the_libraries_noise(tuned: tuple[Any, Path]) -> None:
    done, _ = tuned
    for said in ("dtype", "learning rate 0.005: the default of qlora", "memory", "3/3", "tokens/s", "evaluation loss"):
        assert said in done.stderr
    assert [noise for noise in NOISE if noise in done.stderr] == []


def test_tune_leaves_the_adapter_and_a_picture(tuned: tuple[Any, Path]) -> None:
    _, folder = tuned
    assert (folder / "adapter" / "adapter_model.safetensors").is_file()
    assert (folder / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_compare_prints_a_record_a_run_and_draws_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "race"
    status = run(["compare", "--methods", "full,lora", "--json", "--steps", "2", *SMALL, "--out", str(out)])
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert status == 0
    assert [(record["method"], record["status"]) for record in records] == [("full", "finished"), ("lora", "finished")]
    assert all(record["memory"]["measured"]["process_peak"] > 0 for record in records)
    assert sorted(item.name for item in out.iterdir()) == ["full", "lora-r8", "loss.png"]


def test_a_diverged_tune_ends_with_1_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = run(["tune", "--learning-rate", "1e30", "--steps", "6", *SMALL, "--out", str(tmp_path / "run")])
    told = capsys.readouterr()
    assert status == 1
    assert "diverged: the loss or its gradient was not finite" in told.err
    assert ["status", "diverged"] in [line.split() for line in told.out.splitlines()]


def test_ctrl_c_stops_saves_and_says_how_to_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    threading.Thread(target=interrupt_after_a_step, args=(folder / "events.jsonl",), daemon=True).start()
    assert run(["tune", "--steps", "12", *SMALL, "--out", str(folder)]) == 130
    assert f"finetune-lab tune --resume {folder}" in capsys.readouterr().err
    assert run(["tune", "--json", "--resume", str(folder)]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["status"], record["steps"]) == ("finished", 12)


def interrupt_after_a_step(events: Path) -> None:
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        if events.is_file() and '"Stepped"' in events.read_text(encoding="utf-8"):
            os.kill(os.getpid(), signal.SIGINT)
            return
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("tune --method full --rank 4 --bits 4 --steps 0", ("3 faults", "--rank does not", "--bits 4 does", "--steps")),
        ("tune --method lora --bits 8", ("--bits 8 does not apply to lora",)),
        ("tune --method lora --quant-type fp4 --double-quant", ("2 faults", "--quant-type", "--double-quant")),
        ("tune --method qlora --bits 16", ("--bits must be 4 or 8, not 16",)),
        ("tune --method qlora --bits 8 --quant-type fp4", ("--quant-type applies to 4 bits only",)),
        ("tune --method hydra", ("no method 'hydra'",)),
        ("tune --rank many", ("'--rank'", "integer")),
        ("tune --speed 3", ("No such option: --speed",)),
        ("sing", ("No such command 'sing'",)),
        ("tune --resume somewhere --steps 5 --out there", ("--out, --steps can't be given with --resume",)),
        ("tune --resume somewhere", ("somewhere is no run folder",)),
        ("tune --data nothing.jsonl", ("no file nothing.jsonl",)),
        ("compare --methods full --rank 8", ("--rank does not apply to full",)),
        ("compare --methods lora,lora", ("named twice",)),
        ("compare --methods ,", ("names no method",)),
        ("compare --max-length 4000", ("--max-length 4000 is more than", "--max-length=")),
    ],
)
def test_an_error_is_one_line_on_standard_error_and_status_2(
    arguments: str, expected: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: Any, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments.split()) == 2
    told = capsys.readouterr()
    errors = [line for line in told.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert [part for part in expected if part not in errors[0]] == []
    assert told.err.endswith(errors[0] + "\n")
    assert told.out == ""


def test_every_setting_of_the_library_has_an_option_with_its_help() -> None:
    offered = [setting.name for setting in SETTINGS]
    wanted = [item.name for kind in (QLoRA, TuneConfig) for item in fields(kind)]
    assert sorted(offered) == sorted(wanted)
    assert len({setting.option for setting in SETTINGS}) == len(wanted) >= 25
    assert next(setting for setting in SETTINGS if setting.name == "r").help.endswith("(default 8; 1 to 4096)")


def test_options_become_methods_and_settings() -> None:
    methods, config = asked(["full", "lora", "qlora"], {"r": 4, "lora_alpha": 32, "bits": 8, "max_steps": 7})
    assert methods == [Full(), LoRA(r=4, lora_alpha=32), QLoRA(r=4, lora_alpha=32, bits=8)]
    assert config == TuneConfig(max_steps=7)
    assert asked(["lora"], {"bits": 16})[0] == [LoRA()]


def test_a_fault_that_two_methods_share_is_told_once() -> None:
    with pytest.raises(ConfigError) as caught:
        asked(["lora", "qlora"], {"r": 0})
    assert caught.value.what == "r must be from 1 to 4096, not 0."


def test_messages_name_options_and_leave_paths_and_prose_alone() -> None:
    told = in_options(
        "Use a smaller batch_size or gradient_checkpointing=True; r must be 1. The data of /a/max_steps/b."
    )
    assert (
        told == "Use a smaller --batch-size or --gradient-checkpointing; --rank must be 1. The data of /a/max_steps/b."
    )


def test_help_is_quick_because_it_loads_no_heavy_library() -> None:
    heavy = "('torch', 'transformers', 'numpy', 'matplotlib')"
    code = (
        f"import sys; from finetune_lab.cli.app import run; run([]); sys.exit(any(m in sys.modules for m in {heavy}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in ("doctor", "tune", "compare"))


def test_quiz_grade_prints_a_line_an_answer_and_ends_with_2_where_there_is_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = tmp_path / "answers.jsonl"
    answers.write_text(
        '{"question": "checkpoint-lora", "answer": "two small low-rank matrices, B A, are added to W"}\n'
    )
    assert run(["quiz", "grade", "--answers", str(answers), "--json"]) == 0
    graded = json.loads(capsys.readouterr().out)
    assert (graded["question"], graded["verdict"], graded["score"]) == ("checkpoint-lora", "pass", 1.0)
    assert run(["quiz", "grade", "--answers", str(tmp_path / "none.jsonl"), "--json"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_class_grade_needs_no_bank_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "handed").mkdir()
    (tmp_path / "handed" / "broken.json").write_text("{}")
    book = tmp_path / "gradebook.csv"
    assert run(["class", "grade", str(tmp_path / "handed"), "--out", str(book)]) == 0
    assert book.exists()
    assert "broken.json" in capsys.readouterr().err
    assert run(["class", "grade", str(tmp_path / "none"), "--out", str(book)]) == 2


def test_plan_predicts_without_weights(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(["plan", "--model", "qwen3-0.6b", "--method", "qlora", "--bits", "4", "--max-length", "64", "--json"]) == 0
    )
    found = json.loads(capsys.readouterr().out)
    assert found["components"]["peak"] == found["peak"] > 0
    assert run(["plan", "--model", "qwen3-0.6b", "--rank", "-1"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
