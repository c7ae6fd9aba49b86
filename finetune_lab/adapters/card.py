"""An adapter's card: what it is, what it was trained on and what came of it, beside its weights.

adapter/
    adapter_model.safetensors    PEFT's own
    adapter_config.json          PEFT's own
    card.json                    the card, to be read back
    README.md                    the card, to be read
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from finetune_lab.adapters.card_text import as_markdown
from finetune_lab.adapters.checking import card_faults, json_object
from finetune_lab.adapters.faults import STORAGE, AdapterError
from finetune_lab.errors import listed
from finetune_lab.storing import write_synced
from finetune_lab.tables import readable

CARD, README, CONFIG, WEIGHTS = "card.json", "README.md", "adapter_config.json", "adapter_model.safetensors"
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class AdapterCard:
    """What is known of an adapter; None is what nobody wrote down. Losses are in nats a completion token."""

    name: str
    base: str | None = None
    base_sha256: str | None = None  # of its weights: finetune_lab.models.weights_hash
    method: str | None = None  # lora or qlora
    r: int | None = None
    lora_alpha: float | None = None
    target_modules: tuple[str, ...] | None = None
    bits: int | None = None  # of the base that it was trained beside
    use_rslora: bool | None = None
    data: str | None = None
    data_sha256: str | None = None
    steps: int | None = None  # that made the weights which are here
    trainable_parameters: int | None = None
    scores_before: dict[str, float] = field(default_factory=dict)
    scores_after: dict[str, float] = field(default_factory=dict)
    eval_loss_before: float | None = None
    eval_loss_after: float | None = None
    artifact_bytes: int | None = None  # of the two files that PEFT loads
    created: str | None = None  # when its tune began, ISO 8601
    status: str | None = None  # finished; stopped; diverged: made from the last good checkpoint
    versions: dict[str, str] = field(default_factory=dict)
    description: str | None = None

    def __repr__(self) -> str:
        rank = f"r={self.r}" if self.r is not None else "rank unknown"
        size = readable(self.artifact_bytes) if self.artifact_bytes is not None else "size unknown"
        ended = f", {self.status}" if self.status not in (None, "finished") else ""
        losses = [f"{loss:.3f}" if loss is not None else "?" for loss in (self.eval_loss_before, self.eval_loss_after)]
        told = f", eval_loss {' -> '.join(losses)}" if losses != ["?", "?"] else ""
        where = f"on {self.base or 'an unknown base'}, data {self.data or 'unknown'}"
        return f"AdapterCard({self.name}: {self.method or 'lora'} {rank} {where}{ended}{told}, {size})"

    def _repr_markdown_(self) -> str:
        return as_markdown(asdict(self))


def write_card(folder: Path, card: AdapterCard) -> None:
    """Write `card.json` and the same for a reader as `README.md`; each is there in its old form or its new one, whole.

    Raises:
        AdapterError: the folder can't be written.
    """
    write_json_card(folder, card)
    with STORAGE.explained(folder):
        write_synced(folder / README, readme(card))


def write_json_card(folder: Path, card: AdapterCard) -> None:
    """Write `card.json` alone: for an adapter whose own README.md is to stay."""
    with STORAGE.explained(folder):
        text = json.dumps({"format": FORMAT, **asdict(card)}, indent=2, ensure_ascii=False, allow_nan=False)
        write_synced(folder / CARD, text + "\n")


def readme(card: AdapterCard) -> str:
    """The README.md of a card: the head that model hubs read, then the card as Markdown."""
    head = {"library_name": "peft", "base_model": card.base, "tags": ["lora"]}
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items() if value is not None]
    return "\n".join(["---", *lines, "---", "", as_markdown(asdict(card)), ""])


def read_card(folder: Path) -> AdapterCard:
    """The card in `folder`; where there is none, one made from PEFT's configuration, what that does not say being None.

    Raises:
        AdapterError: neither can be read, or the card holds something else than a card does; all faults are listed.
    """
    if not (folder / CARD).exists():
        return card_of_config(folder)
    saved = json_object(folder / CARD)
    if faults := card_faults(saved, AdapterCard, FORMAT):
        what = f"{folder / CARD} is no card of an adapter: {listed(faults)}"
        raise AdapterError(what, "Remove card.json to use the adapter without a card, or get the adapter again.")
    targets = saved.get("target_modules")
    known = {key: value for key, value in saved.items() if key != "format"}
    return AdapterCard(**known | {"target_modules": None if targets is None else tuple(targets)})


def card_of_config(adapter: Path) -> AdapterCard:
    """The card of an adapter that was made elsewhere: what PEFT's configuration says.

    Raises:
        AdapterError: the configuration can't be read.
    """
    config = json_object(adapter / CONFIG)
    base, version = config.get("base_model_name_or_path"), config.get("peft_version")
    return AdapterCard(
        name=adapter.name,
        base=base if isinstance(base, str) and base else None,
        method="lora" if config.get("peft_type") == "LORA" else None,
        versions={"peft": version} if isinstance(version, str) else {},
        **configured(adapter, config),
    )


def configured(adapter: Path, config: dict[str, Any]) -> dict[str, Any]:
    """The fields that PEFT's configuration and the files tell; what is not of its type is left unknown."""
    r, alpha, targets = config.get("r"), config.get("lora_alpha"), config.get("target_modules")
    named = [targets] if isinstance(targets, str) else targets if isinstance(targets, list) else None
    scaled = config.get("use_rslora")
    sizes = [(adapter / name).stat().st_size for name in (CONFIG, WEIGHTS) if (adapter / name).is_file()]
    return {
        "r": r if type(r) is int else None,
        "lora_alpha": alpha if type(alpha) in (int, float) else None,
        "target_modules": tuple(sorted(map(str, named))) if named is not None else None,
        "use_rslora": scaled if isinstance(scaled, bool) else None,
        "artifact_bytes": sum(sizes),
    }
