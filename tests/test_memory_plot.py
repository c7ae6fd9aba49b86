"""`plot_memory` and `plot_step`: of runs, of comparisons, of plans; and what they refuse."""

import pytest

import finetune_lab as lab
from finetune_lab.errors import ConfigError, RunError

pytest_plugins = "tiny_base"


@pytest.fixture(scope="module")
def race(base, rows, tmp_path_factory):
    settings = {"model": str(base), "data": str(rows), "max_steps": 2, "batch_size": 4, "max_length": 64}
    out = tmp_path_factory.mktemp("race") / "race"
    return lab.compare([lab.Full(), lab.LoRA(r=2)], out=out, eval_examples=2, score_examples=0, **settings)


def test_one_run_is_drawn_predicted_beside_measured(race):
    assert "optimizer" in lab.plot_memory(race.runs[0]).description
    assert lab.plot_memory(race.runs[0]).description.startswith("Predicted and measured memory")


def test_several_runs_are_drawn_at_their_peaks(race):
    said = lab.plot_memory(race).description
    assert said.startswith("Memory at the peak: full ")
    assert "; lora r=2 " in said
    assert said == lab.plot_memory(*race.runs).description


def test_a_step_is_drawn_from_the_inside(race):
    assert "rises to" in lab.plot_step(race.runs[1]).description
    (race.runs[1].folder / "memory.json").unlink()
    with pytest.raises(RunError, match="holds no measured step"):
        lab.plot_step(race.runs[1])


def test_plans_are_drawn_with_the_device_they_share():
    full, lora = (lab.plan("qwen3-0.6b", method, device="T4") for method in (lab.Full(), lab.LoRA()))
    assert "qwen3-0.6b full 23.5 GiB" in lab.plot_memory(full, lora).description


def test_nothing_and_a_mixture_are_refused(race):
    for items in ((), (race, lab.plan("lab-base"))):
        with pytest.raises(ConfigError, match="Memory is plotted of runs or of plans"):
            lab.plot_memory(*items)
