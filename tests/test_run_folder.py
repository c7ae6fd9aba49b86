"""The run folder: readable after a kill at any point, written by one process, made only where nothing was."""

import json
import multiprocessing
import os
import shutil
import threading

import pytest
from tiny import one_line

from finetune_lab.config import Full, LoRA, QLoRA
from finetune_lab.errors import RunError
from finetune_lab.events import Ended, Saved, Stepped
from finetune_lab.tuning.run import load_run, tune
from finetune_lab.tuning.run_folder import RunFolder, free_name, label
from finetune_lab.tuning.training import train

pytest_plugins = "tiny_base"
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks a process that has torch loaded already")


@pytest.fixture(scope="module")
def finished(base, rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "run"
    common = {"model": str(base), "data": str(rows), "batch_size": 4, "eval_examples": 2, "score_examples": 0}
    return tune(LoRA(r=2), out=folder, max_steps=4, save_steps=2, max_length=64, **common)


def test_the_events_are_readable_wherever_a_kill_cut_them(finished, tmp_path):
    folder = shutil.copytree(finished.folder, tmp_path / "run")
    file = folder / "events.jsonl"
    whole = file.read_bytes()
    ends = [at + 1 for at, byte in enumerate(whole) if byte == ord("\n")]
    assert len(ends) == len(finished.events) == 10
    for at in range(0, len(whole) + 1, 7):
        file.write_bytes(whole[:at])
        run = load_run(folder)
        complete = sum(end <= at for end in ends)
        assert run.events == finished.events[:complete]
        assert run.status == ("finished" if complete == 10 else "broken off" if complete < 10 else None)
        assert run.summary["steps"] == len(run.losses)


def test_a_resumed_run_mends_a_line_that_was_cut(finished, tmp_path):
    folder = shutil.copytree(finished.folder, tmp_path / "run")
    file = folder / "events.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-3]) + lines[-3][:20])  # killed while the last step's checkpoint was told
    shutil.rmtree(folder / "checkpoints" / "step-000004")
    resumed = tune(resume=folder)
    assert resumed.losses == finished.losses
    assert [json.loads(line)["event"] for line in file.read_text().splitlines()].count("Stepped") == 4


@pytest.mark.parametrize("noise", [b"\0\0\0\n", b"{}\n", b"\xff\n", b"[]\n", b'{"event": "Stepped"}\n', b"5\n"])
def test_a_line_that_is_no_event_is_told_by_its_number(finished, tmp_path, noise):
    folder = shutil.copytree(finished.folder, tmp_path / "run")
    lines = (folder / "events.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "events.jsonl").write_bytes(b"".join([*lines[:2], noise, *lines[2:]]))
    with pytest.raises(RunError) as caught:
        load_run(folder)
    assert "Line 3 of" in one_line(caught.value)


RECORDS = [
    "", "{", "[]", "{}", '{"format": 2}', '{"format": 1}', '{"format": 1, "method": [], "config": 5}',
    '{"format": 1, "method": {"method": "x"}, "config": {}}',
    '{"format": 1, "method": {"method": "lora"}, "config": {"x": 1}}',
    '{"format": 1, "method": {"method": "lora", "r": 0}, "config": {}}',
]  # fmt: skip


@pytest.mark.parametrize("text", RECORDS)
def test_a_record_that_can_not_be_read_is_told(finished, tmp_path, text):
    folder = shutil.copytree(finished.folder, tmp_path / "run")
    (folder / "run.json").write_text(text)
    for read in (load_run, lambda path: tune(resume=path)):
        with pytest.raises(RunError) as caught:
            read(folder)
        one_line(caught.value)


def test_events_that_are_gone_are_told(finished, tmp_path):
    folder = shutil.copytree(finished.folder, tmp_path / "run")
    (folder / "events.jsonl").unlink()
    with pytest.raises(RunError, match="There is no"):
        load_run(folder)


def test_a_run_is_read_where_nothing_can_be_written(finished, tmp_path):
    folder = shutil.copytree(finished.folder, tmp_path / "run")
    (folder / ".lock").unlink(missing_ok=True)
    before = sorted(item.name for item in folder.iterdir())
    assert load_run(folder).summary == {**finished.summary, "run_dir": str(folder)}
    assert sorted(item.name for item in folder.iterdir()) == before


def test_the_peak_of_a_run_is_that_of_its_own_process(finished):
    record = json.loads((finished.folder / "run.json").read_text())
    record["summary"]["memory"]["measured"]["process_peak"] = 12345
    (finished.folder / "run.json").write_text(json.dumps(record))
    assert load_run(finished.folder).memory["measured"]["process_peak"] == 12345


@pytest.mark.parametrize("taken", ["file", "full folder", "run"])
def test_a_folder_that_is_taken_is_left_alone(settings, finished, tmp_path, taken):
    out = tmp_path / "out"
    if taken == "file":
        out.write_text("mine")
    elif taken == "full folder":
        out.mkdir()
        (out / "mine.txt").write_text("mine")
    else:
        shutil.copytree(finished.folder, out)
    before = {item: item.stat().st_mtime_ns for item in [out, *out.rglob("*")]}
    with pytest.raises(RunError) as caught:
        tune(LoRA(r=2), out=out, **settings)
    assert "exists already and is not an empty folder" in one_line(caught.value)
    assert {item: item.stat().st_mtime_ns for item in [out, *out.rglob("*")]} == before


def test_an_empty_folder_may_be_named(settings, tmp_path):
    (tmp_path / "out").mkdir()
    assert tune(LoRA(r=2), out=tmp_path / "out", **settings).status == "finished"


def test_two_at_once_never_get_the_same_folder(tmp_path):
    made, refused = [], []
    barrier = threading.Barrier(8)

    def create():
        barrier.wait()
        try:
            made.append(RunFolder.create(tmp_path / "run", LoRA()))
        except RunError as error:
            refused.append(error)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(refused)) == (1, 7)


def test_names_of_folders(tmp_path):
    assert [label(method) for method in (Full(), LoRA(r=4), QLoRA(bits=8))] == ["full", "lora-r4", "qlora-r8-8bit"]
    (tmp_path / "a").mkdir()
    (tmp_path / "a-2").touch()
    assert free_name(tmp_path / "a").name == "a-3"


def test_without_a_name_a_run_gets_a_dated_folder(settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = [tune(LoRA(r=2), **settings) for _ in range(2)]
    assert len({run.folder for run in runs}) == 2
    assert all(
        run.folder.parent.name == "runs" and run.folder.name.split("-", 2)[2].startswith("lora-r2") for run in runs
    )


def in_child(work):
    """Run `work` in a forked process; what it raised comes back as text."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def target():
        try:
            work()
            theirs.send("")
        except RunError as error:
            theirs.send(str(error))

    process = context.Process(target=target)
    process.start()
    process.join(60)
    assert ours.poll()
    return ours.recv()


@forks
def test_a_run_that_another_process_writes_is_not_resumed(settings, tmp_path):
    folder = tmp_path / "run"
    running = train(LoRA(r=2), out=folder, **settings | {"save_steps": 1})
    for event in running:
        if isinstance(event, Saved) and event.step == 2:
            break
    assert load_run(folder).status == "running"

    def resume_as_another_process():
        from finetune_lab.tuning import training

        training._RUNNING = threading.Lock()
        tune(resume=folder)

    text = in_child(resume_as_another_process)
    assert text.startswith(f"Another process is writing {folder}.")
    rest = list(running)
    assert [event.step for event in rest if isinstance(event, Stepped)] == [3, 4]
    assert isinstance(rest[-1], Ended)
    assert load_run(folder).status == "finished"
