"""What `lab.tune` and `lab.compare` show while they run: a text and the same as HTML, readable on light and on dark."""

from collections.abc import Sequence
from html import escape

from finetune_lab.bench.snapshot import Snapshot
from finetune_lab.config import Method
from finetune_lab.events import Ended, Evaluated, Event, Started, Stepped
from finetune_lab.scoring import headline
from finetune_lab.tables import readable
from finetune_lab.tuning.comparison import run_name
from finetune_lab.views.bench.words import clock

BOX = "font:13px/1.6 var(--jp-ui-font-family,system-ui,sans-serif);color:var(--jp-ui-font-color1,inherit)"
ROW = "display:flex;flex-wrap:wrap;align-items:center;gap:2px 14px"
FAINT = "color:var(--jp-ui-font-color2,inherit)"
MARKS = {"finished": "✓", "stopped": "■", "diverged": "✗"}
WIDE, HIGH, MOST_POINTS = 160, 28, 80  # of the line of losses, pixels


def drawn(over: Sequence[Snapshot], now: Snapshot) -> dict[str, str]:
    """The runs that are over and the one in progress, by MIME type."""
    said = [ended_line(run.method, run.events) for run in over]
    html = [f"<div>{escape(line)}</div>" for line in said]
    if now.error is not None:
        said.append(f"✗ {title(now.method)}: broken off at step {now.step}: {now.error}")
        html.append(f"<div>{escape(said[-1])}</div>")
    elif now.live:
        said.append(running_line(now))
        html.append(running_html(now))
    return {"text/plain": "\n".join(said), "text/html": f'<div style="{BOX}">{"".join(html)}</div>'}


def title(method: Method | None) -> str:
    """The name of a run: `qlora r=8 4-bit`."""
    if method is None:
        return "run"
    rank, bits = getattr(method, "r", None), getattr(method, "bits", 16)
    return run_name({"method": method.name, "rank": rank, "bits": bits})


def ended_line(method: Method | None, events: Sequence[Event]) -> str:
    """A run that is over, in one line that stays in the notebook."""
    ended = next(event for event in reversed(events) if isinstance(event, Ended))
    started = next((event for event in events if isinstance(event, Started)), None)
    steps = [event for event in events if isinstance(event, Stepped)]
    seconds = clock(sum(step.seconds for step in steps))
    parts = [
        f"{MARKS[ended.status]} {title(method)}: {ended.status} after {ended.step} steps, {seconds}",
        *judged(events),
    ]
    if steps:
        peak = max(held(step) for step in steps)
        expected = started.predicted_memory.get("peak") if started else None
        parts.append(f"peak {readable(peak)}" + (f" (predicted {readable(expected)})" if expected else ""))
    if ended.status != "finished":
        parts.append(ended.reason)
    return " · ".join(parts)


def judged(events: Sequence[Event]) -> list[str]:
    """Loss and score on examples not trained on: before and, where it is known, after."""
    found = [event for event in events if isinstance(event, Evaluated)]
    if not found:
        return []
    losses = " → ".join(f"{event.eval_loss:.3f}" for event in (found[:1] + found[1:][-1:]))
    scored = [event for event in found if event.scores]
    if not scored:
        return [f"evaluation loss {losses}"]
    name = headline(scored[0].scores)[0]
    shares = " → ".join(f"{headline(event.scores)[1]:.0%}" for event in (scored[:1] + scored[1:][-1:]))
    return [f"evaluation loss {losses}", f"{name} right {shares}"]


def held(step: Stepped) -> int:
    """Bytes at the step's peak where it was measured, 0 where not."""
    return step.memory.get("peak", 0)


def facts(now: Snapshot) -> list[str]:
    """Where the run stands, in a few short pieces."""
    steps = [event for event in now.events if isinstance(event, Stepped)]
    if not steps:
        return ["judging the untouched base" if now.events else "loading the base"]
    found = [f"step {now.step} of {now.max_steps}", f"training loss {steps[-1].loss:.3f}"]
    if now.step == now.max_steps:
        found.append("judging what it learned")
    elif now.seconds_left is not None:
        found.append(f"about {clock(now.seconds_left)} left")
    if now.tokens_per_second:
        found.append(f"{now.tokens_per_second:,.0f} tokens/s")
    found.append(f"peak so far {readable(max(map(held, steps)))}")
    return found


def running_line(now: Snapshot) -> str:
    """The run in progress as text."""
    name = title(now.method) if now.method else "Starting"
    return f"{name}: {', '.join(facts(now))}"


def running_html(now: Snapshot) -> str:
    """The run in progress: a bar, its facts, and the line of its losses."""
    name = escape(title(now.method) if now.method else "Starting")
    bar = f'<progress aria-label="steps of {name} done" max="{max(1, now.max_steps)}" value="{now.step}"></progress>'
    pieces = "".join(f'<span style="{FAINT}">{escape(fact)}</span>' for fact in facts(now))
    return f'<div style="{ROW}"><b>{name}</b>{bar}{loss_line(now.events)}{pieces}</div>'


def loss_line(events: Sequence[Event]) -> str:
    """The training losses so far as a small line; none where there are fewer than two finite ones."""
    losses = [event.loss for event in events if isinstance(event, Stepped) and abs(event.loss) < float("inf")]
    stride = -(-len(losses) // MOST_POINTS) or 1
    means = [sum(losses[at : at + stride]) / len(losses[at : at + stride]) for at in range(0, len(losses), stride)]
    if len(means) < 2:
        return ""
    low, span = min(means), (max(means) - min(means)) or 1.0
    points = " ".join(
        f"{2 + at * (WIDE - 4) / (len(means) - 1):.1f},{2 + (HIGH - 4) * (1 - (loss - low) / span):.1f}"
        for at, loss in enumerate(means)
    )
    words = f"training loss from {losses[0]:.3f} to {losses[-1]:.3f}"
    line = f'<polyline points="{points}" fill="none" stroke="var(--jp-brand-color1,#1976d2)" stroke-width="1.5"/>'
    return f'<svg role="img" aria-label="{words}" width="{WIDE}" height="{HIGH}">{line}</svg>'
