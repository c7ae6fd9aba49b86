"""What happens in a tune, as frozen typed records: all that passes from the loop to files, plots and tests. No torch.

    Started -> (Evaluated) -> Stepped, Stepped, ... Saved ... -> (Evaluated) -> Ended

`status` of the end is `finished`, `stopped` (on request, resumable) or `diverged` (a loss or gradient was not finite,
or every gradient was lost to an overflow).
JSON has no number that is not finite: such a one stands there as null, and is read back as NaN.
"""

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from finetune_lab.errors import RunError

Status = Literal["finished", "stopped", "diverged"]
MEMORY_COMPONENTS = (
    "base_weights", "adapter_weights", "quantization_state", "gradients", "optimizer", "activations", "other",
)  # fmt: skip


@dataclass(frozen=True)
class Started:
    """The model is built and the first step is next."""

    step: int  # 0, or the step that a resumed run goes on from
    max_steps: int
    trainable_parameters: int
    total_parameters: int
    reasons: dict[str, str]  # each automatic choice -> why, e.g. {"dtype": "float32: ..."}
    run_dir: str
    predicted_memory: dict[str, int] = field(default_factory=dict)  # bytes by component, and their peak


@dataclass(frozen=True)
class Evaluated:
    """The model was judged on examples it is not trained on."""

    step: int
    eval_loss: float  # nats a completion token
    scores: dict[str, float]  # share of exact matches a field; empty where nothing was generated
    sample_prompt: str = ""
    sample_answer: str = ""
    forgetting: dict[str, float] = field(default_factory=dict)  # data that was asked for -> nats a token


@dataclass(frozen=True)
class Stepped:
    """One optimizer step is done."""

    step: int  # 1 after the first
    loss: float  # nats a completion token, before the step
    learning_rate: float
    grad_norm: float  # before clipping
    tokens: int  # real (not padded) tokens in this step
    seconds: float
    memory: dict[str, int] = field(default_factory=dict)  # bytes a component, at the step's peak


@dataclass(frozen=True)
class Saved:
    """A checkpoint is complete on disk."""

    step: int
    folder: str


@dataclass(frozen=True)
class Ended:
    """The run is over; its artifact is on disk unless no step was done or it diverged before a good checkpoint."""

    step: int
    status: Status
    reason: str
    artifact: str | None  # folder of the adapter or of the model
    artifact_bytes: int


Event = Started | Evaluated | Stepped | Saved | Ended
KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in (Started, Evaluated, Stepped, Saved, Ended)}


def event_to_dict(event: Event) -> dict[str, Any]:
    """The event as one line of events.jsonl holds it."""
    return {"event": type(event).__name__, **finite(asdict(event))}


def event_from_dict(saved: dict[str, Any]) -> Event:
    """The event that `event_to_dict` wrote.

    Raises:
        RunError: it is of no known kind, or its fields are not those of its kind.
    """
    values = dict(saved)
    name = values.pop("event", None)
    kind = KINDS.get(str(name))
    if kind is None:
        raise RunError(f"{name!r} is no kind of event.", f"Kinds: {', '.join(KINDS)}.")
    for item in fields(kind):
        if item.type is float and values.get(item.name, 0.0) is None:
            values[item.name] = math.nan
    try:
        return kind(**values)
    except TypeError as error:
        raise RunError(
            f"An event {kind.__name__} can't be read: {error}.", "Was it written by this version?"
        ) from error


def finite(value: Any) -> Any:
    """The value as JSON can hold it: None for every number that is not finite, within dicts and lists too."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list | tuple) else value
