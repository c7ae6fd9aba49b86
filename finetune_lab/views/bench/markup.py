"""The panel's HTML, as plain strings: every text that comes from outside is escaped here and nowhere else."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files

from finetune_lab.events import MEMORY_COMPONENTS
from finetune_lab.tables import Rows, as_html, readable
from finetune_lab.views.memory_charts import COLOURS

MARKS = {"fits": "✓", "tight": "!", "does not fit": "✗"}


def style() -> str:
    """The panel's style sheet, scoped to it."""
    return f"<style>{files(__package__).joinpath('panel.css').read_text(encoding='utf-8')}</style>"


def title(text: str, note: str = "") -> str:
    """The heading of a card."""
    return f'<h3 class="ftl-title">{escape(text)} <span class="ftl-note">{escape(note)}</span></h3>'


def note(text: str, longer: str = "") -> str:
    """A small line; `longer` is its tooltip."""
    return f'<div class="ftl-note" title="{escape(longer or text)}">{escape(text)}</div>'


def chart(name: str, key: str, alt: str, png: bytes) -> str:
    """A picture with its name above it and its content in words. `sync`: it must not blink when it is replaced."""
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    caption = f'<figcaption title="{escape(key)}">{title(name, key)}</figcaption>'
    picture = f'<img alt="{escape(alt)}" decoding="sync" width="900" height="405" src="{source}">'
    return f"<figure>{caption}{picture}</figure>"


def facts(pairs: Sequence[tuple[str, str, str]], kind: str) -> str:
    """Names with a value and a small remark each, as a list of terms."""
    cells = [
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)} "
        f'<small title="{escape(remark)}">{escape(remark)}</small></dd></div>'
        for name, value, remark in pairs
    ]
    return f'<dl class="{kind}">{"".join(cells)}</dl>'


def progress(step: int, steps: int) -> str:
    """How far a run is, as a bar with a name."""
    return f'<progress aria-label="steps done" value="{step}" max="{max(1, steps)}">{step} of {steps}</progress>'


def stacked_bars(bars: Sequence[tuple[str, Mapping[str, int] | None]], chosen: str) -> str:
    """Bytes by component as a bar for each name, on one scale; the chosen one's in words below. None: not known yet."""
    scale = max((sum(parts(sizes)) for _, sizes in bars if sizes), default=0) or 1
    rows = []
    for name, known in bars:
        sizes = known or {}
        kind = " ftl-chosen" if name == chosen else ""
        pieces = "".join(
            f'<span style="width:{100 * size / scale:.3f}%;background:{COLOURS[part]}"></span>'
            for part, size in zip(MEMORY_COMPONENTS, parts(sizes), strict=True)
        )
        bar = f'<div class="ftl-bar{kind}" aria-hidden="true">{pieces}</div>'
        total = readable(sum(parts(sizes))) if known else "…"
        rows.append(f'<span class="{kind}">{escape(name)}</span>{bar}<span class="{kind}">{total}</span>')
    return f'<div class="ftl-bars">{"".join(rows)}</div>{legend(dict(bars)[chosen] or {})}'


def legend(sizes: Mapping[str, int]) -> str:
    """Each component with its colour and its size."""
    rows = [
        f'<li><i style="background:{COLOURS[name]}"></i>{escape(name.replace("_", " "))}<b>{readable(size)}</b></li>'
        for name, size in zip(MEMORY_COMPONENTS, parts(sizes), strict=True)
    ]
    return f'<ul class="ftl-legend">{"".join(rows)}</ul>'


def parts(sizes: Mapping[str, int]) -> list[int]:
    """Bytes in the order of the components."""
    return [sizes.get(name, 0) for name in MEMORY_COMPONENTS]


def verdict(fit: str, words: str) -> str:
    """Whether it fits: a mark and a word, not a colour."""
    return f'<span class="ftl-verdict"><b>{MARKS[fit]} {escape(fit)}</b> · {escape(words)}</span>'


def table(rows: Rows, name: str) -> str:
    """A real table that scrolls within its place."""
    return f'<div class="ftl-scroll" tabindex="0" role="region" aria-label="{escape(name)}">{as_html(rows)}</div>'


def sample(prompt: str, answer: str, when: str) -> str:
    """What the model is asked, and what it answers, as plain text."""
    both = (("Sample prompt", "held out", prompt), ("Its answer", when, answer))
    cells = [f'<div>{title(name, note)}<pre tabindex="0">{escape(text)}</pre></div>' for name, note, text in both]
    return f'<div class="ftl-sample">{"".join(cells)}</div>'


def spoken(text: str, *, seen: bool = True) -> str:
    """The status line. The widget around it is the live region: this is replaced as a whole.

    While the tiles above it change every second it is only heard: every ten seconds, it would contradict them.
    """
    return f'<div class="ftl-status{"" if seen else " ftl-heard"}"><span>{escape(text)}</span></div>'
