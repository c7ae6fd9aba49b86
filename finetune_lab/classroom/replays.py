"""`class verify --replay`: a run's first steps are done again from its seed and configuration, and the losses compared.

Same configuration, seed and versions give the same losses, so that an invented or edited curve stands out. The run
itself is done by whoever calls: nothing here knows of torch.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from finetune_lab.classroom.batch import Handed, Note
from finetune_lab.classroom.faults import printable

FEWEST = 2  # steps: one loss alone is that of the untouched base, which everybody can know
CLOSE, CLOSE_ELSEWHERE = 0.02, 0.06  # relative: on the same machine and versions, and on others


@dataclass(frozen=True)
class Replayed:
    """The losses of the steps that were done again, and on what."""

    losses: dict[int, float]
    versions: dict[str, str]
    machine: str


# Does a run record's first steps again; a text says why it is not done.
Replay = Callable[[dict[str, Any]], Replayed | str]


def replay_notes(counted: Sequence[Handed], replay: Replay) -> Iterator[Note]:
    """What the replay of each run shows, one note a run; the same configuration is done once.

    Args:
        counted: each student's submission.
        replay: does the steps, or says why it refuses.
    """
    done: dict[str, Replayed | str] = {}
    for one in counted:
        for number, run in enumerate(one.submission.runs, 1):
            asked = json.dumps([run["method"], run["config"]], sort_keys=True)
            if asked not in done:
                done[asked] = replay(run)
            yield Note(printable(one.submission.student), f"{one.file}: run {number}: {_verdict(run, done[asked])}.")


def _verdict(run: dict[str, Any], again: Replayed | str) -> str:
    if isinstance(again, str):
        return f"not replayed: {again}"
    claimed = dict(zip(run["curve"]["steps"], run["curve"]["losses"], strict=False))
    both = sorted(again.losses.keys() & claimed.keys())
    if len(both) < FEWEST:
        return f"not replayed: the record has {len(both)} of the steps that were done again"
    elsewhere = run["versions"] != again.versions or run["machine"] != again.machine
    close = CLOSE_ELSEWHERE if elsewhere else CLOSE
    where = "on other versions or another machine" if elsewhere else "on the same versions"
    apart = {step: abs(claimed[step] - again.losses[step]) / max(abs(again.losses[step]), 1e-3) for step in both}
    worst = max(both, key=lambda step: apart[step])
    if apart[worst] <= close:
        return f"replayed {len(both)} steps {where}: the losses agree within {100 * apart[worst]:.2g} percent"
    first = next(step for step in both if apart[step] > close)
    what = f"at step {first} the record says {claimed[first]:.4f}, the replay {again.losses[first]:.4f}"
    return f"DIFFERS: {what} ({where}, {100 * close:g} percent are allowed)"
