"""Stop, asked for while a model is being judged: at once, saved, and nothing half-judged is shown as a result."""

import threading

import pytest
from tiny import tiny_llama, weights

from finetune_lab.batches import encode
from finetune_lab.config import LoRA
from finetune_lab.data import Example
from finetune_lab.events import Ended, Evaluated, Saved, Started, Stepped
from finetune_lab.models import find_base, load_tokenizer
from finetune_lab.tuning.evaluation import EVALUATION_ROWS, StoppedError, evaluation_loss, generate
from finetune_lab.tuning.run import load_run, tune
from finetune_lab.tuning.training import train

pytest_plugins = "tiny_base"


class SetAtLook(threading.Event):
    """Set from the n-th time that somebody looks."""

    def __init__(self, look):
        super().__init__()
        self.left = look

    def is_set(self):
        self.left -= 1
        return self.left <= 0


@pytest.fixture
def model():
    """A base in training, and how often it was asked."""
    model, asked = tiny_llama().train(), []
    model.register_forward_pre_hook(lambda *_: asked.append(1))
    return model, asked


@pytest.fixture(scope="module")
def tokenizer(base):
    return load_tokenizer(find_base(str(base)))


def events_stopped_at(wanted, settings, folder):
    """The events of a run whose stop is set as soon as `wanted` is true of one."""
    stop, seen = threading.Event(), []
    for event in train(LoRA(r=2), out=folder, stop=stop, **settings):
        seen.append(event)
        if wanted(event):
            stop.set()
    return seen


def test_an_evaluation_is_left_before_its_next_batch(model, tokenizer):
    model, asked = model
    examples = encode(tokenizer, [Example(f"Message: {n}\nRecord: ", "yes") for n in range(70)], 64)
    assert len(examples) > 3 * EVALUATION_ROWS
    with pytest.raises(StoppedError):
        evaluation_loss(model, examples, 1, SetAtLook(3))
    assert len(asked) == 2
    assert model.training


def test_an_answer_is_left_at_its_next_token_and_is_none(model, tokenizer):
    model, asked = model
    with pytest.raises(StoppedError):
        generate(model, tokenizer, ["Message: hello", "Message: a longer one"], 40, stop=SetAtLook(3))
    assert len(asked) == 3
    assert model.training
    unstopped = generate(model, tokenizer, ["Message: hello"], 5, stop=threading.Event())
    assert unstopped == generate(model, tokenizer, ["Message: hello"], 5)


def test_in_the_first_evaluation_nothing_is_trained(settings, tmp_path):
    seen = events_stopped_at(lambda event: isinstance(event, Started), settings, tmp_path / "run")
    assert [type(event) for event in seen] == [Started, Ended]
    assert (seen[-1].status, seen[-1].reason, seen[-1].artifact) == (
        "stopped", "stop was asked for before the first step", None,
    )  # fmt: skip
    assert load_run(tmp_path / "run").status == "stopped"


def test_between_two_steps_the_run_is_saved_and_goes_on_to_the_same_weights(settings, tmp_path):
    settings |= {"save_steps": 2, "eval_steps": 2, "score_examples": 2}
    seen = events_stopped_at(lambda event: isinstance(event, Saved), settings, tmp_path / "run")
    assert [event.step for event in seen if isinstance(event, Stepped)] == [1, 2]
    assert [event.step for event in seen if isinstance(event, Evaluated)] == [0]
    assert seen[-1].status == "stopped"
    whole = tune(LoRA(r=2), out=tmp_path / "whole", **settings)
    gone_on = tune(resume=tmp_path / "run")
    assert gone_on.status == "finished"
    assert weights(gone_on.artifact) == weights(whole.artifact)


@pytest.mark.parametrize("kind", [Stepped, Saved])
def test_in_the_last_step_or_look_the_artifact_is_there_and_a_resume_only_judges(settings, tmp_path, kind):
    settings |= {"score_examples": 2}
    last = settings["max_steps"]
    seen = events_stopped_at(lambda event: isinstance(event, kind) and event.step == last, settings, tmp_path / "run")
    assert (seen[-1].status, seen[-1].step) == ("stopped", last)
    run = load_run(tmp_path / "run")
    before = weights(run.artifact)
    resumed = list(train(resume=tmp_path / "run"))
    assert [type(event) for event in resumed] == [Started, Evaluated, Ended]
    assert resumed[-1].status == "finished"
    assert weights(load_run(tmp_path / "run").artifact) == before
