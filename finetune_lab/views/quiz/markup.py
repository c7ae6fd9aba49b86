r"""A bank's and a learner's text as safe HTML and as plain text: nothing from outside becomes markup of its own.

    `code`   **bold**   $r (d_{in} + d_{out})$   a blank line between paragraphs

Formulas become sub- and superscripts and Greek letters: no script runs, so that they look the same in every host.
"""

import re
from html import escape

import ipywidgets

PIECE = re.compile(r"(`[^`\n]+`|\*\*[^*\n]+\*\*|\$(?=\S)[^$\n]*?(?<=\S)\$(?!\d))")
SIGN = r"(?:&#?\w+;|[^\s<&])"
SIGNS = {
    "alpha": "\N{GREEK SMALL LETTER ALPHA}", "beta": "β", "eta": "η", "theta": "θ", "lambda": "λ", "Delta": "Δ",
    "sigma": "\N{GREEK SMALL LETTER SIGMA}", "times": "\N{MULTIPLICATION SIGN}", "cdot": "·", "approx": "≈", "in": "∈",
    "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "ne": "≠", "neq": "≠", "ll": "≪", "gg": "≫", "to": "→", "pm": "±",
    "infty": "∞", "sum": "Σ", "partial": "∂", "nabla": "∇", "ldots": "…", "dots": "…",
    "left": "", "right": "", "quad": " ",
}  # fmt: skip


def inline(text: str) -> str:
    """One paragraph as HTML."""
    return "".join(_piece(piece) for piece in PIECE.split(text))


def paragraphs(text: str) -> str:
    """Paragraphs, which blank lines part; single line ends stay."""
    parts = [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
    return "".join(f"<p>{inline(part).replace(chr(10), '<br>')}</p>" for part in parts)


def plain(text: str) -> str:
    """The same text without its marks, for labels that can't be HTML."""
    return "".join(_bare(piece) for piece in PIECE.split(text))


def label(text: str) -> str:
    """A text for a widget's `description`, which is HTML before ipywidgets 8 and plain text since."""
    bare = plain(text)
    return escape(bare) if int(ipywidgets.__version__.split(".")[0]) < 8 else bare


def _is_math(piece: str) -> bool:
    return len(piece) > 2 and piece[0] == piece[-1] == "$"


def _is_code(piece: str) -> bool:
    return len(piece) > 2 and piece[0] == piece[-1] == "`"


def _is_bold(piece: str) -> bool:
    return len(piece) > 4 and piece[:2] == piece[-2:] == "**"


def _piece(piece: str) -> str:
    if _is_code(piece):
        return f"<code>{escape(piece[1:-1])}</code>"
    if _is_bold(piece):
        return f"<b>{escape(piece[2:-2])}</b>"
    return f'<span class="ftq-math">{_formula(escape(piece[1:-1]))}</span>' if _is_math(piece) else escape(piece)


def _bare(piece: str) -> str:
    if _is_bold(piece):
        return piece[2:-2]
    if _is_math(piece):
        return re.sub(r"[{}]", "", _commands(piece[1:-1]))
    return piece[1:-1] if _is_code(piece) else piece


def _formula(escaped: str) -> str:
    """Sub- and superscripts of a formula whose text is escaped already."""
    text = _commands(escaped)
    for sign, tag in (("_", "sub"), (r"\^", "sup")):
        text = re.sub(rf"{sign}(?:\{{([^{{}}]*)\}}|({SIGN}))", rf"<{tag}>\1\2</{tag}>", text)
    return re.sub(r"[{}]", "", text)


def _commands(text: str) -> str:
    """TeX's commands as signs; of one that is not known, its name."""
    text = re.sub(r"\\d?frac\{([^{}]*)\}\{([^{}]*)\}", r"(\1)/(\2)", text)
    text = re.sub(r"\\(?:text|mathrm|mathbf|mathit|operatorname)\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"\\([A-Za-z]+)", lambda match: SIGNS.get(match[1], match[1]), text)
    return re.sub(r"\\[,;!: ]", " ", text).replace("\\", "")
