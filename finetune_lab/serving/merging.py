"""Merge an adapter into its base: one model again, as large as the base, that loads in plain transformers.

    float     W + (alpha/r) B A                              exact up to the float type's rounding
    8, 4      quantize(dequantize(Q) + (alpha/r) B A)        rounded to the grid again: a small dW can vanish

What is measured is the folder as it was written and read back, against the adapter beside the base. It is complete
or not there at all.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from finetune_lab.config import QLoRA, TuneConfig
from finetune_lab.device import detect_device
from finetune_lab.errors import ConfigError
from finetune_lab.models import find_base, load_model, load_tokenizer
from finetune_lab.quiet import silence_transformers
from finetune_lab.serving.drift import Drift, Look, drifts, look_at
from finetune_lab.serving.faults import STORAGE, ServingError
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
    caution: str

    def rows(self) -> list[dict[str, str]]:
        """One row for each unmerged form that the merged model is compared with."""
        return [drift.row() for drift in self.drift]

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
        read_back = load_model(find_base(str(partial)), device.torch_device, device.dtype)
        measured = drifts(looks, look_at(read_back, tokenizer, on, "merged"))
        write_record(partial, subject, into_bits, on.name, measured)
        size = folder_bytes(partial)
    return Merged(subject.what, into_bits, out, size, on.name, measured, caution(subject.quantized, into_bits))


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


def caution(tuned_beside: QLoRA | None, into_bits: int) -> str:
    """What to know of a merge that is not exact, on one line; empty where it is."""
    if into_bits != 16:
        return (
            f"Caution: the merged weights were rounded to {into_bits} bits again, so they are not base plus adapter "
            "exactly and answers can differ; merge into 16 bits, or keep the adapter beside its base, if that matters."
        )
    if tuned_beside is not None:
        return (
            f"Caution: the adapter was tuned beside a base of {tuned_beside.bits} bits; in the unquantized base it "
            "meets other weights than it learned beside."
        )
    return ""


def write_record(folder: Path, subject: Subject, into_bits: int, data: str, measured: tuple[Drift, ...]) -> None:
    """merge.json: what was merged into what, and the drift, for whoever is handed the folder."""
    record = {
        "adapter": subject.what,
        "base": subject.source.name,
        "base_sha256": subject.source.sha256,
        "into_bits": into_bits,
        "data": data,
        "drift": [drift.row() for drift in measured],
    }
    write_synced(folder / "merge.json", json.dumps(record, indent=2, ensure_ascii=False) + "\n")
