"""Interrupts, restarts and kills, in real processes: a kernel through jupyter_client, and a SIGKILL in mid-run."""

import os
import signal
import subprocess
import sys
import time

import pytest

from finetune_lab.bench.current import attach
from finetune_lab.bench.worker import Job, Worker
from finetune_lab.config import LoRA, TuneConfig
from finetune_lab.events import Stepped
from finetune_lab.tuning.run import load_run, tune

pytest_plugins = "tiny_base"
BEGIN = """
from pathlib import Path
from finetune_lab.bench.worker import Job, Worker
from finetune_lab.config import LoRA, TuneConfig
worker = Worker()
worker.start(Job((LoRA(r=2),), TuneConfig(**{settings!r}), Path({out!r})))
"""
PATIENCE = 100  # seconds for a process to load torch on a busy machine


class Kernel:
    """A real ipykernel, asked by its own protocol."""

    def __init__(self):
        from jupyter_client.manager import start_new_kernel

        self.manager, self.client = start_new_kernel(startup_timeout=PATIENCE)

    def run(self, code):
        """What a cell prints and how it ends."""
        printed = []

        def hear(message):
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        reply = self.client.execute_interactive(code, timeout=PATIENCE, output_hook=hear)
        return "".join(printed).strip(), reply["content"]

    def value(self, expression):
        """What an expression prints; its cell has to end well."""
        printed, reply = self.run(f"print({expression})")
        assert reply["status"] == "ok", reply
        return printed

    def until(self, expression):
        end = time.monotonic() + PATIENCE
        while self.value(expression) != "True":
            assert time.monotonic() < end, f"{expression}: {self.value('worker.snapshot().error or worker')}"
            time.sleep(0.05)


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    kernel = Kernel()
    yield kernel
    kernel.client.stop_channels()
    kernel.manager.shutdown_kernel(now=True)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_kernel_interrupts(kernel, settings, tmp_path):
    """One kernel for all of it, since it takes seconds to start."""
    long = settings | {"max_steps": 2_000}
    printed, reply = kernel.run(BEGIN.format(settings=long, out=str(tmp_path)))
    assert (printed, reply["status"]) == ("", "ok")
    kernel.until("worker.snapshot().step >= 1")

    # F1: an interrupt while no cell runs reaches the main thread only: training goes on, and Stop works
    at = int(kernel.value("worker.snapshot().step"))
    kernel.manager.interrupt_kernel()
    kernel.until(f"worker.snapshot().step > {at} + 1")
    assert kernel.value("worker.snapshot().state") == "running"

    # F2: an interrupt while a cell waits stops it after the step in progress, saved; the cell ends cleanly
    client = kernel.client
    sent = client.execute("print('waiting', flush=True); last = worker.wait()")
    while client.get_iopub_msg(timeout=PATIENCE)["content"].get("text", "").strip() != "waiting":
        pass
    time.sleep(0.5)  # from the print into the wait
    kernel.manager.interrupt_kernel()
    reply = client.get_shell_msg(timeout=PATIENCE)
    while reply["parent_header"].get("msg_id") != sent:
        reply = client.get_shell_msg(timeout=PATIENCE)
    assert reply["content"]["status"] == "ok", reply["content"]
    assert kernel.value("last.state, worker.done.is_set(), last.error") == "stopped True None"
    assert kernel.value("(last.run_dir / 'adapter').is_dir()") == "True"

    # and a second one can begin: a pause within it is no obstacle to an interrupt either
    assert kernel.run("worker.start(Job((), TuneConfig(), resume=last.run_dir)); worker.pause()")[1]["status"] == "ok"
    kernel.until("worker.snapshot().state == 'paused'")
    assert kernel.value("worker.snapshot().step == last.step") == "True"
    folder = kernel.value("last.run_dir")

    # a kernel that is shut down in an orderly way saves its run
    kernel.manager.shutdown_kernel(now=False)
    assert load_run(folder).status == "stopped"
    assert attach(folder).resumable


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_killed_process_leaves_an_interrupted_run_that_goes_on_to_the_same_end(settings, tmp_path):
    asked = settings | {"max_steps": 60, "save_steps": 5}
    code = BEGIN.format(settings=asked, out=str(tmp_path / "runs")) + "worker.wait()\n"
    process = subprocess.Popen([sys.executable, "-c", code])
    folder = first_run(tmp_path / "runs")
    seen_from_outside = attach(folder)
    end = time.monotonic() + PATIENCE
    while seen_from_outside.snapshot().step < 12:
        assert time.monotonic() < end
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGSTOP)  # in mid-run for as long as the test looks, and then dead without a word
    assert seen_from_outside.snapshot().state == "being_written"  # followed by reading again what it writes
    assert not seen_from_outside.resumable
    second = Worker()
    second.start(Job((), TuneConfig(), resume=folder))  # two processes never write one run
    refused = second.wait()
    assert refused.state == "failed"
    assert str(folder) in refused.error
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL

    left = seen_from_outside.snapshot()
    assert left.state == "interrupted"
    assert "step" in seen_from_outside.resumable
    saved = int(seen_from_outside.resumable.rsplit(" ", 1)[1])
    assert left.step - saved <= asked["save_steps"]
    worker = Worker()
    worker.start(Job((), TuneConfig(), resume=folder))
    last = worker.wait()
    assert (last.state, last.step, last.error) == ("finished", 60, None)
    whole = tune(LoRA(r=2), out=tmp_path / "whole", **asked)
    assert [event.loss for event in last.events if isinstance(event, Stepped)] == whole.losses


def first_run(runs):
    """The folder of the run that a process has begun to write."""
    end = time.monotonic() + PATIENCE
    while not (found := list(runs.glob("*/run.json"))):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found[0].parent


def test_a_keyboard_interrupt_in_wait_stops_and_returns(settings, tmp_path):
    worker = Worker()
    worker.start(Job((LoRA(r=2),), TuneConfig(**settings | {"max_steps": 2_000}), tmp_path))
    looks = []

    class Interrupted(type(worker.done)):
        """The worker's own event, whose third look is met by Ctrl-C, as the signal's handler would raise it."""

        def wait(self, timeout=None):
            looks.append(timeout)
            if len(looks) == 3:
                raise KeyboardInterrupt
            return super().wait(timeout)

    worker.done.__class__ = Interrupted
    last = worker.wait()
    assert worker.done.is_set()
    assert last.state == "stopped"
    assert len(looks) > 3
