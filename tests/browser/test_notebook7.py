"""The panel and the quiz in Notebook 7, which has JupyterLab's parts in a page of its own: by keyboard, to the end."""

from collections.abc import Callable

from lab_page import LabPage
from playwright.sync_api import expect

START = "import os\nos.environ['FINETUNE_LAB_PROGRESS'] = 'progress'\nimport finetune_lab as lab"
BENCH = "bench = lab.Bench(max_steps=4, batch_size=2, max_length=64, score_examples=1, eval_examples=1)"
QUIZ = 'lab.Quiz("lesson", questions=["quick-qlora"])'
LONG = 'asked = lab.Quiz("lesson").questions[:8]\nlab.Quiz("lesson", questions=asked, all_at_once=True)'
LONG_MS = 90_000


def boxed_in(lab: LabPage) -> list[str]:
    """The panels that are higher than their cell's output, which then scrolls."""
    return list(
        lab.page.evaluate("""() => [...document.querySelectorAll('.ftl-bench, .ftq')].filter(
            panel => panel.offsetHeight > panel.closest('.jp-Cell-outputArea').offsetHeight
        ).map(panel => `${panel.className}: ${panel.offsetHeight} px high`)""")
    )


def test_a_run_and_a_question_by_keyboard_and_nothing_is_boxed_in(open_lab: Callable[..., LabPage]) -> None:
    lab = open_lab([f"{START}\n{BENCH}", QUIZ, LONG], height=1000, app="notebooks")
    assert lab.page.locator("body").get_attribute("data-notebook") == "notebooks"
    lab.run_all()
    panel, quiz = lab.page.locator(".ftl-bench"), lab.page.locator(".ftq").first
    expect(panel).to_contain_text("peak memory of a step", timeout=LONG_MS)
    panel.get_by_role("radio", name="lora", exact=True).focus()
    lab.press_until("Tab", panel.get_by_role("button", name="Run", exact=True), 40)
    lab.page.keyboard.press("Enter")

    quiz.locator("select").first.focus()  # while the tune runs
    lab.press_until("Tab", quiz.get_by_role("radio").first, 4)
    lab.page.keyboard.press("Space")
    right = quiz.locator("label", has_text="Keeping the frozen base").locator("input")
    lab.press_until("ArrowDown", right, 3)
    expect(right).to_be_checked()
    lab.press_until("Tab", quiz.locator(".ftq-main"), 8)
    lab.page.keyboard.press("Enter")
    expect(quiz.get_by_role("status")).to_contain_text("✓ Right")

    expect(panel.locator(".ftl-tiles")).to_contain_text("✓ Finished", timeout=LONG_MS)
    expect(lab.output(0).locator(".jp-RenderedImage img")).to_be_visible(timeout=LONG_MS)
    lab.add_cell("pass")  # Notebook 7 then measures every output again
    expect(lab.page.locator(".jp-mod-outputsScrolled")).to_have_count(2)  # the bench, and many questions at once
    assert boxed_in(lab) == []
    saved = lab.save()["cells"][0]["outputs"]
    assert [kind for one in saved for kind in one["data"] if kind.startswith("image/")] == ["image/png"]
