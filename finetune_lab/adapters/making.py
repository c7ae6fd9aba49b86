"""The card of an adapter that a run here has made, from the run's own record."""

import re
from pathlib import Path
from typing import Any

from finetune_lab.adapters.card import CONFIG, AdapterCard, configured
from finetune_lab.adapters.checking import json_object
from finetune_lab.adapters.faults import AdapterError
from finetune_lab.models import short


def card_of_run(adapter: Path, description: dict[str, Any], name: str) -> AdapterCard:
    """The card of a run's adapter.

    Args:
        adapter: the folder that PEFT wrote.
        description: run.json, its summary included; finished, stopped or diverged.
        name: what the adapter is to be called.

    Raises:
        AdapterError: PEFT's configuration can't be read, or the record says too little.
    """
    try:
        return _card(adapter, description, name)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = (
            f"The record of the run does not say how {adapter} was made: {type(error).__name__}: {short(str(error))}."
        )
        raise AdapterError(
            what, "Resume the run to its end, or add its adapter folder alone, without the record."
        ) from error


def _card(adapter: Path, description: dict[str, Any], name: str) -> AdapterCard:
    method, config, summary = description["method"], description["config"], description["summary"]
    targets = tuple(name.strip() for name in method["target_modules"].split(","))  # as asked: PEFT names every layer
    finished = summary["status"] == "finished"  # else what was judged last, if anything, is not what is kept
    return AdapterCard(
        name=name,
        base=config["model"],
        base_sha256=description["base_sha256"],
        method=method["method"],
        bits=summary["bits"],
        data=config["data"],
        data_sha256=description["data_sha256"],
        steps=_steps(summary),
        trainable_parameters=summary["trainable_parameters"],
        scores_before=summary["scores_before"],
        scores_after=summary["scores_after"] if finished else {},
        eval_loss_before=summary["eval_loss_before"],
        eval_loss_after=summary["eval_loss_after"] if finished else None,
        created=description["started"],
        status=summary["status"],
        versions=description["versions"],
        **configured(adapter, json_object(adapter / CONFIG)) | {"target_modules": targets},
    )


def _steps(summary: dict[str, Any]) -> int | None:
    """The steps behind the weights that were kept: of a diverged run, those of the checkpoint that its end names."""
    if summary["status"] != "diverged":
        return int(summary["steps"])
    kept = re.search(r"\bstep-(\d+)\b", summary["reason"])
    return int(kept[1]) if kept else None
