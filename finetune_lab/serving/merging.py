"""Merge an adapter into its base: one model again, as large as the base, that loads in plain transformers.

    float     W + (alpha/r) B A                              exact up to the float type's rounding
    8, 4      quantize(dequantize(Q) + (alpha/r) B A)        PEFT's way: rounded to the grid again
              quantize(W + (alpha/r) B A)                    the other order, measured beside it

dequantize(Q) lies on the grid already, so that an update smaller than half a step is rounded away, weight by weight; W
lies between the grid's points, where the same update moves some weights over to the next one.

What is measured is the folder as it was written and read back, against the adapter beside the base. It is complete or
not there at all.
"""

import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from finetune_lab.config import QLoRA, TuneConfig
from finetune_lab.device import detect_device
from finetune_lab.errors import ConfigError
from finetune_lab.models import find_base, load_tokenizer
from finetune_lab.quiet import silence_transformers
from finetune_lab.serving.drift import Drift, Look, drifts, look_at
from finetune_lab.serving.faults import STORAGE, ServingError
from finetune_lab.serving.frozen import load_frozen
from finetune_lab.serving.judging import HeldOut, held_out, short_name
from finetune_lab.serving.loaded_base import LoadedBase
from finetune_lab.serving.subject import Subject
from finetune_lab.storing import whole_folder, write_synced
from finetune_lab.tables import as_html, as_text, readable
from finetune_lab.tuning.artifact import folder_bytes

WIDTHS = (16, 8, 4)
NAME = "adapter"


@dataclass(frozen=True)
class Merged:
    """A merged model's folder and how far it has drifted; `caution` is empty where nothing was rounded anew."""

    name: str
    into_bits: int
    folder: Path
    size: int  # bytes on disk
    data: str
    drift: tuple[Drift, ...]
    float_first: Drift | None  # merged into 16 bits and quantized then; not what is in the folder
    caution: str

    def rows(self) -> list[dict[str, str]]:
        """One row for each unmerged form that the merged model is compared with; last the other order."""
        return [drift.row() for drift in (*self.drift, *([self.float_first] if self.float_first else []))]

    @property
    def title(self) -> str:
        size = readable(self.size)
        return f"{self.name} merged into {self.into_bits} bits: {size} in {self.folder}; on {short_name(self.data)}"

    def __repr__(self) -> str:
        return "\n".join([self.title, as_text(self.rows()), *([self.caution] if self.caution else [])])

    def _repr_html_(self) -> str:
        head = as_html([{"merged": self.name, "bits": str(self.into_bits), "size": readable(self.size)}])
        return head + as_html(self.rows()) + (f"<p>{self.caution}</p>" if self.caution else "")


def merge(subject: Subject, into_bits: int, out: Path, data: str | TuneConfig) -> Merged:
    """Merge an adapter into a fresh base of `into_bits`, write it, read it back, and measure on held-out `data`.

    Where the adapter was tuned beside a base of another width, the merged model is compared with that one too.

    Raises:
        LabError: there is no such width, the folder is taken or can't be written, or the adapter can't be loaded.
    """
    if into_bits not in WIDTHS or isinstance(into_bits, bool):
        raise ConfigError(f"into_bits must be 16, 8 or 4, not {into_bits!r}.", "16 is the unquantized base.")
    with STORAGE.explained(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    with STORAGE.held(out, 1):
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise ServingError(f"{out} exists already and is not an empty folder.", "Choose another folder.")
        return _measured_merge(subject, into_bits, out, data)


def _measured_merge(subject: Subject, into_bits: int, out: Path, data: str | TuneConfig) -> Merged:
    tokenizer, device = load_tokenizer(subject.source), detect_device()
    on = held_out(data, tokenizer)
    quantized = quantized_as(subject.quantized, into_bits)
    looks = []
    if subject.quantized != quantized:
        tuned = beside(subject, subject.quantized)
        looks.append(look_at_unmerged(tuned, tokenizer, on, f"beside {bits_of(subject.quantized)} bits, as tuned"))
        del tuned  # room for the next base
    base = beside(subject, quantized)
    looks.append(look_at_unmerged(base, tokenizer, on, f"beside {into_bits} bits"))
    with STORAGE.explained(out), whole_folder(out) as partial:
        silence_transformers()
        base.merge(NAME).save_pretrained(str(partial))
        del base
        tokenizer.save_pretrained(str(partial))
        # as it is on disk: a folder of quantized weights says so itself
        look = look_at(load_frozen(find_base(str(partial)), device, None), tokenizer, on)
        measured = drifts(looks, look)
        other = other_order(subject, quantized, tokenizer, on, looks[-1], out.parent) if quantized else None
        told = caution(subject.quantized, measured[-1], other)
        merged = Merged(subject.what, into_bits, out, folder_bytes(partial), on.name, measured, other, told)
        write_record(partial, subject, merged)
    return replace(merged, size=folder_bytes(out))


def other_order(
    subject: Subject, quantized: QLoRA, tokenizer: PreTrainedTokenizerBase, on: HeldOut, unmerged: Look, near: Path
) -> Drift:
    """The drift where the adapter is merged into the unquantized base, and that is quantized."""
    with tempfile.TemporaryDirectory(dir=near, prefix=".") as folder:
        beside(subject, None).merge(NAME).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        model = load_frozen(find_base(folder), detect_device(), quantized)
        what = f"beside {quantized.bits} bits → merged at 16, quantized then"
        return replace(drifts([unmerged], look_at(model, tokenizer, on))[0], what=what)


def beside(subject: Subject, quantized: QLoRA | None) -> LoadedBase:
    """A fresh base with the adapter beside it."""
    base = LoadedBase(subject.source, detect_device(), quantized)
    base.attach(NAME, subject.artifact)
    return base


def look_at_unmerged(base: LoadedBase, tokenizer: PreTrainedTokenizerBase, on: HeldOut, what: str) -> Look:
    """The adapter beside its base, as it answers now."""
    with base.using(NAME) as model:
        return look_at(model, tokenizer, on, what)


def bits_of(quantized: QLoRA | None) -> int:
    """The width of a base's frozen weights."""
    return quantized.bits if quantized else 16


def quantized_as(tuned_beside: QLoRA | None, bits: int) -> QLoRA | None:
    """How a base of this width is quantized: as the one that the adapter was tuned beside, if that has the width."""
    if bits_of(tuned_beside) == bits:
        return tuned_beside
    return None if bits == 16 else QLoRA(bits=bits)


def caution(tuned_beside: QLoRA | None, measured: Drift, other: Drift | None) -> str:
    """What to know of a merge that is not exact, on one line; empty where it is."""
    if other is not None:
        return (
            "Caution: the merged weights were rounded to the quantized grid again, where small updates can vanish: "
            f"evaluation loss {measured.unmerged.eval_loss:.3f} → {measured.merged.eval_loss:.3f}; merged into 16 bits "
            f"and quantized then, {other.merged.eval_loss:.3f}. Beside its base the adapter is not rounded at all."
        )
    if tuned_beside is not None:
        return (
            f"Caution: the adapter was tuned beside a base of {tuned_beside.bits} bits; in the unquantized base it "
            "meets other weights than it learned beside."
        )
    return ""


def write_record(folder: Path, subject: Subject, merged: Merged) -> None:
    """merge.json: what was merged into what, and the drift, for whoever is handed the folder."""
    record = {
        "adapter": merged.name,
        "base": subject.source.name,
        "base_sha256": subject.source.sha256,
        "into_bits": merged.into_bits,
        "data": merged.data,
        "drift": merged.rows(),
        "caution": merged.caution,
    }
    write_synced(folder / "merge.json", json.dumps(record, indent=2, ensure_ascii=False) + "\n")
