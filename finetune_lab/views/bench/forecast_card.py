"""What a tune will need, before it runs: memory by component, whether it fits, weights, file, time. As HTML."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finetune_lab.bench.controls import settings_to_job
from finetune_lab.bench.forecast import Forecast, forecast
from finetune_lab.errors import LabError
from finetune_lab.tables import readable
from finetune_lab.views.bench import markup
from finetune_lab.views.bench.words import clock

HEAD = markup.title("Forecast", "before a weight is loaded · parts at the moment of the peak")


def forecast_html(settings: Mapping[str, Any], runs: Path) -> tuple[str, int | None]:
    """The forecast for these settings beside those of the other methods, or why there is none; and the highest rank."""
    try:
        job, race = settings_to_job(settings), settings_to_job(settings, race=True)
    except LabError as error:
        return HEAD + markup.note(str(error)), None
    mine = forecast(job.methods[0], job.config, runs)
    others = {method.name: forecast(method, race.config, runs) for method in race.methods}
    return HEAD + drawn({**others, mine.method.name: mine}, mine), mine.rank_limit


def drawn(found: Mapping[str, Forecast], mine: Forecast) -> str:
    """A forecast, and in thin bars what the other methods would need."""
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
    bars = [(name, one.plan.prediction.at_peak) for name, one in found.items() if one.plan]
    warnings = "".join(markup.note(f"! {words}") for words in mine.warnings)
    return big + fits + markup.stacked_bars(bars, mine.method.name) + markup.facts(numbers, "ftl-facts") + warnings


def time_said(mine: Forecast) -> tuple[str, str, str]:
    """How long it takes, and where that is known from."""
    if mine.duration is None:
        return "time", "-", ""
    source = mine.duration.source.split(",", maxsplit=1)[0]
    return "time", f"about {clock(mine.duration.total)}", source
