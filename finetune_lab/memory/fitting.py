"""What would make a tune fit: each change by itself with its own figure, and the largest batch and length that do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

from finetune_lab.config import Full, LoRA, Method, QLoRA
from finetune_lab.memory.planning import Plan, predicted
from finetune_lab.memory.prediction import Moment, Prediction
from finetune_lab.memory.targets import Verdict, verdict
from finetune_lab.memory.tracing import Shape
from finetune_lab.models import context_of

LARGEST_BATCH = 4096
LARGEST_LENGTH = 131_072
LENGTH_STEP = 64


@dataclass(frozen=True)
class Option:
    """One change and what it leads to."""

    change: str
    peak: int  # bytes
    verdict: Verdict

    def __str__(self) -> str:
        return f"{self.change}: {self.verdict}"


def options(plan: Plan) -> list[Option]:
    """Each single change that lowers the peak, the lowest peak first."""
    found = []
    for change, method, shape in _changes(plan):
        peak = predicted(plan, plan.device, method, shape).peak
        if peak < plan.peak:
            found.append(Option(change, peak, verdict(plan.device, peak)))
    return sorted(found, key=lambda option: option.peak)


def largest_batch(plan: Plan) -> int:
    """The most rows of this length that fit or are tight; 0 where not even one is."""
    return _largest(plan, lambda rows: _sized(plan.shape, rows, plan.shape.length), LARGEST_BATCH)


def largest_length(plan: Plan) -> int:
    """The longest rows, in steps of 64 tokens, of which this batch size fits or is tight; 0 where none does."""
    most = min(context_of(plan.config) or LARGEST_LENGTH, LARGEST_LENGTH) // LENGTH_STEP
    return LENGTH_STEP * _largest(plan, lambda n: _sized(plan.shape, plan.shape.batch_size, n * LENGTH_STEP), most)


def _changes(plan: Plan) -> Iterator[tuple[str, Method, Shape]]:
    method, shape = plan.method, plan.shape
    if isinstance(method, Full):
        yield "lora with rank 8 instead of a full tune", LoRA(r=8), shape
        yield "qlora with 4 bits and rank 8 instead of a full tune", QLoRA(r=8), shape
    elif isinstance(method, QLoRA):
        yield from ((f"bits={bits}", replace(method, bits=bits), shape) for bits in (4,) if bits < method.bits)
    else:
        yield from ((f"{bits} bits (qlora)", _quantized(method, bits), shape) for bits in (8, 4))
    if isinstance(method, LoRA) and method.r > 8:
        yield "rank 8", replace(method, r=8, lora_alpha=max(1, method.lora_alpha * 8 // method.r)), shape
    if not shape.checkpointing:
        yield "gradient_checkpointing=True", method, replace(shape, checkpointing=True)
    if shape.batch_size > 1:
        yield "batch_size=1", method, _sized(shape, 1, shape.length)
    if shape.length >= 4:
        yield f"max_length={shape.length // 2}", method, _sized(shape, shape.batch_size, shape.length // 2)


def _quantized(method: LoRA, bits: int) -> QLoRA:
    return QLoRA(
        r=method.r,
        lora_alpha=method.lora_alpha,
        lora_dropout=method.lora_dropout,
        target_modules=method.target_modules,
        use_rslora=method.use_rslora,
        bits=bits,
    )


def _sized(shape: Shape, rows: int, length: int) -> Shape:
    """Another size with the same share of labelled tokens."""
    share = shape.labelled / (shape.batch_size * (shape.length - 1))
    return replace(shape, batch_size=rows, length=length, labelled=max(1, round(share * rows * (length - 1))))


def _largest(plan: Plan, sized: Callable[[int], Shape], most: int) -> int:
    """The largest number up to `most` whose shape fits.

    Each moment of a step is linear in the number of rows, and nearly so in their length: two traces say where to look,
    and more of them make sure.
    """

    @cache
    def traced(n: int) -> Prediction:
        return predicted(plan, plan.device, plan.method, sized(n))

    def fits(n: int) -> bool:
        return verdict(plan.device, traced(n).peak).fit != "does not fit"

    if not fits(1):
        return 0
    low, high = 1, most + 1
    guess = _crossing(traced(1).highest, traced(2).highest, verdict(plan.device, 0).usable)
    for n in (min(max(guess, 1), most), min(max(guess, 1), most) + 1):
        if low < n < high:
            low, high = (n, high) if fits(n) else (low, n)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _crossing(one: dict[Moment, int], two: dict[Moment, int], usable: int) -> int:
    """The largest n at which every moment, carried on in a line from 1 and 2, is within `usable` bytes."""
    slopes = {moment: two[moment] - one[moment] for moment in one if moment in two and two[moment] > one[moment]}
    return min((1 + (usable - one[moment]) // slope for moment, slope in slopes.items()), default=1)
