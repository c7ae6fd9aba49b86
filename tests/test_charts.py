"""Charts of loss curves: what is drawn, what the words say, and that labels can be read."""

import math
import random
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from finetune_lab.config import Full, LoRA, Method, QLoRA, TuneConfig, method_to_dict
from finetune_lab.errors import RunError
from finetune_lab.events import Ended, Evaluated, Event, Started, Status, Stepped
from finetune_lab.tuning.comparison import Comparison
from finetune_lab.tuning.run import Run
from finetune_lab.tuning.summary import summarize
from finetune_lab.views.charts import STYLES, describe, save_loss_png, spread
from finetune_lab.views.curves import smoothed
from finetune_lab.views.plotting import plot


def a_run(method: Method, end: float, steps: int = 30, status: Status = "finished", name: str = "run") -> Run:
    """A run whose loss falls from 6 to `end`; a diverged one has a last step that is not finite."""
    noise = random.Random(0)
    events: list[Event] = [Started(0, steps, 10, 100, {}, name), Evaluated(0, 6.0, {})]
    for step in range(1, steps + 1):
        loss = end + (6 - end) * math.exp(-6 * step / steps) + noise.gauss(0, 0.05 * end)
        events.append(Stepped(step, loss, 1e-3, 1.0, 400, 0.1))
    if status == "diverged":
        events.append(Stepped(steps + 1, math.nan, 1e-3, math.nan, 400, 0.1))
    if status == "finished":
        events.append(Evaluated(steps, end, {}))
    events.append(Ended(steps, status, "", None, 0))
    summary = summarize({"method": method_to_dict(method)}, events, Path(name), status, None)
    return Run(Path(name), method, TuneConfig(), tuple(events), summary)


@pytest.fixture
def race() -> Comparison:
    return Comparison((a_run(Full(), 0.62), a_run(LoRA(), 0.71), a_run(QLoRA(), 0.72)), Path("race"))


def labels(chart: Any) -> list[Text]:
    return list(chart.axes[0].texts)


def test_each_run_has_a_raw_a_smoothed_and_an_evaluated_curve_and_a_label(race: Comparison) -> None:
    chart = plot(race)
    drawn = [line for line in chart.axes[0].lines if len(line.get_xdata()) in (2, 30)]
    assert [len(line.get_xdata()) for line in drawn] == [30, 30, 2] * 3
    assert [text.get_text().split("\n")[0] for text in labels(chart)] == ["full", "lora r=8", "qlora r=8 4-bit"]
    assert all("evaluation 0." in text.get_text() for text in labels(chart))


def test_colour_and_line_style_belong_to_the_method_whatever_the_order(race: Comparison) -> None:
    for runs in (race.runs, race.runs[::-1], race.runs[1:2]):
        found = [text.get_color() for text in labels(plot(*runs))]
        assert found == [STYLES[run.method.name]["color"] for run in runs]
    assert len({style["color"] for style in STYLES.values()}) == 3
    assert len({str(style["linestyle"]) for style in STYLES.values()}) == 3


def test_labels_neither_overlap_nor_leave_the_picture() -> None:
    runs = [a_run(LoRA(r=rank), 0.7 + rank / 10_000) for rank in (1, 2, 4, 8)]
    runs += [a_run(Full(), 0.7), a_run(LoRA(r=16, lora_alpha=32), 2.0, status="diverged")]
    chart = plot(*runs)
    FigureCanvasAgg(chart).draw()
    boxes = [text.get_window_extent() for text in labels(chart)]
    assert len(boxes) == 6
    pairs = [(one, other) for at, one in enumerate(boxes) for other in boxes[at + 1 :]]
    assert [pair for pair in pairs if pair[0].overlaps(pair[1])] == []
    assert all(box.x1 <= 1000 and box.y0 >= 0 and box.y1 <= 560 for box in boxes)


def test_the_words_hold_the_numbers_and_the_ends() -> None:
    told = describe(a_run(LoRA(), 0.71), a_run(Full(), 3.0, status="diverged"))
    assert "nats a completion token" in told
    assert "lora r=8: training loss from" in told
    assert "evaluation loss from 6.00 to 0.71." in told
    assert told.endswith("at step 30, diverged.")
    assert "nan" not in told


def test_runs_of_one_method_are_named_by_what_differs() -> None:
    runs = [a_run(LoRA(lora_alpha=16), 1.0), a_run(LoRA(lora_alpha=64), 1.0), a_run(LoRA(r=2), 1.0)]
    names = [text.get_text().split("\nevaluation")[0].replace("\n", " ") for text in labels(plot(*runs))]
    assert names == ["lora r=8 lora_alpha=16", "lora r=8 lora_alpha=64", "lora r=2"]
    twins = plot(a_run(LoRA(), 1.0, name="here"), a_run(LoRA(), 1.0, name="there"))
    assert ["(here)" in labels(twins)[0].get_text(), "(there)" in labels(twins)[1].get_text()] == [True, True]


def test_the_file_is_a_png_of_its_size_with_the_words_inside(race: Comparison, tmp_path: Path) -> None:
    picture = save_loss_png(race, tmp_path / "loss.png").read_bytes()
    assert struct.unpack(">II", picture[16:24]) == (1000, 560)
    assert describe(race).encode("latin-1") in picture
    assert "matplotlib.pyplot" not in sys.modules


def test_a_file_that_cannot_be_written_is_a_line_of_ours(race: Comparison, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"can't be written: No such file or directory\."):
        save_loss_png(race, tmp_path / "missing" / "loss.png")


def test_a_run_without_a_step_cannot_be_drawn_and_one_step_can() -> None:
    with pytest.raises(RunError, match="no run has done a step"):
        plot(a_run(LoRA(), 1.0, steps=0, status="stopped"))
    assert len(labels(plot(a_run(LoRA(), 1.0, steps=1)))) == 1


def test_smoothing_keeps_a_straight_line_and_takes_noise_away() -> None:
    line = [10 - 0.1 * step for step in range(40)]
    assert smoothed(line) == pytest.approx(line)
    noise = random.Random(1)
    noisy = [value + noise.gauss(0, 1) for value in line]
    left = [(one - other) ** 2 for one, other in zip(smoothed(noisy), line, strict=True)]
    assert sum(left) / len(left) < 0.3  # of 1 before


def test_labels_are_spread_in_order_by_their_heights() -> None:
    assert spread([0.2, 0.5], [0.1, 0.1]) == [0.2, 0.5]
    near = spread([0.50, 0.51, 0.49], [0.1, 0.1, 0.1])
    assert near == pytest.approx([0.59, 0.69, 0.49])
    assert max(spread([1.0, 1.0], [0.1, 0.1])) <= 1.05
