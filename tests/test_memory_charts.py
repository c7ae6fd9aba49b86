"""Figures of memory: whole, without pyplot's state, described in words computed from the data."""

import subprocess
import sys

import pytest
from PIL import Image

from finetune_lab.events import MEMORY_COMPONENTS
from finetune_lab.memory.curve import Point, StepCurve
from finetune_lab.memory.run_plan import error_rows, errors
from finetune_lab.views import memory_charts as charts

MIB = 2**20
SIZES = {name: (at + 1) * MIB for at, name in enumerate(MEMORY_COMPONENTS)}  # 28 MiB in all
CURVE = StepCurve(
    (
        Point("forward", "model.layers.0.mlp", (MIB, 0, 0, 0, MIB, 0, 0)),
        Point("backward", "model.layers.1.mlp", (MIB, 0, 0, 0, MIB, 6 * MIB, MIB)),
        Point("update", "", (MIB, 0, 0, MIB, MIB, 0, 0)),
    )
)


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        (lambda: charts.over_steps([SIZES, {**SIZES, "peak": 30 * MIB}], 29 * MIB, 40 * MIB), "at most 30.0 MiB"),
        (lambda: charts.within_step(CURVE, 9 * MIB), "rises to 9.0 MiB in backward at mlp"),
        (
            lambda: charts.predicted_and_measured({**SIZES, "peak": 11}, {**SIZES, "peak": 10}),
            "optimizer 5.0 MiB and 5.0",
        ),
        (lambda: charts.at_the_peak({"full": SIZES, "lora": SIZES}, 2**31), "full 28.0 MiB, of which other 7.0 MiB"),
        (lambda: charts.against_length([64, 128], {"full": [MIB, 2 * MIB]}), "full from 1.0 MiB to 2.0 MiB"),
    ],
)
def test_each_figure_is_drawn_and_described(figure, said, tmp_path):
    made = figure()
    assert said in made.description
    charts.save_png(made, tmp_path / "figure.png")
    image = Image.open(tmp_path / "figure.png")
    assert image.size[0] > 600
    assert image.info["Description"] == made.description


def test_a_component_has_one_colour_of_its_own():
    assert list(charts.COLOURS) == list(MEMORY_COMPONENTS)
    assert len(set(charts.COLOURS.values())) == len(MEMORY_COMPONENTS)


def test_errors_are_shares_of_what_was_measured():
    assert errors({"peak": 11}, {"peak": 10})["peak"] == pytest.approx(0.1)
    assert errors({"peak": 11}, {})["peak"] is None
    rows = {row["memory"]: row["error"] for row in error_rows({**SIZES, "peak": 11}, {**SIZES, "peak": 10})}
    assert rows["peak"] == "+10.0 %"
    assert rows["optimizer"] == "+0.0 %"


def test_nothing_here_needs_pyplot():
    code = 'import sys, finetune_lab.views.memory_charts; print("matplotlib.pyplot" in sys.modules)'
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
