"""The lesson's static copy in a browser without a network: each formula is drawn, and nothing is asked for."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from address import badges
from playwright.sync_api import Browser, Page
from static_page import page

LESSONS = Path(__file__).resolve().parents[2] / "lessons"
NOTEBOOKS = sorted(LESSONS.glob("*.ipynb"))
FORMULA = re.compile(r"\$\$.+?\$\$|\$[^$]+\$", re.DOTALL)
EVERY_KIND = r"""Costs \$5 or \$6 in `$HOME`, and $a < b$:

$$\sum_{i=1}^{n} \lVert x_i \rVert^2 \in \mathbb{R}$$

\begin{align} a &= b \\ c &= d \end{align}"""


def opened(chromium: Browser, html: str, folder: Path) -> tuple[Page, list[str]]:
    """The page, and the addresses that it asked for beside its own and what it carries."""
    file = folder / "page.html"
    file.write_text(html, "utf-8")
    shown, asked = chromium.new_context(offline=True, viewport={"width": 1000, "height": 900}).new_page(), []
    shown.on("request", lambda request: asked.append(request.url))
    shown.goto(file.as_uri(), wait_until="networkidle")
    return shown, [url for url in asked if url != file.as_uri() and not url.startswith("data:")]


def notebook(*sources: str, outputs: tuple[dict[str, Any], ...] = ()) -> Any:
    """A notebook of these cells of text, and one of code with these outputs."""
    cell = nbformat.v4.new_code_cell(
        "show()", outputs=[nbformat.v4.new_output("display_data", data=data) for data in outputs]
    )
    return nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_markdown_cell, sources), cell])


@pytest.mark.parametrize("lesson", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_lesson_shows_its_formulas_and_asks_for_nothing(lesson: Path, chromium: Browser, tmp_path: Path) -> None:
    read = nbformat.read(lesson, as_version=4)
    prose = "\n".join(cell.source for cell in read.cells if cell.cell_type == "markdown")
    formulas = FORMULA.findall(prose)
    assert len(formulas) >= 10
    html = page(read, lesson.stem)
    shown, asked = opened(chromium, html, tmp_path)
    assert asked == []
    assert re.findall(r"<script|cdn|unpkg", html) == []
    assert shown.locator("math").count() == len(formulas)
    assert shown.locator(".jp-MarkdownOutput").filter(has_text=re.compile(r"[$\\]")).all_inner_texts() == []
    over, under = (shown.locator("math[display=block] mfrac > *").nth(at).bounding_box() for at in (0, 1))
    assert over is not None
    assert under is not None
    assert over["y"] + over["height"] < under["y"], "the fraction is not drawn as one"


def test_every_kind_of_formula_an_output_with_one_a_badge_and_a_widget(chromium: Browser, tmp_path: Path) -> None:
    view = {"model_id": "w", "version_major": 2, "version_minor": 0}
    widget = {"application/vnd.jupyter.widget-view+json": view, "text/plain": "IntSlider(value=3)"}
    outputs = ({"text/latex": r"$\displaystyle x^{2}$"}, {"text/markdown": "The rank is $r$."}, widget)
    made = notebook(badges("owner/name", "lessons/x.ipynb"), EVERY_KIND, outputs=outputs)
    state = {"w": {"model_name": "IntSliderModel", "model_module": "@jupyter-widgets/controls", "state": {}}}
    made.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": state, "version_major": 2}}
    shown, asked = opened(chromium, page(made, "a title"), tmp_path)
    assert asked == []
    assert shown.locator("math").count() == 5
    assert shown.locator("math[display=block]").count() == 2
    text = shown.locator("main").inner_text()
    assert "Costs $5 or $6 in $HOME" in text
    assert "\\" not in text
    assert "IntSlider(value=3)" in text
    assert shown.get_by_role("link", name="Open in Colab").get_attribute("href").startswith("https://colab")
    assert "widgets" in made.metadata, "the notebook itself is left as it was"


@pytest.mark.parametrize(("formula", "told"), [(r"\foo{x}", "not known"), (r"\frac{1}{", "cannot be read")])
def test_a_formula_that_cannot_be_drawn_is_named(formula: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as error:
        page(notebook(f"Here ${formula}$"), "a title")
    assert repr(formula) in str(error.value)
    assert "\n" not in str(error.value)
