"""A card as Markdown. Its texts may come from strangers: each is shown as it is, and none of it is markup."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from finetune_lab.tables import readable

MARKUP = re.compile(r"([\\`*_\[\]<>|#!~&$])")
MOST_TARGETS = 12


def as_markdown(card: Mapping[str, Any]) -> str:
    """Title, description, what it is, and the scores before and after its tune."""
    parts = [f"# {plain(card['name'])}"]
    if card["description"]:
        parts.append(plain(card["description"]))
    if card["status"] not in (None, "finished"):
        parts.append(f"**Its tune has not finished: {plain(card['status'])} after {_count(card['steps'])} steps.**")
    parts.append(_table(("property", "value"), [(label, shown) for label, shown in _facts(card) if shown]))
    if judged := _judged(card):
        parts.append(_table(("measure", "before", "after"), judged))
    if card["versions"]:
        parts.append(
            "Made with " + ", ".join(f"{plain(key)} {plain(of)}" for key, of in card["versions"].items()) + "."
        )
    return "\n\n".join(parts)


def plain(text: str) -> str:
    """A text on one line, of which Markdown and HTML read nothing as markup."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return MARKUP.sub(r"\\\1", line)


def _facts(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    scale = "lora_alpha / sqrt(r)" if card["use_rslora"] else "lora_alpha / r"
    bits, size = card["bits"], card["artifact_bytes"]
    return [
        ("base", _text(card["base"])),
        ("SHA-256 of the base's weights", _code(card["base_sha256"])),
        ("method", _text(card["method"])),
        ("bits of the base that it was trained beside", _count(bits)),
        ("r", _count(card["r"])),
        ("lora\\_alpha", f"{card['lora_alpha']:g}, scale {plain(scale)}" if card["lora_alpha"] is not None else ""),
        ("target\\_modules", _targets(card["target_modules"] or ())),
        ("trainable parameters", _count(card["trainable_parameters"])),
        ("data", _text(card["data"])),
        ("SHA-256 of the data", _code(card["data_sha256"])),
        ("steps", _count(card["steps"])),
        ("size", f"{readable(size)} ({size:,} bytes)" if size is not None else ""),
        ("tune begun", _text(card["created"])),
    ]


def _targets(names: Sequence[str]) -> str:
    """The modules; where they are named layer by layer, what the layers call them."""
    kinds = sorted({name.rpartition(".")[2] for name in names}) if len(names) > MOST_TARGETS else names
    counted = f"{len(names)} modules: " if kinds is not names else ""
    return counted + ", ".join(_code(name) for name in kinds)


def _judged(card: Mapping[str, Any]) -> list[tuple[str, ...]]:
    before, after = card["scores_before"], card["scores_after"]
    rows = [("evaluation loss, nats a token", card["eval_loss_before"], card["eval_loss_after"])]
    rows += [(plain(name), before.get(name), after.get(name)) for name in {**before, **after}]
    return [(name, *map(_figure, figures)) for name, *figures in rows if any(one is not None for one in figures)]


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(value: str | None) -> str:
    return "" if value is None else plain(value)


def _code(value: str | None) -> str:
    """As code where that can be done: without a backtick nothing ends it early."""
    return f"`{value}`" if value is not None and re.fullmatch(r"[\w.\-/]+", value) else _text(value)


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _figure(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"
