"""The bench where people click: a real JupyterLab in a real Chromium. Each test is one thing that a learner does."""

import json
import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from lab_page import LabPage
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.slow
SMALL = "batch_size=2, max_length=128, score_examples=1, eval_examples=2"
LONG_MS = 180_000
OpenLab = Callable[..., LabPage]


def cell(steps: int, more: str = "") -> str:
    return f"import finetune_lab as lab\nbench = lab.Bench(max_steps={steps}, {SMALL}{more})"


def opened(open_lab: OpenLab, steps: int, more: str = "", **page: object) -> tuple[LabPage, Locator]:
    lab = open_lab([cell(steps, more)], **page)
    lab.run_all()
    panel = lab.page.locator(".ftl-bench")
    expect(panel.locator(".ftl-tiles")).to_contain_text("Ready", timeout=LONG_MS)
    return lab, panel


def press(panel: Locator, name: str) -> None:
    panel.get_by_role("button", name=name, exact=True).click()


def state(panel: Locator, words: str) -> None:
    expect(panel.locator(".ftl-tiles")).to_contain_text(words, timeout=LONG_MS)


def at_step(panel: Locator, least: int) -> None:
    expect(panel.locator(".ftl-tiles")).to_contain_text(re.compile(rf"step\s*([{least}-9]|\d\d)"), timeout=LONG_MS)


def place(panel: Locator) -> object:
    """Where the charts are within the panel, and how high: a run must not move them."""
    return panel.evaluate("""panel => {
        const box = panel.querySelector('.ftl-charts').getBoundingClientRect();
        return [box.top - panel.getBoundingClientRect().top, box.height];
    }""")


def too_wide(panel: Locator) -> int:
    """How many parts reach over the panel's right edge, where they would be cut."""
    return int(
        panel.evaluate("""panel => {
        const edge = panel.getBoundingClientRect().right + 1;
        return [...panel.querySelectorAll('*')]
            .filter(part => !part.closest('.ftl-scroll') && part.getBoundingClientRect().right > edge).length;
    }""")
    )


def serious(lab: LabPage) -> list[str]:
    found = Axe().run(lab.page, context=".ftl-bench").response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (900, True)])
def test_a_run_to_its_end_is_seen_kept_and_accessible(open_lab: OpenLab, width: int, dark: bool) -> None:
    lab, panel = opened(open_lab, 40, width=width, height=1000, dark=dark)
    expect(panel).to_contain_text("peak memory of a step", timeout=LONG_MS)
    before = place(panel)
    assert serious(lab) == []
    press(panel, "Run")
    state(panel, "Running")
    assert place(panel) == before  # nothing jumps
    state(panel, "✓ Finished")
    expect(panel).to_contain_text("Predicted and measured memory", timeout=LONG_MS)
    assert place(panel) == before
    expect(panel.locator("figure img").first).to_have_attribute("alt", re.compile("training loss from"))
    panel.get_by_role("button", name="Last values as a table").click()
    expect(panel.get_by_role("region", name="last values")).to_contain_text("gradient norm")
    assert serious(lab) == []
    assert too_wide(panel) == 0
    lab.page.wait_for_timeout(1000)
    outputs = lab.save()["cells"][0]["outputs"]
    kept = [one["data"] for one in outputs if "image/png" in one.get("data", {})]
    assert len(kept) == 1
    assert "training loss from" in "".join(kept[0]["text/plain"])
    assert any("fields" not in one and "<table>" in json.dumps(one) for one in outputs)


def test_stop_pause_resume_and_a_refused_second_run(open_lab: OpenLab) -> None:
    _, panel = opened(open_lab, 2000)
    press(panel, "Run")
    at_step(panel, 2)
    press(panel, "Run")
    expect(panel).to_contain_text("in this process since")
    press(panel, "Pause")
    state(panel, "Paused")
    press(panel, "Resume")
    state(panel, "Running")
    press(panel, "Stop")
    state(panel, "■ Stopped")
    expect(panel.get_by_role("button", name="Resume", exact=True)).to_be_enabled()


def test_a_reload_and_attach_draw_the_same_run_again(open_lab: OpenLab) -> None:
    lab, panel = opened(open_lab, 2000)
    press(panel, "Run")
    at_step(panel, 2)
    lab.reload()
    number = lab.add_cell("again = lab.attach()")
    lab.run_cell(number)
    new = lab.output(number).locator(".ftl-bench")
    state(new, "Running")
    press(new, "Stop")
    state(new, "■ Stopped")
    assert len(list(lab.folder.glob("runs/*/run.json"))) == 1


def test_a_cell_that_is_run_again_takes_the_live_run_over(open_lab: OpenLab) -> None:
    lab, panel = opened(open_lab, 2000)
    press(panel, "Run")
    at_step(panel, 2)
    lab.run_cell(0)
    state(panel, "Running")
    number = lab.add_cell("bench.stop(); bench.wait().status")
    lab.run_cell(number)
    assert "stopped" in lab.output(number).inner_text()
    assert len(list(lab.folder.glob("runs/*/run.json"))) == 1


def test_after_a_kernel_restart_the_run_is_drawn_and_can_go_on(open_lab: OpenLab) -> None:
    lab, panel = opened(open_lab, 2000, ", save_steps=1")
    press(panel, "Run")
    at_step(panel, 3)
    lab.restart_kernel()
    number = lab.add_cell("import finetune_lab as lab\nagain = lab.attach()")
    lab.run_cell(number)
    new = lab.output(number).locator(".ftl-bench")
    expect(new.locator(".ftl-tiles")).to_contain_text(re.compile("Broken off|Stopped"), timeout=LONG_MS)
    press(new, "Resume")
    state(new, "Running")
    press(new, "Stop")
    state(new, "■ Stopped")


def test_an_interrupt_leaves_a_run_in_the_background_alone(open_lab: OpenLab) -> None:
    lab, panel = opened(open_lab, 2000)
    press(panel, "Run")
    at_step(panel, 2)
    lab.interrupt_kernel()
    lab.page.wait_for_timeout(1500)
    state(panel, "Running")
    press(panel, "Stop")
    state(panel, "■ Stopped")


def test_by_keyboard_only(open_lab: OpenLab) -> None:
    lab, panel = opened(open_lab, 6)
    panel.get_by_role("slider", name="rank r").focus()
    lab.page.keyboard.press("ArrowRight")
    expect(panel).to_contain_text("alpha / r = 1")
    panel.get_by_role("radio", name="lora", exact=True).focus()
    for key, name in (("ArrowRight", "qlora"), ("ArrowUp", "lora"), ("ArrowDown", "qlora")):
        lab.page.keyboard.press(key)
        expect(panel.get_by_role("radio", name=name, exact=True)).to_be_checked()
        expect(panel.get_by_role("radio", name=name, exact=True)).to_be_focused()
    expect(panel.get_by_role("radio", name="4", exact=True)).to_be_checked()  # the kernel has heard of it
    lab.page.keyboard.press("Tab")
    expect(panel.get_by_role("slider", name="rank r")).to_be_focused()  # a group of them is one stop
    panel.get_by_role("button", name="Guess first").focus()
    lab.page.keyboard.press("Tab")
    lab.press_until("Tab", panel.get_by_role("button", name="Run", exact=True))
    lab.page.keyboard.press("Enter")
    state(panel, "✓ Finished")


def test_hostile_text_in_the_data_is_shown_as_text(open_lab: OpenLab) -> None:
    evil = "<img src=x onerror=\"document.title='owned'\"></pre><script>document.title='owned'</script>"
    rows = "\n".join(json.dumps({"prompt": f"{evil} {n}", "completion": f"<b>{n}</b>"}) for n in range(40))
    lab = open_lab(["pass"])
    (lab.folder / "<i>rows.jsonl").write_text(rows)
    number = lab.add_cell(cell(2, ", data='<i>rows.jsonl', prompt_field='prompt', completion_field='completion'"))
    lab.run_cell(number)
    panel = lab.output(number).locator(".ftl-bench")
    press(panel, "Run")
    state(panel, "✓ Finished")
    expect(panel.locator(".ftl-sample")).to_contain_text("<img src=x onerror")
    assert "owned" not in lab.page.title()
    assert panel.locator(".ftl-sample img, .ftl-sample script, .ftl-sample b").count() == 0
