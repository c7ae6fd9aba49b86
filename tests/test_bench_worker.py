"""The worker: a tune in the background that starts, pauses, stops and ends as asked, whoever asks and whenever."""

import gc
import json
import threading
import time
from itertools import pairwise

import psutil
import pytest
import torch
from tiny import one_line, weights

from finetune_lab.bench import stepping
from finetune_lab.bench.current import attach, current
from finetune_lab.bench.forecast import forecast
from finetune_lab.bench.progress import MOST_STEPS, Progress
from finetune_lab.bench.turns import forecast_turn, trainer_turn
from finetune_lab.bench.worker import Job, Worker
from finetune_lab.config import Full, LoRA, QLoRA, TuneConfig
from finetune_lab.errors import BusyError, ConfigError
from finetune_lab.events import Ended, Evaluated, Saved, Started, Stepped
from finetune_lab.tuning.run import load_run, tune
from finetune_lab.tuning.run_folder import RunFolder

pytest_plugins = "tiny_base"
LONG = 2_000  # steps: a tune that does not end by itself while a test looks


@pytest.fixture
def job(settings, tmp_path):
    def make(*methods, **changes):
        return Job(methods or (LoRA(r=2),), TuneConfig(**settings | changes), tmp_path / "runs")

    return make


@pytest.fixture
def worker():
    worker = Worker()
    yield worker
    worker.stop()
    assert worker.done.wait(60)


def until(condition, seconds=60):
    """Wait for a condition; the test fails where it does not come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def steps_done(worker):
    return worker.snapshot().step


def test_a_tune_in_the_background_is_the_tune_itself(worker, job, settings, tmp_path):
    asked = job()
    with torch.no_grad():  # what the starting thread is in is no matter of the worker's
        worker.start(asked)
        assert worker.snapshot().state in {"starting", "running"}
        last = worker.wait()
    plain = tune(LoRA(r=2), out=tmp_path / "plain", **settings)
    assert (last.state, last.step, last.max_steps, last.error, last.method) == ("finished", 4, 4, None, LoRA(r=2))
    assert [event.loss for event in last.events if isinstance(event, Stepped)] == plain.losses
    assert weights(last.run_dir / "adapter") == weights(plain.artifact)
    assert last.run_dir.parent == asked.out
    assert last.seconds > 0
    assert last.tokens_per_second > 0
    assert last.seconds_left == 0
    assert current() is worker is attach() is attach(last.run_dir)


def test_a_race_is_one_run_after_the_other(worker, job):
    worker.start(job(Full(), LoRA(r=2), QLoRA(r=2)))
    last = worker.wait()
    assert (last.state, last.number, last.of, last.method) == ("finished", 3, 3, QLoRA(r=2))
    runs = [load_run(folder) for folder in last.folders]
    assert [run.method for run in runs] == [Full(), LoRA(r=2), QLoRA(r=2)]
    assert {run.status for run in runs} == {"finished"}
    assert len({json.dumps(json.loads((run.folder / "run.json").read_text())["examples_sha256"]) for run in runs}) == 1


def test_stopping_a_race_ends_all_of_it(worker, job):
    worker.start(job(Full(), LoRA(r=2), max_steps=LONG))
    until(lambda: steps_done(worker) > 1)
    worker.stop()
    last = worker.wait()
    assert (last.state, last.number, len(last.folders)) == ("stopped", 1, 1)


def test_stop_acts_within_one_step_and_leaves_something_to_resume(worker, job):
    worker.start(job(max_steps=LONG))
    until(lambda: steps_done(worker) >= 2)
    before = steps_done(worker)
    worker.stop()
    assert worker.snapshot().state in {"stopping", "stopped"}
    last = worker.wait()
    assert last.state == "stopped"
    assert last.step <= before + 2  # the one in progress, and one that ended between the look and the stop
    assert isinstance(last.events[-1], Ended)
    seen = [event for event in last.events if isinstance(event, Stepped)]
    again = Worker()
    again.start(Job((), TuneConfig(), resume=last.run_dir))
    until(lambda: steps_done(again) > last.step)
    again.stop()
    on = again.wait()
    assert on.state == "stopped"
    assert [event for event in on.events if isinstance(event, Stepped)][: len(seen)] == seen
    assert (on.method, on.max_steps) == (LoRA(r=2), LONG)


def test_a_pause_holds_everything_and_its_time_is_not_counted(worker, job):
    worker.start(job(max_steps=LONG))
    until(lambda: steps_done(worker) >= 1)
    worker.pause()
    worker.pause()
    until(lambda: worker.snapshot().state == "paused")
    at, seconds, version = steps_done(worker), worker.snapshot().seconds, worker.snapshot().version
    time.sleep(0.5)
    now = worker.snapshot()
    assert (now.step, now.seconds, now.version) == (at, seconds, version)
    worker.resume()
    worker.resume()
    until(lambda: steps_done(worker) > at)
    assert worker.snapshot().state == "running"
    first = next(e for e in worker.snapshot().events if isinstance(e, Stepped) and e.step == at + 1)
    assert first.seconds < 0.5


def test_stop_while_paused_acts_at_once(worker, job):
    worker.start(job(max_steps=LONG))
    until(lambda: steps_done(worker) >= 1)
    worker.pause()
    until(lambda: worker.snapshot().state == "paused")
    at = steps_done(worker)
    worker.stop()
    last = worker.wait()
    assert (last.state, last.step) == ("stopped", at)
    assert load_run(last.run_dir).status == "stopped"


def test_stop_before_the_first_step_does_none(worker, job):
    worker.start(job(max_steps=LONG))
    worker.stop()
    worker.stop()
    last = worker.wait()
    assert (last.state, last.step, last.error) == ("stopped", 0, None)
    worker.start(job(max_steps=LONG))
    until(lambda: any(isinstance(event, Started) for event in worker.snapshot().events))
    worker.stop()
    last = worker.wait()
    assert (last.state, last.error) == ("stopped", None)
    assert load_run(last.run_dir).status == "stopped"


def test_buttons_after_the_end_and_before_any_start_are_harmless(worker, job):
    for press in (worker.stop, worker.pause, worker.resume):
        press()
    assert (worker.snapshot().state, worker.snapshot().events) == ("idle", ())
    worker.start(job())
    last = worker.wait()
    for press in (worker.stop, worker.pause, worker.stop, worker.resume):
        press()
    assert worker.snapshot() == last
    worker.start(job())  # and none of them is left over
    assert worker.wait().state == "finished"


def test_a_second_start_is_refused_with_what_runs_since_when_and_where(worker, job):
    asked = job(max_steps=LONG)
    worker.start(asked)
    until(lambda: steps_done(worker) >= 1)
    for other in (worker, Worker()):
        with pytest.raises(BusyError, match="lora is running") as refused:
            other.start(asked)
        text = one_line(refused.value)
        assert worker.began in text
        assert str(worker.snapshot().run_dir) in text
    with pytest.raises(BusyError, match="Another tune"):
        tune(LoRA(r=2), model=asked.config.model, data=asked.config.data)
    assert current() is worker
    worker.stop()
    worker.wait()
    worker.start(job())
    assert worker.wait().state == "finished"


def test_many_threads_press_start_and_one_wins(job):
    workers, refused = [Worker() for _ in range(8)], []
    asked = job()

    def press(one):
        try:
            one.start(asked)
        except BusyError as error:
            refused.append(error)

    threads = [threading.Thread(target=press, args=(one,)) for one in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert current().wait().state == "finished"
    assert len(refused) == 7
    assert len(list(asked.out.iterdir())) == 1


def test_an_error_in_the_thread_is_kept_as_one_line(worker, job, tmp_path):
    worker.start(job(data=str(tmp_path / "none.jsonl")))
    last = worker.wait()
    assert last.state == "failed"
    assert "none.jsonl" in last.error
    assert "\n" not in last.error
    assert worker.traceback == ""  # it was foreseen
    with pytest.raises(ConfigError):
        worker.start(Job((), TuneConfig()))
    assert worker.done.is_set()


def test_an_unforeseen_error_ends_the_worker_and_is_kept_with_its_place(worker, job, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("a fault of ours\nin two lines")

    monkeypatch.setattr(stepping, "hold", broken)
    worker.start(job())
    last = worker.wait()
    assert (last.state, last.error) == ("failed", "ZeroDivisionError: a fault of ours")
    assert "in broken" in worker.traceback
    monkeypatch.undo()
    worker.start(job())
    assert worker.wait().state == "finished"


def test_a_run_that_diverges_says_so(worker, job):
    worker.start(job(learning_rate=1e30, max_steps=20))
    last = worker.wait()
    assert last.state == "diverged"
    assert load_run(last.run_dir).status == "diverged"


def test_a_consumer_that_crashes_or_sleeps_does_not_matter(worker, job):
    seen = []

    def crash():
        seen.append(worker.snapshot().version)
        raise RuntimeError("a renderer that fails")

    def sleep():
        seen.append(worker.snapshot().version)
        time.sleep(30)

    quiet = threading.excepthook
    threading.excepthook = lambda _: None
    try:
        worker.start(job(max_steps=30))
        for consumer in (crash, sleep):
            threading.Thread(target=consumer, daemon=True).start()
        last = worker.wait(25)
    finally:
        threading.excepthook = quiet
    assert len(seen) == 2
    assert (last.state, last.step) == ("finished", 30)


def test_wait_with_a_time_limit_returns_and_the_tune_goes_on(worker, job):
    worker.start(job(max_steps=LONG))
    began = time.monotonic()
    worker.wait(0.3)
    assert 0.2 < time.monotonic() - began < 5
    assert not worker.done.is_set()
    at = steps_done(worker)
    until(lambda: steps_done(worker) > at)


def test_thousands_of_steps_are_thinned_in_memory_and_whole_in_number():
    progress = Progress(state="running")
    progress.add([Started(0, 50_000, 1, 1, {}, "x"), Evaluated(0, 1.0, {})])
    for step in range(1, 50_001):
        progress.add([Stepped(step, 1 / step, 0.1, 1.0, 10, 0.5)])
        if step % 10_000 == 0:
            progress.add([Saved(step, "")])
    now = progress.snapshot()
    kept = [event.step for event in now.events if isinstance(event, Stepped)]
    assert MOST_STEPS / 2 <= len(kept) <= MOST_STEPS
    assert kept == sorted(kept)
    assert kept[-1] == 50_000
    gaps = {after - before for before, after in pairwise(kept)}
    assert max(gaps) == 16
    assert sum(isinstance(event, Saved) for event in now.events) == 5
    assert (now.step, now.seconds, now.tokens_per_second, now.seconds_left) == (50_000, 25_000, 20, 0)


def test_a_forecast_in_the_middle_of_a_tune_changes_nothing(worker, job, settings, tmp_path):
    dropped = LoRA(r=2, lora_dropout=0.3)  # it draws random numbers at every step
    asked = job(dropped, max_steps=12)
    worker.start(asked)
    for rank in range(2, 40, 3):  # while it is built, judged and trained
        assert not forecast(LoRA(r=rank, lora_dropout=0.3), asked.config.replace(batch_size=3)).faults
    last = worker.wait()
    plain = tune(dropped, out=tmp_path / "plain", **settings | {"max_steps": 12})
    assert last.state == "finished"
    assert [event.loss for event in last.events if isinstance(event, Stepped)] == plain.losses
    assert weights(last.run_dir / "adapter") == weights(plain.artifact)


def test_turns_are_taken_one_by_one_and_a_busy_slider_can_not_starve_a_tune():
    at_work, turns, rest = [], [], threading.Event()

    def forecasts():
        while not rest.is_set():
            with forecast_turn():
                at_work.append(1)
                assert len(at_work) == 1
                time.sleep(0.002)
                turns.append("forecast")
                at_work.pop()

    sliders = [threading.Thread(target=forecasts, daemon=True) for _ in range(3)]
    for slider in sliders:
        slider.start()
    for _ in range(20):
        with trainer_turn():
            at_work.append(1)
            assert len(at_work) == 1
            time.sleep(0.001)
            turns.append("trainer")
            at_work.pop()
    rest.set()
    for slider in sliders:
        slider.join(10)
    assert turns.count("trainer") == 20
    assert turns.count("forecast") >= 19  # each trainer's turn was followed by one that waited


def test_the_folder_of_a_live_run_is_held(worker, job):
    worker.start(job(max_steps=LONG))
    until(lambda: steps_done(worker) >= 1)
    folder = RunFolder(worker.snapshot().run_dir)
    assert folder.being_written()
    worker.stop()
    worker.wait()
    assert not folder.being_written()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_twenty_tunes_in_the_background_leave_memory_within_a_tenth(job):
    process, sizes = psutil.Process(), []
    worker = Worker()
    for number in range(23):
        worker.start(job((Full(), LoRA(r=2), QLoRA(r=2))[number % 3], max_steps=2, score_examples=1))
        assert worker.wait().state == "finished"
        gc.collect()
        sizes.append(process.memory_info().rss)
    assert len(sizes) == 23
    assert sizes[-1] <= 1.1 * sizes[2], sizes
