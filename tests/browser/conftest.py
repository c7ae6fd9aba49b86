"""A real JupyterLab in a real Chromium: `open_lab(cells)` gives a notebook of these cells, open in a page of its own.

Chromium is the system's (Debian's package): nothing is downloaded. Where there is none, these tests are skipped, except
in CI, which has to have it.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")
from lab_page import LabPage, written
from playwright.sync_api import Browser, Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
START_SECONDS = 60.0
expect.set_options(timeout=60_000)  # ms, not 5,000: kernel, browser and the tests beside it share a few cores


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if item.get_closest_marker("timeout") is None:  # added to the test itself, it would hide its module's own
                item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="module")  # while Playwright is there, so is its event loop, and no other test may start one
def chromium() -> Iterator[Browser]:
    executable = next((found for name in NAMES if (found := shutil.which(name))), None)
    if executable is None:
        message = "There is no Chromium. Debian and Ubuntu: apt-get install chromium."
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with sync_playwright() as playwright:
        # no sandbox: tests may run as root; the pages are our own
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Server"]:
    """JupyterLab over an empty folder, with nothing of the home read or written."""
    home = tmp_path_factory.mktemp("jupyter")
    root = home / "work"
    root.mkdir()
    token = secrets.token_hex(8)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = [
        "--no-browser", "--ServerApp.ip=127.0.0.1", f"--port={port}", f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={root}", "--allow-root", "--LabApp.expose_app_in_browser=True",
        "--JupyterNotebookApp.expose_app_in_browser=True",  # Notebook 7, which the same server serves beside it
        "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    kept = {"HOME": str(home), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
    kept |= {name: str(home / name.lower()) for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")}
    kept |= {"JUPYTER_RUNTIME_DIR": str(home / "runtime"), "XDG_CACHE_HOME": str(home / "cache")}
    command = [sys.executable, "-m", "jupyterlab", *settings]
    with (home / "server.log").open("w") as log:
        process = subprocess.Popen(command, cwd=root, env={**os.environ, **kept}, stdout=log, stderr=log)
    server = Server(f"http://127.0.0.1:{port}", token, root)
    try:
        server.wait(process, home / "server.log")
        yield server
    finally:
        process.terminate()
        process.wait(20)


class Server:
    """Where the server is, and the folder that it shows."""

    def __init__(self, url: str, token: str, root: Path) -> None:
        self.url, self.token, self.root = url, token, root

    def wait(self, process: subprocess.Popen[bytes], log: Path) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/api/status?token={self.token}", timeout=2) as answer:
                    json.load(answer)
                    return
            except OSError:
                time.sleep(0.2)
        pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


@pytest.fixture
def open_lab(chromium: Browser, lab_server: Server, request: pytest.FixtureRequest) -> Iterator[Callable[..., LabPage]]:
    """`open_lab(cells, width=1280, height=900, dark=False)`: a notebook of these cells, open, its kernel ready.

    `app="notebooks"` opens it in Notebook 7.
    """
    opened: list[LabPage] = []

    def open_notebook(
        cells: list[str], *, width: int = 1280, height: int = 900, dark: bool = False, app: str = "doc/tree"
    ) -> LabPage:
        folder = lab_server.root / f"{request.node.name[:40]}-{secrets.token_hex(3)}".replace("[", "-").replace("]", "")
        folder.mkdir()
        (folder / "notebook.ipynb").write_text(written(cells))
        page: Page = chromium.new_context(viewport={"width": width, "height": height}).new_page()
        url = f"{lab_server.url}/{app}/{folder.name}/notebook.ipynb?reset&token={lab_server.token}"
        opened.append(LabPage(page, url, folder))
        opened[-1].open(dark=dark)
        return opened[-1]

    yield open_notebook
    for page in opened:
        page.close()
