"""The rules of choosing, as a table. Each looks at one thing and gives each method a vote.

    +1, -1    speaks for it, against it        OUT    rules it out

Nothing is weighed in secret: the advice is the sum, and every row of it says what it rests on.
"""

from collections.abc import Callable
from dataclasses import dataclass

from finetune_lab.advice.case import Case, Evidence
from finetune_lab.memory.planning import Plan
from finetune_lab.tables import readable

METHODS = ("lora", "qlora", "full")  # in the order of preference where votes are equal: the cheapest to go back from
OUT = -100
NOTICEABLE = 0.05  # of the loss: a smaller gap between two single runs may be the seed's
LARGE_DATA = 10_000  # examples; a convention, not a measurement


@dataclass(frozen=True)
class Known:
    """All that a rule may look at."""

    case: Case
    evidence: Evidence
    plans: dict[str, Plan]


@dataclass(frozen=True)
class Vote:
    """What one rule says: a number for each method that it speaks of, and why, with the figures."""

    votes: dict[str, int]
    why: str


@dataclass(frozen=True)
class Rule:
    """One row of the table. `applies` gives None where the rule has nothing to say."""

    asks: str
    rests_on: str
    applies: Callable[[Known], Vote | None]


def fits(known: Known) -> Vote | None:
    """What does not fit into the device is out."""
    verdicts = {name: plan.verdict for name, plan in known.plans.items()}
    sizes = ", ".join(f"{name} {readable(found.peak)}" for name, found in verdicts.items())
    usable = readable(next(iter(verdicts.values())).usable)
    out = {name: OUT for name, found in verdicts.items() if found.fit == "does not fit"}
    return Vote(out, f"predicted peaks: {sizes}; usable: {usable}")


def roomy(known: Known) -> Vote | None:
    """Four bits cost time and a more delicate stack; where memory is not tight, they buy nothing."""
    plan = known.plans["lora"].verdict
    if plan.fit == "does not fit":
        return None
    used = f"LoRA would use {plan.peak / plan.usable:.0%} of the memory"
    if plan.fit == "tight":
        return Vote({"qlora": 1}, used)
    times = known.evidence.seconds_per_step
    both = "qlora" in times and "lora" in times
    cost = f"; in your runs a step of QLoRA took {times['qlora'] / times['lora']:.2f} times LoRA's" if both else ""
    return Vote({"qlora": -1}, used + cost)


def rollback(known: Known) -> Vote | None:
    """Only an adapter can be taken off again."""
    if not known.case.keep_base:
        return None
    return Vote({"full": OUT}, "full tuning changes every weight; an adapter is switched off")


def many(known: Known) -> Vote | None:
    """One base and small adapters against a copy for each variant."""
    count = known.case.variants
    if count < 2:
        return None
    sizes = {name: count * plan.artifact_bytes for name, plan in known.plans.items()}
    why = f"{count} variants on disk: full {readable(sizes['full'])}, LoRA {readable(sizes['lora'])} beside one base"
    return Vote({"lora": 1, "qlora": 1, "full": -1}, why)


def first_try(known: Known) -> Vote | None:
    """There will be more than one tune, and cheap loops are run more often."""
    if known.case.plateaued:
        return None
    trained = {name: plan.prediction.trained for name, plan in known.plans.items()}
    return Vote(
        {"lora": 1, "qlora": 1}, f"LoRA trains {trained['lora'] / trained['full']:.2%} of what full tuning does"
    )


def deep_change(known: Known) -> Vote | None:
    """A broad change with much clean data is what full tuning is for, once an adapter no longer improves."""
    case = known.case
    if case.change == "narrow":
        return Vote({"full": -1}, "a format or a voice is a small change")
    if case.plateaued and case.clean and case.examples >= LARGE_DATA:
        return Vote({"full": 2}, f"a broad change, {case.examples:,} clean examples, and adapters have plateaued")
    missing = [
        text
        for lacks, text in (
            (not case.plateaued, "an adapter that has plateaued"),
            (not case.clean, "clean examples"),
            (case.examples < LARGE_DATA, f"{LARGE_DATA:,} examples"),
        )
        if lacks
    ]
    return Vote({}, f"a broad change speaks for full tuning with {' and '.join(missing)}, which it lacks")


def measured(known: Known) -> Vote | None:
    """What your own runs say of the gap."""
    losses = known.evidence.losses
    adapters = {name: losses[name] for name in ("lora", "qlora") if name in losses}
    if "full" not in losses or not adapters:
        return None
    name = min(adapters, key=lambda one: adapters[one])
    gap = adapters[name] / losses["full"] - 1
    why = f"evaluation loss in your runs: full {losses['full']:.3f}, {name} {adapters[name]:.3f} ({gap:+.0%})"
    if abs(gap) < NOTICEABLE:
        return Vote({}, f"{why}: one seed can't tell them apart")
    return Vote({"full": 1}, why) if gap > 0 else Vote({"lora": 1, "qlora": 1}, why)


RULES = (
    Rule("Does it fit?", "memory predicted for your model and device", fits),
    Rule("Is memory tight?", "the same, and the speed of your runs", roomy),
    Rule("Must the base come back?", "the rollback proof", rollback),
    Rule("How many variants?", "sizes on disk, predicted for your model", many),
    Rule("Is this the first try?", "what each method trains", first_try),
    Rule("How deep is the change?", "the lesson's rule; its threshold of examples is a convention", deep_change),
    Rule("What did you measure?", "evaluation loss of your own runs", measured),
)
