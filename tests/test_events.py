"""Events go to disk as strict JSON and come back as they were."""

import json
import math
from dataclasses import FrozenInstanceError

import pytest

from finetune_lab.errors import RunError
from finetune_lab.events import KINDS, Ended, Evaluated, Saved, Started, Stepped, event_from_dict, event_to_dict

EVENTS = [
    Started(0, 4, 10, 100, {"dtype": "float32: because"}, "runs/a"),
    Evaluated(0, 8.25, {"record": 0.5}, "Record: ", "{}"),
    Stepped(1, 8.5, 1e-3, 0.25, 40, 0.01, {"gradients": 4}),
    Saved(4, "runs/a/checkpoints/step-000004"),
    Ended(4, "finished", "all steps are done", None, 0),
]


def refuse(constant):
    raise AssertionError(f"{constant} is not JSON")


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_comes_back(event):
    line = json.dumps(event_to_dict(event))
    assert event_from_dict(json.loads(line, parse_constant=refuse)) == event
    with pytest.raises(FrozenInstanceError):
        event.step = 5


def test_every_kind_is_tried():
    assert {type(event).__name__ for event in EVENTS} == set(KINDS)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_is_null_on_disk_and_nan_again(number):
    line = json.dumps(event_to_dict(Stepped(1, number, 1e-3, number, 40, 0.01)), allow_nan=False)
    back = event_from_dict(json.loads(line))
    assert math.isnan(back.loss)
    assert math.isnan(back.grad_norm)
    assert back.learning_rate == 1e-3


@pytest.mark.parametrize(
    "saved", [{}, {"event": "Begun"}, {"event": ["Saved"]}, {"event": "Saved"}, {"event": "Saved", "x": 1}]
)
def test_what_is_no_event_is_refused_in_a_line(saved):
    with pytest.raises(RunError) as caught:
        event_from_dict(saved)
    assert "\n" not in str(caught.value)
