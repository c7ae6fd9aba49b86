"""The live charts and the thread that draws them: cheap, honest, in words too, and harmless when they break."""

import base64
import io
import re
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from finetune_lab.bench.snapshot import Snapshot
from finetune_lab.config import QLoRA
from finetune_lab.events import Ended, Evaluated, Started, Stepped
from finetune_lab.views.bench import markup
from finetune_lab.views.bench.live_card import LiveCard
from finetune_lab.views.bench.memory_sheet import MemorySheet, components_said
from finetune_lab.views.bench.renderer import Renderer
from finetune_lab.views.bench.sheet import few_colours, nice
from finetune_lab.views.bench.thinning import MOST, chosen, highest_of_each, smooth
from finetune_lab.views.bench.trace_sheet import LOSS_UP, TraceSheet
from finetune_lab.views.bench.traces import loss_trace, losses_said
from finetune_lab.views.bench.words import clock, sentence
from finetune_lab.views.curves import SMOOTHED_SHARE, smoothed

EVIL = "<img src=x onerror=\"document.title='owned'\"></pre><script>alert(1)</script>&'"


def started(steps: int) -> Started:
    return Started(0, steps, 1000, 9000, {}, "runs/x", {"base_weights": 2**20, "activations": 2**21, "peak": 3 * 2**20})


def stepped(step: int, loss: float = 1.0) -> Stepped:
    memory = {"base_weights": 2**20, "activations": step * 2**10}
    return Stepped(step, loss, 1e-3, 0.5, 100, 0.1, memory)


def events(steps: int, of: int | None = None) -> tuple[object, ...]:
    return (started(of or steps), Evaluated(0, 2.0, {}), *(stepped(n, 1 + 1 / n) for n in range(1, steps + 1)))


def size_of(png: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(png)).size


def test_a_chart_is_a_small_png_of_few_colours_whatever_it_shows():
    sheet, memory = TraceSheet(LOSS_UP), MemorySheet()
    seen = set()
    for count in (0, 1, 30, 5000):
        for png in (sheet.picture([loss_trace("lora", "lora", events(count))]), memory.picture(events(count))):
            picture = Image.open(io.BytesIO(png))
            assert picture.mode == "P"
            assert len(png) < 25_000
            seen.add(picture.size)
    assert seen == {(900, 405)}


def test_a_frame_shows_the_data_and_a_longer_run_does_not_move_what_was_there():
    sheet = TraceSheet(LOSS_UP)
    empty = np.asarray(Image.open(io.BytesIO(sheet.picture([loss_trace("a", "lora", events(0, 100))]))))
    some = np.asarray(Image.open(io.BytesIO(sheet.picture([loss_trace("a", "lora", events(50, 100))]))))
    more = np.asarray(Image.open(io.BytesIO(sheet.picture([loss_trace("a", "lora", events(90, 100))]))))
    assert (empty != some).any()
    left = slice(0, 250)  # of the axes: the first third of the steps
    assert ((some != more)[:, left]).mean() < 0.001


def test_a_chart_with_nothing_to_show_says_so_and_has_no_numbers():
    chart = TraceSheet(LOSS_UP)
    chart.picture([])
    axes = chart.sheet.axes
    (note,) = axes.texts
    assert (note.get_visible(), note.get_text()) == (True, "nothing measured yet")
    assert {label.get_color() for label in axes.get_yticklabels()} == {"white"}
    chart.picture([loss_trace("a", "lora", events(3, 100))])
    assert not note.get_visible()
    assert "white" not in {label.get_color() for label in axes.get_yticklabels()}


def test_the_scale_only_grows():
    sheet = TraceSheet(LOSS_UP).sheet
    sheet.fit(60, 0.95)
    assert sheet.axes.get_ylim() == (0, 1)
    sheet.fit(10, 0.2)
    assert (sheet.axes.get_xlim(), sheet.axes.get_ylim()) == ((0, 60), (0, 1))
    sheet.fit(60, 5.1)
    assert sheet.axes.get_ylim() == (0, 6)


@pytest.mark.parametrize(
    ("value", "wanted"), [(0.0, 1), (0.95, 1), (1.0, 1), (230, 240), (7, 8), (8.1, 10), (float("nan"), 1)]
)
def test_round_numbers_are_not_smaller(value, wanted):
    assert nice(value) == pytest.approx(wanted)


def test_few_colours_keeps_black_white_and_the_methods_colours():
    colours = [(255, 255, 255), (0x33, 0x33, 0x33), (0x00, 0x72, 0xB2), (0xC0, 0x4E, 0x00), (0x00, 0x7A, 0x5A)]
    pixels = np.array([[(*colour, 255) for colour in colours]], dtype=np.uint8)
    back = np.asarray(Image.open(io.BytesIO(few_colours(pixels))).convert("RGB"))[0]
    assert [tuple(colour) for colour in back.tolist()] == colours


def test_smoothing_is_that_of_the_finished_charts():
    values = np.random.default_rng(0).normal(size=200).cumsum()
    assert smooth(values, SMOOTHED_SHARE * 200) == pytest.approx(np.array(smoothed(values.tolist())), abs=1e-9)
    assert smooth(np.array([3.0]), 1.0) == pytest.approx([3.0])


def test_no_more_than_500_points_with_the_last_one_and_the_peaks():
    assert len(chosen(4000)) <= MOST
    assert chosen(4000)[[0, -1]].tolist() == [0, 3999]
    steps = [stepped(n) for n in range(1, 4001)]
    steps[1234] = replace(steps[1234], memory={"activations": 2**40})
    kept = highest_of_each(steps)
    assert len(kept) <= MOST
    assert steps[1234] in kept
    assert kept[-1] is steps[-1]


def test_words_come_from_the_same_numbers():
    run = (*events(20), Evaluated(20, 0.5, {}))
    assert "evaluation loss 2.00 at step 0, 0.50 at step 20" in losses_said([loss_trace("lora r=8", "lora", run)])
    assert "Predicted peak 3.00 MiB. Highest so far 1.02 MiB at step 20" in components_said(run)
    assert losses_said([]) == "Loss by optimizer step, in nats a completion token. Nothing has run yet."


def test_a_run_that_diverged_is_marked_where_it_did_and_said():
    run = (*events(7, 60), stepped(8, float("nan")), Ended(8, "diverged", "not finite", None, 0))
    trace = loss_trace("full", "full", run)
    assert trace.failed == 8
    assert len(trace.steps) == 7
    assert "diverged at step 8" in losses_said([trace])
    assert size_of(TraceSheet(LOSS_UP).picture([trace])) == (900, 405)


def test_what_comes_from_outside_is_shown_as_text():
    whole = markup.sample(EVIL, EVIL, EVIL) + markup.chart(EVIL, EVIL, EVIL, b"") + markup.note(EVIL)
    whole += markup.facts([(EVIL, EVIL, EVIL)], "x") + markup.table([{EVIL: EVIL}], EVIL) + markup.spoken(EVIL)
    whole += markup.stacked_bars([(EVIL, {"other": 1})], EVIL) + markup.verdict("fits", EVIL)
    assert "<script" not in whole
    assert set(re.findall(r"<img[^>]*", whole)) == set(re.findall(r"<img alt=[^>]*", whole))
    assert "&lt;script&gt;" in whole


def test_the_card_sends_only_what_changed_and_keeps_its_places():
    card = LiveCard()
    now = Snapshot(version=1, state="running", method=QLoRA(), events=events(5, 60), step=5, max_steps=60)
    first = card.draw(now)
    assert first > 10_000
    assert card.draw(now) == 0
    assert 'alt="Loss by optimizer step' in card.loss.value
    png = base64.b64decode(re.search(r"base64,([^\"]+)", card.memory.value)[1])
    assert size_of(png) == (900, 405)
    assert "qlora r=8 4-bit" in card.tiles.value


def test_a_screen_reader_is_spoken_to_at_a_change_of_state_and_else_every_ten_seconds():
    card = LiveCard()
    lines = []
    for step in range(1, 6):
        card.draw(
            Snapshot(version=step, state="running", method=QLoRA(), events=events(step, 60), step=step, max_steps=60)
        )
        lines.append(card.status.value)
    assert len(set(lines)) == 1
    card.draw(Snapshot(version=9, state="pausing", method=QLoRA(), events=events(6, 60), step=6, max_steps=60))
    assert "Pausing" in card.status.value


def test_states_are_said():
    assert sentence(Snapshot()) == "Choose, look at the forecast, press Run."
    assert sentence(Snapshot(state="failed", error="no memory")) == "Failed: no memory"
    assert sentence(Snapshot(state="starting")).startswith("Starting: ")
    assert sentence(Snapshot(state="starting", method=QLoRA())).startswith("Starting qlora r=8 4-bit: ")
    ended = Ended(3, "stopped", "stop was asked for", None, 0)
    assert sentence(Snapshot(state="stopped", events=(ended,))) == "Stopped after step 3: stop was asked for."
    assert [clock(None), clock(0), clock(75.9)] == ["-", "0:00", "1:15"]


class Source:
    """Snapshots as a worker would give them: a new version every few milliseconds."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.began = time.monotonic()

    def __call__(self) -> Snapshot:
        state = "finished" if self.over.is_set() else "running"
        return Snapshot(version=int(1000 * (time.monotonic() - self.began)), state=state)


def drawn_for(seconds: float, draw) -> tuple[Renderer, list[Exception]]:
    faults: list[Exception] = []
    source = Source()
    renderer = Renderer(source, draw, faults.append)
    renderer.start()
    time.sleep(seconds)
    source.over.set()
    assert renderer.done.wait(3)
    return renderer, faults


def test_two_frames_a_second_at_most_and_the_last_one_always():
    states = []
    renderer, faults = drawn_for(1.3, lambda now: states.append(now.state) or 100)
    assert 2 <= states.count("running") <= 4
    assert states[-1] == "finished"
    assert renderer.frames == len(states)
    assert faults == []


def test_large_frames_are_sent_less_often_a_megabyte_a_minute():
    states = []
    drawn_for(1.3, lambda now: states.append(now.state) or 200_000)  # 12 seconds' worth
    assert states == ["running", "finished"]


def test_a_frame_that_costs_much_is_followed_by_a_long_pause():
    states = []

    def slow(now):
        states.append(now.state)
        until = time.thread_time() + 0.1  # 6 seconds' worth
        while time.thread_time() < until:
            pass
        return 1

    renderer, _ = drawn_for(1.3, slow)
    assert states == ["running", "finished"]
    assert renderer.seconds >= 0.2


def test_a_renderer_that_breaks_says_so_once_and_ends():
    def broken(now):
        raise RuntimeError("no canvas")

    renderer, faults = drawn_for(0.4, broken)
    assert [str(fault) for fault in faults] == ["no canvas"]
    assert renderer.done.is_set()


def test_a_renderer_that_is_left_draws_no_more():
    source, states = Source(), []
    renderer = Renderer(source, lambda now: states.append(now.state) or 1, print)
    renderer.start()
    time.sleep(0.2)
    renderer.leave()
    before = len(states)
    time.sleep(0.7)
    assert len(states) == before
