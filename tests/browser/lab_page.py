"""What a person does in JupyterLab, as methods: run a cell or all, reload, restart the kernel, save."""

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
RUN_MS = 240_000
RELOADS = 3


def written(cells: list[str]) -> str:
    """The notebook of these cells of code."""
    made = [
        {"cell_type": "code", "id": f"cell-{at}", "metadata": {}, "source": source, "outputs": [],
         "execution_count": None}
        for at, source in enumerate(cells)
    ]  # fmt: skip
    return json.dumps({"cells": made, "metadata": {"kernelspec": KERNEL}, "nbformat": 4, "nbformat_minor": 5})


class LabPage:
    """A notebook that is open in JupyterLab's single-document view."""

    def __init__(self, page: Page, url: str, folder: Path) -> None:
        self.page, self.url, self.folder = page, url, folder
        self.console: list[str] = []
        page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.console.append(f"error: {error}"))

    def open(self, *, dark: bool = False) -> None:
        self.page.goto(self.url)
        self.ready()
        if dark:
            self.command("apputils:change-theme", theme="JupyterLab Dark")
            self.page.wait_for_selector('body[data-jp-theme-light="false"]', state="attached")

    def ready(self) -> None:
        """Wait until the notebook is shown and its kernel is idle."""
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        self.page.wait_for_function("() => window.jupyterapp !== undefined")
        self.wait_idle()

    def command(self, name: str, **arguments: Any) -> None:
        """One of JupyterLab's own commands, as its menus give them. Not waited for: it may ask something first."""
        self.page.evaluate("([name, args]) => { window.jupyterapp.commands.execute(name, args); }", [name, arguments])

    def wait_idle(self, timeout: float = RUN_MS) -> None:
        """Wait until no cell runs or waits to run, and the kernel is idle."""
        self.page.wait_for_function(
            """() => {
                const panel = window.jupyterapp.shell.currentWidget;
                const kernel = panel?.sessionContext?.session?.kernel;
                if (kernel?.status !== 'idle') return false;
                const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')];
                return prompts.every(prompt => !prompt.textContent.includes('*'));
            }""",
            timeout=timeout,
        )

    def run_all(self, *, wait: bool = True) -> None:
        self.command("notebook:run-all-cells")
        self.page.wait_for_timeout(300)
        if wait:
            self.wait_idle()

    def run_cell(self, number: int, *, wait: bool = True) -> None:
        """Select a cell, numbered from 0, and run it."""
        self.page.evaluate(
            "number => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = number; }", number
        )
        self.command("notebook:run-cell")
        self.page.wait_for_timeout(300)
        if wait:
            self.wait_idle()

    def show_cell(self, number: int) -> None:
        """Select a cell and bring it into view: JupyterLab keeps only what is near in the page."""
        self.page.evaluate(
            """async number => {
                const notebook = window.jupyterapp.shell.currentWidget.content;
                notebook.activeCellIndex = number;
                await notebook.scrollToItem(number, 'start');
            }""",
            number,
        )
        self.cell_now().wait_for()

    def cell_now(self) -> Locator:
        """The cell that is selected."""
        return self.page.locator(".jp-Notebook .jp-Cell.jp-mod-active")

    def add_cell(self, source: str) -> int:
        """A new cell of code at the end; returns its number."""
        return int(
            self.page.evaluate(
                """source => {
                    const notebook = window.jupyterapp.shell.currentWidget.content;
                    const cells = notebook.model.sharedModel;
                    cells.insertCell(cells.cells.length, {cell_type: 'code', source});
                    return cells.cells.length - 1;
                }""",
                source,
            )
        )

    def press_until(self, key: str, wanted: Locator, most: int = 60) -> None:
        """Press the key until the keyboard is at the wanted part."""
        for _ in range(most):
            if wanted.evaluate("part => part === document.activeElement"):
                return
            self.page.keyboard.press(key)
        raise AssertionError(f"{key} does not reach {wanted} in {most} steps")

    def reload(self) -> None:
        """The browser's own reload: the kernel lives on.

        ipywidgets 8.1 waits two seconds for a widget's state and then doesn't look again, so that a page busy with just
        that state can end in `model not found`, until the next reload. A person reloads once more; so does this.
        """
        self.save()
        for _ in range(RELOADS):
            self.page.reload()
            self.ready()
            self.page.wait_for_function(
                "() => [...document.querySelectorAll('.jp-OutputArea-output')]"
                ".every(output => output.textContent !== 'Loading widget...')"
            )
            if not self.page.get_by_text("Error displaying widget: model not found").count():
                return

    def restart_kernel(self) -> None:
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
        self.wait_idle()

    def interrupt_kernel(self) -> None:
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")

    def save(self) -> dict[str, Any]:
        """Save, and the notebook as it stands on disk then."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
        saved: dict[str, Any] = json.loads((self.folder / "notebook.ipynb").read_text(encoding="utf-8"))
        return saved

    def cell(self, number: int) -> Locator:
        """A cell with its output, numbered from 0."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number)

    def output(self, number: int) -> Locator:
        return self.cell(number).locator(".jp-Cell-outputArea")

    def close(self) -> None:
        """Shut the kernel down and close the page."""
        self.page.evaluate("() => window.jupyterapp?.shell.currentWidget?.sessionContext?.shutdown()")
        self.page.context.close()
