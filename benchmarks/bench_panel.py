"""The picture of the panel in the README: a real JupyterLab, a real race, its last moments photographed.

    python benchmarks/bench_panel.py [--width 1280] [--dark] [--steps 40] [--out benchmarks/bench_panel.png]

It needs Chromium (Debian: apt-get install chromium) and the development tools.
"""

import argparse
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "browser"))
from lab_page import LabPage, written  # noqa: E402

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
WAIT_MS = 600_000


def server(root: Path) -> tuple[subprocess.Popen[bytes], str, str]:
    """JupyterLab over an empty folder, its address and its token."""
    token = secrets.token_hex(8)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}", f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={root}", "--allow-root", "--LabApp.expose_app_in_browser=True",
        "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    home = {"HOME": str(root), "JUPYTER_CONFIG_DIR": str(root / ".config"), "JUPYTER_DATA_DIR": str(root / ".data")}
    kept = {**os.environ, **home, "IPYTHONDIR": str(root / ".ipython"), "JUPYTER_RUNTIME_DIR": str(root / ".runtime")}
    process = subprocess.Popen(command, cwd=root, env=kept, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{address}/api/status?token={token}", timeout=2) as answer:
                json.load(answer)
                break
        except OSError:
            time.sleep(0.2)
    return process, address, token


def photograph(page: Page, address: str, token: str, folder: Path, asked: argparse.Namespace) -> None:
    """Race, wait until the last run is well under way, and take the picture of the panel."""
    code = f"import finetune_lab as lab\nbench = lab.Bench(data='tickets', max_steps={asked.steps})"
    (folder / "notebook.ipynb").write_text(written([code]))
    lab = LabPage(page, f"{address}/doc/tree/notebook.ipynb?reset&token={token}", folder)
    lab.open(dark=asked.dark)
    lab.run_all()
    panel = page.locator(".ftl-bench")
    expect(panel).to_contain_text("peak memory of a step", timeout=WAIT_MS)
    panel.get_by_role("radio", name="qlora").check()
    panel.get_by_role("button", name="Race all three").click()
    tiles = panel.locator(".ftl-tiles")
    expect(tiles).to_contain_text("3 of 3", timeout=WAIT_MS)
    late = range(int(asked.steps * 0.6), asked.steps)
    expect(tiles).to_contain_text(re.compile(rf"step\s*({'|'.join(map(str, late))})\D"), timeout=WAIT_MS)
    asked.out.write_bytes(panel.screenshot())
    panel.get_by_role("button", name="Stop").click()
    lab.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--out", type=Path, default=HERE / "bench_panel.png")
    asked = parser.parse_args()
    executable = next(found for name in NAMES if (found := shutil.which(name)))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, sync_playwright() as playwright:
        process, address, token = server(Path(folder))
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            page = browser.new_page(viewport={"width": asked.width, "height": 1700})
            photograph(page, address, token, Path(folder), asked)
        finally:
            browser.close()
            process.terminate()
            process.wait(20)
    print(asked.out)


if __name__ == "__main__":
    main()
