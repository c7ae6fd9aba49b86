"""`plan`: what a tune will need, before it runs: no weights, no GPU, no network for a shipped name.

    plan("qwen3-8b", QLoRA(r=16, bits=4), batch_size=1, max_length=2048, device="T4")

Shown as a table; `components`, `verdict`, `verdicts()` and `to_dict()` give the figures.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedConfig

from finetune_lab.building import ONE_MODEL_AT_A_TIME
from finetune_lab.config import LoRA, Method, method_to_dict
from finetune_lab.device import Device
from finetune_lab.errors import LabError, ModelError
from finetune_lab.memory.explaining import explanations
from finetune_lab.memory.known_models import find_config
from finetune_lab.memory.prediction import Prediction, predict_components
from finetune_lab.memory.shapes import shape_asked
from finetune_lab.memory.targets import CARDS, Verdict, target, verdict
from finetune_lab.memory.tracing import Shape
from finetune_lab.models import short
from finetune_lab.tables import as_html, as_text, readable

MOST_KEPT = 256  # predictions; one is a few kilobytes
# A trace takes a second and depends on nothing but what it is asked for: tunes of one base ask for the same ones.
_kept: dict[tuple[str, Method, Device, Shape], Prediction] = {}


@dataclass(frozen=True)
class Plan:
    """Predicted memory of one tune on one device; shown as a table."""

    model: str
    method: Method
    shape: Shape
    device: Device
    prediction: Prediction
    config: PreTrainedConfig = field(repr=False)

    @property
    def components(self) -> dict[str, int]:
        """Bytes by component, each one's largest in a step, and the `peak` (lower than their sum: moments differ)."""
        return {**self.prediction.components, "peak": self.peak}

    @property
    def peak(self) -> int:
        return self.prediction.peak

    @property
    def explanations(self) -> dict[str, str]:
        """A sentence for each component."""
        return explanations(self.prediction, self.method, self.device, self.shape)

    @property
    def verdict(self) -> Verdict:
        """Whether it fits into the device that was asked for."""
        return verdict(self.device, self.peak)

    @property
    def summary(self) -> str:
        """The prediction on one line: the peak, what it is made of, whether it fits."""
        parts = sorted(self.prediction.at_peak.items(), key=lambda part: -part[1])
        made_of = ", ".join(f"{name} {readable(size)}" for name, size in parts if size and name != "peak")
        return f"predicted peak {readable(self.peak)} ({made_of}); {self.verdict}"

    @property
    def artifact_bytes(self) -> int:
        """About what it leaves on disk: weights in float32, and some 130 bytes a tensor for its name and place."""
        return 4 * self.prediction.trained + 130 * self.prediction.adapter_tensors

    def verdicts(self) -> list[Verdict]:
        """Whether it fits, for each known card; a GPU's arithmetic is traced once for all of them."""
        cards = [target(name) for name in CARDS]
        peak = self.peak if self.device.kind == "cuda" else predicted(self, cards[-1], self.method, self.shape).peak
        return [verdict(card, peak) for card in cards]

    def rows(self) -> list[dict[str, str]]:
        """One row a component, its cells ready to read."""
        at_peak = {**self.prediction.at_peak, "peak": self.peak}
        why = self.explanations
        return [
            {"component": name, "size": readable(size), "at the peak": readable(at_peak[name]), "why": why[name]}
            for name, size in self.components.items()
        ]

    def __str__(self) -> str:
        rows = [{name: cell for name, cell in row.items() if name != "why"} for row in self.rows()]
        return f"{self.title}\n{as_text(rows)}\n{self.verdict}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<p>{self.title}</p>{as_html(self.rows())}<p>{self.verdict}</p>"

    @property
    def title(self) -> str:
        rank = f" r={self.method.r}" if isinstance(self.method, LoRA) else ""
        bits = f" {self.method.bits}-bit" if hasattr(self.method, "bits") else ""
        shape = f"{self.shape.batch_size} x {self.shape.length} tokens"
        more = ", checkpointing" if self.shape.checkpointing else ""
        return f"{self.model}, {self.method.name}{rank}{bits}, {shape}{more}, on {self.device.name}"

    def to_dict(self) -> dict[str, Any]:
        """All figures, in bytes, ready for JSON."""
        fit = self.verdict
        return {
            "model": self.model,
            "method": method_to_dict(self.method),
            "batch_size": self.shape.batch_size,
            "max_length": self.shape.length,
            "labelled_tokens": self.shape.labelled,
            "gradient_accumulation_steps": self.shape.accumulation,
            "gradient_checkpointing": self.shape.checkpointing,
            "device": self.device.name,
            "components": self.components,
            "at_peak": dict(self.prediction.at_peak),
            "peak": self.peak,
            "trainable_parameters": self.prediction.trained,
            "artifact_bytes": self.artifact_bytes,
            "explanations": self.explanations,
            "verdict": {"device": fit.device, "fit": fit.fit, "usable": fit.usable, "spare": fit.spare},
        }


def plan(
    model: str | Path,
    method: Method | None = None,
    *,
    device: str | int | Device | None = None,
    **shape: Any,
) -> Plan:
    """Predict the memory of a tune by component.

    Args:
        model: `lab-base`, a shipped name such as `qwen3-8b`, a folder, a config.json or a name of the hub.
        method: how; LoRA(r=8) without it.
        device: `T4`, `L4`, `RTX 4090`, `A100 40`, `A100 80`, `H100`, `H200`, a GPU's bytes; without it, this machine.
        **shape: `batch_size=8, max_length=512, gradient_accumulation_steps=1, gradient_checkpointing=False` and
            `labelled_tokens`, of a batch; without it, all but the first token of each row.

    Raises:
        LabError: no such model or device, or a shape that can't be; all faults at once.
    """
    name = str(model)
    chosen, place, config = method or LoRA(), target(device), find_config(model)
    asked = shape_asked(config, name, **shape)
    return plan_of(name, config, chosen, place, asked)


def plan_of(name: str, config: PreTrainedConfig, method: Method, device: Device, shape: Shape) -> Plan:
    """The plan for a configuration and a shape at hand.

    Raises:
        LabError: the model can't be built or no adapter can be attached.
    """
    return Plan(name, method, shape, device, _predict(name, config, method, device, shape), config)


def predicted(known: Plan, device: Device, method: Method, shape: Shape) -> Prediction:
    """The prediction for the same model with another device, method or shape."""
    return _predict(known.model, known.config, method, device, shape)


def _predict(name: str, config: PreTrainedConfig, method: Method, device: Device, shape: Shape) -> Prediction:
    try:
        key = (config.to_json_string(use_diff=False), method, device, shape)
        with ONE_MODEL_AT_A_TIME, torch.random.fork_rng(devices=[]):  # building draws numbers: no tune must notice
            if key not in _kept:
                _kept[key] = predict_components(config, method, device, shape)
            while len(_kept) > MOST_KEPT:
                _kept.pop(next(iter(_kept)))  # the oldest
            return _kept[key]
    except LabError:
        raise
    except Exception as error:
        first_line = (str(error).strip().split("\n")[0] or type(error).__name__)[:300].rstrip(".")
        what = f"A step of {short(name)} can't be traced: {type(error).__name__}: {first_line}."
        raise ModelError(what, "Do the sizes in its configuration agree?") from error
