"""What a tune will need, before it runs: memory by component, whether it fits, weights, file, time. As HTML."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finetune_lab.bench.controls import settings_to_job
from finetune_lab.bench.forecast import Forecast, forecast
from finetune_lab.errors import LabError
from finetune_lab.tables import readable
from finetune_lab.views.bench import markup
from finetune_lab.views.bench.words import clock

HEAD = markup.title("Forecast", "before a weight is loaded · parts at the moment of the peak")


def forecast_pages(settings: Mapping[str, Any], runs: Path) -> Iterator[tuple[str, int | None]]:
    """The card as it becomes known, each time whole, and the highest rank.

    First what was chosen, as soon as that is known; then the other methods beside it. Or once, why there is none.
    """
    try:
        job, race = settings_to_job(settings), settings_to_job(settings, race=True)
    except LabError as error:
        yield HEAD + markup.note(str(error)), None
        return
    mine = forecast(job.methods[0], job.config, runs)
    found: dict[str, Forecast | None] = {method.name: None for method in race.methods} | {mine.method.name: mine}
    yield HEAD + drawn(found, mine), mine.rank_limit
    if mine.plan is not None:
        others = [method for method in race.methods if found[method.name] is None]
        found |= {method.name: forecast(method, race.config, runs) for method in others}
        yield HEAD + drawn(found, mine), mine.rank_limit


def drawn(found: Mapping[str, Forecast | None], mine: Forecast) -> str:
    """A forecast, and in thin bars what the other methods would need; None is not known yet."""
    if mine.verdict is None:
        return "".join(markup.note(f"✗ {fault}") for fault in mine.faults)
    fit = mine.verdict
    big = f'<div class="ftl-big">{readable(mine.peak)} <small>peak memory of a step</small></div>'
    spare = f"{readable(abs(fit.spare))} {'to spare' if fit.spare >= 0 else 'too little'}"
    fits = markup.verdict(fit.fit, f"{spare} of {readable(fit.usable)} usable on this device")
    numbers = [
        ("weights that move", f"{mine.trainable_parameters:,}", f"{mine.share:.2%} of {mine.total_parameters:,}"),
        ("file it leaves", readable(mine.artifact_bytes), "whole model" if mine.method.name == "full" else "adapter"),
        time_said(mine),
    ]
    bars = [(name, one.plan.prediction.at_peak if one and one.plan else None) for name, one in found.items()]
    warnings = "".join(markup.note(f"! {words}") for words in mine.warnings)
    return big + fits + markup.stacked_bars(bars, mine.method.name) + markup.facts(numbers, "ftl-facts") + warnings


def time_said(mine: Forecast) -> tuple[str, str, str]:
    """How long it takes, and where that is known from."""
    if mine.duration is None:
        return "time", "-", ""
    source = mine.duration.source.split(",", maxsplit=1)[0]
    return "time", f"about {clock(mine.duration.total)}", source
