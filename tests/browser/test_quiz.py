"""The quiz in a real JupyterLab: by keyboard alone, over reloads and restarts, with hostile texts, and for axe."""

import json
from collections.abc import Callable
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from lab_page import LabPage
from playwright.sync_api import Locator, expect

START = "import os\nos.environ['FINETUNE_LAB_PROGRESS'] = 'progress'\nimport finetune_lab as lab"
HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script> & `<b>`'
BANK = f"""
schema_version = 1
id = "hostile"
title = {json.dumps(HOSTILE)}
[[question]]
id = "one"
kind = "single"
objective = {json.dumps(HOSTILE)}
source = ["S1"]
prompt = {json.dumps("prompt " + HOSTILE)}
hints = [{json.dumps("hint " + HOSTILE)}]
explanation = {json.dumps("explanation " + HOSTILE)}
[[question.choice]]
id = "good"
text = {json.dumps("good " + HOSTILE)}
correct = true
feedback = {json.dumps(HOSTILE)}
[[question.choice]]
id = "bad"
text = {json.dumps("bad " + HOSTILE)}
feedback = {json.dumps("feedback " + HOSTILE)}
"""


def kept(lab: LabPage) -> list[tuple[str, str]]:
    """Question and verdict of each attempt in the progress file."""
    saved = json.loads((lab.folder / "progress" / "lesson.json").read_text("utf-8"))
    return [(one["question"], one["verdict"]) for one in saved["attempts"]]


def shown(lab: LabPage, number: int = 0) -> Locator:
    """The quiz below a cell, once it is there."""
    quiz = lab.output(number).locator(".ftq")
    expect(quiz.locator(".ftq-card").first).to_be_visible(timeout=30_000)
    return quiz


def focused(lab: LabPage) -> str:
    """What has the keyboard: the text of a button, or the kind and value of a field."""
    return str(
        lab.page.evaluate(
            "() => { const at = document.activeElement;"
            " return at.tagName === 'BUTTON' ? at.textContent : `${at.type} ${at.value}`; }"
        )
    )


def press(lab: LabPage, *keys: str) -> None:
    for key in keys:
        lab.page.keyboard.press(key)


def test_by_keyboard_alone_and_kept_over_reload_and_restart(open_lab: Callable[..., LabPage]) -> None:
    lab = open_lab([f'{START}\nlab.Quiz("lesson", questions=["quick-qlora", "lora-count"])'])
    lab.run_all()
    quiz = shown(lab)
    quiz.locator("select").first.focus()  # as a Tab from the cell's other controls comes to it
    press(lab, "Tab")
    assert focused(lab) == "radio 0"
    wrong = quiz.locator("label", has_text="Skipping gradient descent").locator("input")
    press(lab, "Space")  # the choices are one stop of Tab, and arrow keys go on from there
    lab.press_until("ArrowDown", wrong, 3)
    lab.press_until("Tab", quiz.get_by_role("button", name="Check", exact=True))
    press(lab, "Enter")
    status = quiz.get_by_role("status")
    expect(status).to_contain_text("✗ Not yet")
    expect(status).to_contain_text("Attempts left: 1.")
    expect(quiz.locator(".ftq-main")).to_have_text("Check again")
    assert focused(lab) == "Check again"  # the keyboard stays where it was
    right = quiz.locator("label", has_text="Keeping the frozen base").locator("input")
    lab.press_until("Shift+Tab", wrong)
    lab.press_until("ArrowUp", right, 3)
    expect(right).to_be_checked()
    lab.press_until("Tab", quiz.get_by_role("button", name="Check again", exact=True))
    press(lab, "Enter")
    expect(status).to_contain_text("✓ Right")
    press(lab, "Enter")  # Next question
    expect(quiz.locator(".ftq-prompt")).to_contain_text("How many trainable parameters")
    expect(quiz.locator("select").first).to_be_focused()  # soon after the question is there
    assert focused(lab).startswith("select-one ○ 2 lora-count")
    press(lab, "Tab")
    assert focused(lab) == "text "
    lab.page.keyboard.type("16,384")
    press(lab, "Enter")
    expect(status).to_contain_text("✓ Right")
    expect(quiz.locator(".ftq-main")).to_be_focused()
    wanted = [("quick-qlora", "not_yet"), ("quick-qlora", "pass"), ("lora-count", "pass")]
    assert kept(lab) == wanted

    lab.reload()
    quiz = shown(lab)  # the kernel lives: the same panel
    expect(quiz).to_contain_text("2 of 2 answered")
    quiz.locator("select").first.select_option(index=0)
    expect(quiz.get_by_role("status")).to_contain_text("✓ Right")

    lab.restart_kernel()
    lab.run_all()
    quiz = shown(lab)
    expect(quiz).to_contain_text("2 of 2 answered · 2 of 2 points")
    expect(quiz.get_by_role("status")).to_contain_text("✓ Right")
    expect(quiz.locator("label", has_text="Keeping the frozen base").locator("input")).to_be_checked()
    assert kept(lab) == wanted


def test_every_text_from_outside_is_shown_as_text(open_lab: Callable[..., LabPage]) -> None:
    lab = open_lab([f'{START}\nlab.Quiz("hostile.toml")', 'lab.Quiz("lesson", questions=["checkpoint-lora"])'])
    (lab.folder / "hostile.toml").write_text(BANK, encoding="utf-8")
    lab.run_all()
    quiz = shown(lab)
    status = quiz.get_by_role("status")
    quiz.locator("label", has_text="bad <img").locator("input").check()
    quiz.locator(".ftq-main").click()
    expect(status).to_contain_text("feedback <img src=x")
    expect(status).to_contain_text("hint <img src=x")
    quiz.locator("label", has_text="good <img").locator("input").check()
    quiz.locator(".ftq-main").click()
    expect(status).to_contain_text("explanation <img src=x")
    expect(quiz.locator(".ftq-prompt")).to_contain_text("<script>window.hacked=1</script> & <b>")
    quiz.get_by_role("button", name="Summary").first.click()
    expect(quiz.locator(".ftq-summary")).to_contain_text("Ready for the next lesson")
    text = shown(lab, 1)
    text.locator("textarea").fill(f"Two matrices {HOSTILE} that train the base {HOSTILE}")
    text.locator(".ftq-main").click()
    expect(text.get_by_role("status")).to_contain_text("base")
    lab.reload()
    shown(lab)
    assert lab.page.evaluate("() => window.hacked") is None
    assert lab.page.locator(".ftq img, .ftq script").count() == 0


def test_axe_finds_nothing_serious_in_either_theme(open_lab: Callable[..., LabPage], tmp_path: Path) -> None:
    call = 'lab.Quiz("lesson", questions=["quick-qlora", "which-are-adapters", "lora-count", "checkpoint-lora"]'
    for dark, width in ((False, 1280), (True, 900)):
        lab = open_lab([f"{START}\n{call})", f"{call}, all_at_once=True, from_memory=True)"], width=width, dark=dark)
        lab.run_all()
        quiz = shown(lab)
        quiz.locator("label", has_text="Skipping gradient descent").locator("input").check()
        quiz.locator(".ftq-main").click()
        expect(quiz.get_by_role("status")).to_contain_text("Hint:")
        quiz.get_by_role("button", name="Summary").first.click()
        expect(quiz.locator(".ftq-summary")).to_contain_text("Ready?")
        shown(lab, 1)
        checked = Axe().run(lab.page, context=[".ftq"]).response
        assert len(checked["passes"]) >= 15  # rules that found something to look at
        found = checked["violations"]
        serious = [
            (one["id"], node["html"][:160]) for one in found if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]  # fmt: skip
        assert serious == []
        overflow = "() => [...document.querySelectorAll('.ftq')].filter(e => e.scrollWidth > e.clientWidth + 1).length"
        assert lab.page.evaluate(overflow) == 0
        assert [line for line in lab.console if line.startswith("error") and "ftq" in line] == []
