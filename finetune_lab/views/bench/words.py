"""The state of a tune in words: for the tiles, the status line, a screen reader and a terminal. No widgets."""

from collections.abc import Sequence

from finetune_lab.bench.snapshot import Snapshot
from finetune_lab.events import Ended, Event, Stepped
from finetune_lab.tables import readable
from finetune_lab.tuning.comparison import run_name
from finetune_lab.views.bench.traces import HELD, held

STATES = {
    "idle": "Ready", "starting": "Starting", "running": "Running", "pausing": "Pausing", "paused": "Paused",
    "stopping": "Stopping", "finished": "✓ Finished", "stopped": "■ Stopped", "diverged": "✗ Diverged",
    "failed": "✗ Failed", "interrupted": "■ Broken off", "being_written": "Running elsewhere",
}  # fmt: skip


def name_of(now: Snapshot) -> str:
    """The present run, as short as it is clear: `qlora r=8 4-bit`."""
    if now.method is None:
        return ""
    rank, bits = getattr(now.method, "r", None), getattr(now.method, "bits", 16)
    return run_name({"method": now.method.name, "rank": rank, "bits": bits})


def figures(now: Snapshot) -> list[tuple[str, str, str]]:
    """The tiles: name, value, remark."""
    steps = [event for event in now.events if isinstance(event, Stepped)]
    peak = max((held(step) for step in steps), default=0)
    race = f"{now.number} of {now.of}" if now.of > 1 else ""
    left = clock(now.seconds_left) if now.live else "-"
    speed = "-" if now.tokens_per_second is None else f"{now.tokens_per_second:,.0f}"
    return [
        (name_of(now) or "no run yet", STATES[now.state], race),
        ("step", f"{now.step}", f"of {now.max_steps}" if now.max_steps else ""),
        ("training loss", f"{steps[-1].loss:.3f}" if steps else "-", "nats"),
        ("speed", speed, "tokens/s"),
        ("time left", left, "of the steps" if now.live else ""),
        ("peak memory", readable(peak) if peak else "-", ""),
    ]


def sentence(now: Snapshot) -> str:
    """The state as one sentence."""
    ended = now.events[-1] if now.events and isinstance(now.events[-1], Ended) else None
    if now.error:
        return f"Failed: {now.error}"
    if ended is not None and not now.live:
        return f"{STATES[now.state][2:]} after step {ended.step}: {ended.reason}."
    if now.state == "idle":
        return "Choose, look at the forecast, press Run."
    if now.state == "starting":
        return f"{f'Starting {name_of(now)}'.strip()}: loading the base, judging it before the first step."
    at = f"step {now.step} of {now.max_steps}"
    left = "" if now.seconds_left is None else f", about {clock(now.seconds_left)} left"
    return f"{STATES[now.state]}: {name_of(now)}, {at}{left}."


def last_values(events: Sequence[Event]) -> list[dict[str, str]]:
    """The newest values that the charts show, as rows."""
    steps = [event for event in events if isinstance(event, Stepped)][-8:]
    return [
        {
            "step": str(step.step),
            "loss": f"{step.loss:.4f}",
            "learning rate": f"{step.learning_rate:.3g}",
            "gradient norm": f"{step.grad_norm:.3g}",
            "tokens": str(step.tokens),
            "seconds": f"{step.seconds:.2f}",
            **{name.replace("_", " "): readable(step.memory.get(name, 0)) for name in HELD},
        }
        for step in steps
    ]


def clock(seconds: float | None) -> str:
    """Seconds as minutes and seconds: 0:12."""
    return "-" if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
