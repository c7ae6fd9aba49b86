"""`tune` and `Run`: Ctrl-C, a kill at any moment, and what a run shows of itself."""

import multiprocessing
import os
import random
import signal
import threading
import time

import pytest
from tiny import one_line, weights

from finetune_lab.config import Full, LoRA, QLoRA, TuneConfig
from finetune_lab.errors import RunError
from finetune_lab.events import Stepped
from finetune_lab.tuning import checkpoints
from finetune_lab.tuning.run import load_run, stopped_by_interrupt, tune

pytest_plugins = "tiny_base"
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks a process that has torch loaded already")
STEPS = 10


def started(folder, settings, method=None, resume=False, **slow):
    """A process that tunes, or goes on with, this run; `slow` seconds a step, so that a signal finds it at work."""

    def wait(event):
        if isinstance(event, Stepped):
            time.sleep(slow.get("seconds", 0.02))

    def work():
        run = tune(resume=folder, on_event=wait) if resume else tune(method, out=folder, on_event=wait, **settings)
        os._exit({"finished": 0, "stopped": 3}[run.status])

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    return process


def wait_for(condition, process):
    limit = time.monotonic() + 30
    while process.is_alive() and not condition():
        assert time.monotonic() < limit
        time.sleep(0.002)


def steps_on_disk(folder):
    file = folder / "events.jsonl"
    return file.read_bytes().count(b'"Stepped"') if file.exists() else 0


@forks
@pytest.mark.parametrize(
    "method", [Full(), LoRA(r=2, lora_dropout=0.3), QLoRA(r=2, lora_dropout=0.3)], ids=lambda method: method.name
)
def test_a_killed_run_goes_on_to_the_same_end(settings, tmp_path, method):
    settings |= {"max_steps": STEPS, "save_steps": 2}
    whole = tune(method, out=tmp_path / "whole", **settings)
    folder = tmp_path / "run"
    process = started(folder, settings, method)
    step = random.randint(2, STEPS - 2)
    wait_for(lambda: steps_on_disk(folder) >= step and checkpoints.complete(folder / "checkpoints"), process)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    killed = load_run(folder)
    assert killed.status == "broken off"
    assert killed.summary["reason"] == "its process ended before the run did"
    assert step <= len(killed.losses) < STEPS
    resumed = tune(resume=folder)
    assert resumed.status == "finished"
    assert resumed.losses == whole.losses
    assert weights(resumed.artifact) == weights(whole.artifact)


@forks
def test_a_run_killed_again_and_again_ends_the_same(settings, tmp_path):
    """Killed at moments that nobody chose: while it loads, steps, evaluates, writes a checkpoint or the record."""
    settings |= {"max_steps": STEPS, "save_steps": 1}
    method = LoRA(r=2, lora_dropout=0.3)
    whole = tune(method, out=tmp_path / "whole", **settings)
    folder = tmp_path / "run"
    process = started(folder, settings, method, seconds=0)
    wait_for(lambda: checkpoints.complete(folder / "checkpoints"), process)
    kills = 0
    while True:
        process.kill()
        process.join()
        kills += process.exitcode != 0
        run = load_run(folder)
        assert run.losses == whole.losses[: len(run.losses)]
        if run.status == "finished":
            break
        process = started(folder, settings, resume=True, seconds=0)
        process.join(random.uniform(0.05, 0.3) if kills < 8 else 30)
    assert kills >= 1
    assert run.losses == whole.losses
    assert weights(run.artifact) == weights(whole.artifact)


@forks
def test_ctrl_c_stops_after_the_step_and_saves(settings, tmp_path):
    folder = tmp_path / "run"
    settings |= {"max_steps": STEPS}
    whole = tune(LoRA(r=2), out=tmp_path / "whole", **settings)
    process = started(folder, settings, LoRA(r=2), seconds=0.1)
    wait_for(lambda: steps_on_disk(folder) >= 3, process)
    os.kill(process.pid, signal.SIGINT)
    process.join(30)
    assert process.exitcode == 3  # an ordinary end: `tune` returned a run that is stopped
    run = load_run(folder)
    assert run.status == "stopped"
    assert run.summary["reason"].endswith(f"resume {folder} to go on from there")
    assert run.artifact.is_dir()
    assert checkpoints.step_of(checkpoints.last_verified(folder / "checkpoints")) == len(run.losses) >= 3
    assert tune(resume=folder).losses == whole.losses


@forks
def test_a_second_ctrl_c_ends_it_at_once(settings, tmp_path):
    folder = tmp_path / "run"
    process = started(folder, settings | {"max_steps": STEPS, "save_steps": 1}, LoRA(r=2), seconds=5)
    wait_for(lambda: steps_on_disk(folder) >= 1, process)
    time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGINT)
    process.join(4)
    assert process.exitcode not in (None, 0, 3)
    assert load_run(folder).status in ("broken off", "stopped")


def test_ctrl_c_is_as_before_after_a_tune(settings, tmp_path):
    before = signal.getsignal(signal.SIGINT)
    tune(LoRA(r=2), out=tmp_path / "run", **settings)
    assert signal.getsignal(signal.SIGINT) is before
    stop = threading.Event()
    with stopped_by_interrupt(stop):
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set()
        assert signal.getsignal(signal.SIGINT) is before
    assert signal.getsignal(signal.SIGINT) is before


def test_a_tune_may_run_in_a_thread(settings, tmp_path):
    found = []
    thread = threading.Thread(target=lambda: found.append(tune(LoRA(r=2), out=tmp_path / "run", **settings)))
    thread.start()
    thread.join()
    assert found[0].status == "finished"


def test_a_run_shows_itself(settings, tmp_path):
    heard = []
    settings |= {"score_examples": 2}
    run = tune(LoRA(r=2), out=str(tmp_path / "run"), on_event=heard.append, **settings)
    assert tuple(heard) == run.events
    assert (run.method, run.config) == (LoRA(r=2), TuneConfig(**settings))
    text = repr(run)
    assert text.startswith("Run(LoRA(r=2,")
    assert "finished after 4 steps" in text
    assert load_run(run.folder) == run == load_run(str(run.folder))
    summary = run.summary
    assert summary["loss_first"] == run.losses[0]
    assert summary["loss_last"] == run.losses[-1]
    assert summary["tokens"] == sum(event.tokens for event in run.events if isinstance(event, Stepped)) > 0
    assert summary["tokens_per_second"] > 0
    loaded = [file for file in run.artifact.rglob("*") if file.name not in ("card.json", "README.md")]
    assert summary["artifact_bytes"] == sum(file.stat().st_size for file in loaded)
    assert 0 < summary["eval_loss_after"] < summary["eval_loss_before"]
    assert summary["memory"]["measured"]["process_peak"] > 2**20
    assert {"method", "rank", "bits", "alpha", "trainable_parameters", "total_parameters", "steps", "seconds",
            "score_before", "score_after", "run_dir", "status"} <= set(summary)  # fmt: skip


def test_a_run_with_nothing_done_has_no_artifact_and_says_why(settings, tmp_path):
    from finetune_lab.tuning.training import train

    next(iter(train(LoRA(r=2), out=tmp_path / "run", **settings)))
    run = load_run(tmp_path / "run")
    assert (run.status, run.losses, run.summary["loss_last"]) == ("stopped", [], None)
    assert repr(run)
    with pytest.raises(RunError) as caught:
        run.generate("Record: ")
    assert "before the first step" in one_line(caught.value)
