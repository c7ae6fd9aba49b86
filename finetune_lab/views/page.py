"""The script that a page with the course's widgets runs once: names and arrow keys that ipywidgets leaves out."""

from importlib.resources import files


def script() -> str:
    """JavaScript; it watches the page for widgets to come, so that one output of it is enough."""
    return files(__package__).joinpath("page.js").read_text(encoding="utf-8")
