"""One model at a time: what a cell plans or loads does not meet a tune that begins in the background."""

import threading

import pytest
import torch

from finetune_lab.building import ONE_MODEL_AT_A_TIME
from finetune_lab.config import LoRA
from finetune_lab.device import detect_device
from finetune_lab.memory import planning
from finetune_lab.memory.planning import plan
from finetune_lab.methods import build
from finetune_lab.models import find_base, load_model

pytest_plugins = "tiny_base"
MODEL_WORK = {
    "a tune's model": lambda source: build(source, LoRA(), detect_device(), 0),
    "a plan": lambda source: plan(source.location, LoRA(r=3), max_length=17),
    "a base": lambda source: load_model(source, torch.device("cpu"), torch.float32),
}


@pytest.mark.parametrize("what", MODEL_WORK)
def test_it_is_not_built_while_another_is(what, base):
    source, done = find_base(str(base)), threading.Event()
    MODEL_WORK[what](source)  # what is imported and kept is so now: the second time takes milliseconds

    def work():
        MODEL_WORK[what](source)
        done.set()

    thread = threading.Thread(target=work)
    with ONE_MODEL_AT_A_TIME:
        thread.start()
        assert not done.wait(1.0)
    assert done.wait(30)
    thread.join()


def test_a_plan_is_not_mistaken_by_a_model_that_another_thread_runs(base):
    """torch's module hooks see every module of the process; before, this ended in a KeyError or in other figures."""
    alone = [plan(str(base), LoRA(r=5), max_length=length).components for length in range(20, 26)]
    model, stop = load_model(find_base(str(base)), torch.device("cpu"), torch.float32), threading.Event()

    def run_without_end():
        ids = torch.arange(64).view(4, 16)
        while not stop.is_set():
            model(input_ids=ids, labels=ids)

    thread = threading.Thread(target=run_without_end)
    thread.start()
    planning._kept.clear()  # or they would only be looked up
    try:
        beside = [plan(str(base), LoRA(r=5), max_length=length).components for length in range(20, 26)]
    finally:
        stop.set()
        thread.join()
    assert beside == alone
