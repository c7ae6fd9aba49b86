"""Where the course is published, and what names that place: the badges, and what Colab installs.

    python lessons/address.py OWNER/NAME     write it into pyproject.toml, README.md and the notebooks
    python lessons/address.py --check        whether they agree; changes nothing

pyproject.toml is the one place that holds it, as [project.urls] Repository. As long as it holds none there are no
badges, and Colab installs a wheel that you upload.
"""

import re
import sys
import tomllib
from pathlib import Path

import finetune_lab

ROOT = Path(__file__).resolve().parent.parent
HOST = "https://github.com/"
PLACEHOLDER = "%pip install -q finetune-lab"  # as it stands in a lesson's source
BEGIN, END = "<!-- badges: made by lessons/address.py -->", "<!-- end of badges -->"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+", re.ASCII)


def repository() -> str:
    """`OWNER/NAME` on GitHub as pyproject.toml says; "" where it says none."""
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"].get("urls", {})
    return str(urls.get("Repository", "")).removeprefix(HOST).strip("/")


def badges(name: str, notebook: str) -> str:
    """The line of badges that open a lesson, such as `lessons/x.ipynb`; nothing without an address."""
    if not name:
        return ""
    colab = f"https://colab.research.google.com/github/{name}/blob/main/{notebook}"
    binder = f"https://mybinder.org/v2/gh/{name}/main?urlpath=lab/tree/{notebook}"
    return (
        f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab}) "
        f"[![Launch on Binder](https://mybinder.org/badge_logo.svg)]({binder})"
    )


def installing(name: str) -> str:
    """What a lesson installs on Colab."""
    if name:
        return f"%pip install -q git+{HOST}{name}"
    wheel = f"/content/finetune_lab-{finetune_lab.__version__}-py3-none-any.whl"
    return f"# Upload the wheel there first: `make wheel` builds it.\n    %pip install -q {wheel}"


def readme(text: str, name: str) -> str:
    """README.md with its badges below the title, or without any."""
    bare = re.sub(rf"\n{re.escape(BEGIN)}.*?{re.escape(END)}\n", "", text, flags=re.DOTALL)
    title, rest = bare.split("\n", 1)
    line = badges(name, "lessons/full_lora_qlora.ipynb")
    return f"{title}\n\n{BEGIN}\n{line}\n{END}\n{rest}" if line else bare


def project(text: str, name: str) -> str:
    """pyproject.toml with this address."""
    bare = re.sub(r"\n\[project\.urls\]\nRepository = [^\n]*\n", "", text)
    table = f'\n[project.urls]\nRepository = "{HOST}{name}"\n'
    return bare.replace("\n[project.scripts]", f"{table}\n[project.scripts]", 1)


def main() -> int:
    """Write or check; 0 when all is well, 1 where README.md differs, 2 for an address that is none."""
    given = [one for one in sys.argv[1:] if one != "--check"]
    if given and not NAME.fullmatch(given[0].removeprefix(HOST).strip("/")):
        print(f"error: {given[0]!r} is no repository on GitHub. Give it as OWNER/NAME.", file=sys.stderr)
        return 2
    page = ROOT / "README.md"
    if given:
        name = given[0].removeprefix(HOST).strip("/")
        described = ROOT / "pyproject.toml"
        described.write_text(project(described.read_text("utf-8"), name), "utf-8", newline="\n")
        page.write_text(readme(page.read_text("utf-8"), name), "utf-8", newline="\n")
        print(f"{HOST}{name} stands in pyproject.toml and README.md. Now `make fix` writes the notebooks.")
    text = page.read_text("utf-8")
    if text != readme(text, repository()):
        print(
            "error: the badges of README.md are not those of pyproject.toml. Run lessons/address.py.", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
