r"""A lesson with its outputs as one HTML file that needs no network: `execute.py --html` writes it.

nbconvert leaves formulas to MathJax, which its page loads from another host, as it does two more scripts that a lesson
has no use for. Here each formula becomes MathML when the page is made, and browsers draw that themselves.
"""

from copy import deepcopy
from pathlib import Path
from typing import Any

from jinja2 import DictLoader
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

# nbconvert's own page, without the scripts that it loads (RequireJS, MathJax, Mermaid). The fonts for formulas that
# Windows, macOS and Linux have are named: where Chromium finds none of its own, a fraction touches its bar.
TEMPLATE = """\
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block html_head_css -%}<style>
math { font-size: 115%;
       font-family: "Cambria Math", "STIX Two Math", "Latin Modern Math", "DejaVu Math TeX Gyre", math; }
</style>{%- endblock -%}
{%- block data_latex -%}{{ output.data['text/latex'] | markdown2html }}{%- endblock -%}
"""


def mathml(formula: str, display: str) -> str:
    r"""A formula of LaTeX as MathML; `display` is "inline" or "block".

    Raises:
        ValueError: it cannot be read, or has a command that would stand in the page as it was written, such as `\foo`.
    """
    advice = r"Write it with commands of LaTeX or amsmath that latex2mathml knows, and a backslash as \backslash."
    try:
        drawn: str = convert(formula, display=display)
    except Exception as error:  # its errors have no common base, and often no text
        raise ValueError(f"The formula {formula!r} cannot be read: {type(error).__name__}. {advice}") from error
    if "\\" in drawn:
        raise ValueError(f"The formula {formula!r} has a command that is not known. {advice}")
    return drawn


class OfflineRenderer(IPythonRenderer):
    """nbconvert's Markdown, with formulas as MathML and without pictures from elsewhere."""

    def inline_math(self, body: str) -> str:
        return mathml(body, "inline")

    def block_math(self, body: str) -> str:
        return mathml(body, "block")

    def latex_environment(self, name: str, body: str) -> str:
        return mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """A badge is shown as its text, which is still a link; any other picture is put into the page."""
        return text if url.startswith(("http://", "https://")) else super().image(text, url, title)


def markdown2html(source: str) -> str:
    """The filter of nbconvert's template by this name."""
    return MarkdownWithMath(renderer=OfflineRenderer(escape=False, embed_images=True)).render(source)


def page(notebook: Any, title: str, ran_in: Path | None = None) -> str:
    """The lesson with its outputs as one HTML file.

    Args:
        notebook: it is left as it is.
        title: of the page.
        ran_in: a folder that is gone by now: what lies in it is named as seen from there.

    Raises:
        ValueError: a formula cannot be drawn.
    """
    shown = deepcopy(notebook)
    shown.metadata.pop("widgets", None)  # without their state, widgets are shown as their text: no script is needed
    exporter: Any = HTMLExporter(extra_loaders=[DictLoader({"offline": TEMPLATE})], template_file="offline")  # type: ignore[no-untyped-call]
    exporter.register_filter("markdown2html", markdown2html)
    text, _ = exporter.from_notebook_node(shown, {"metadata": {"name": title}})
    return str(text).replace(f"{ran_in}/", "").replace(str(ran_in), "the lesson's folder") if ran_in else str(text)
