"""`finetune-lab plan`: the memory of a tune before it runs. Thin: it asks, calls `memory.planning` and prints."""

from typing import Annotated, Any

import typer

from finetune_lab.cli.asked import name_faults, one_method, unfit_settings
from finetune_lab.config import METHODS
from finetune_lab.errors import ConfigError, listed


def plan(
    *,
    model: Annotated[str, typer.Option("--model", help="name, folder or config.json")] = "lab-base",
    method: Annotated[str, typer.Option("--method", help="full, lora or qlora")] = "lora",
    rank: Annotated[int | None, typer.Option("--rank", help="inner width of the adapter")] = None,
    bits: Annotated[int | None, typer.Option("--bits", help="bits of a frozen weight: 16, 8 or 4")] = None,
    targets: Annotated[str | None, typer.Option("--targets", help="layers with an adapter")] = None,
    double_quant: Annotated[bool, typer.Option("--double-quant", help="4 bits: quantize the scales too")] = False,
    batch_size: Annotated[int, typer.Option("--batch-size", help="rows of a batch")] = 8,
    max_length: Annotated[int, typer.Option("--max-length", help="tokens of a row")] = 512,
    labelled: Annotated[int | None, typer.Option("--labelled", help="learned tokens of a batch")] = None,
    accumulation: Annotated[int, typer.Option("--accumulation", help="batches in a step")] = 1,
    gradient_checkpointing: Annotated[bool, typer.Option("--gradient-checkpointing", help="recompute")] = False,
    device: Annotated[str, typer.Option("--device", help="T4, L4, ..., or bytes; default this machine")] = "",
    all_figures: Annotated[bool, typer.Option("--all", help="also: largest batch and length that fit")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> int:
    """Predict the memory of a tune by component, without weights."""
    from finetune_lab.cli.app import product_only

    settings = {"r": rank, "bits": bits, "target_modules": targets, "bnb_4bit_use_double_quant": double_quant or None}
    chosen = _method(method, {name: value for name, value in settings.items() if value is not None})
    with product_only() as product:
        from finetune_lab.memory.planning import plan as predict

        made = predict(
            model,
            chosen,
            device=int(device) if device.isdecimal() else device or None,
            batch_size=batch_size,
            max_length=max_length,
            labelled_tokens=labelled,
            gradient_accumulation_steps=accumulation,
            gradient_checkpointing=gradient_checkpointing,
        )
        print(_as_json(made, all_figures) if as_json else _as_text(made, all_figures), file=product)
    return 0


def _method(name: str, settings: dict[str, Any]) -> Any:
    faults = name_faults([name])
    faults += unfit_settings([name], settings).values() if name in METHODS else []
    if faults:
        raise ConfigError(listed(faults), "See finetune-lab plan --help.")
    return one_method(name, settings)


def _as_json(made: Any, all_figures: bool) -> str:
    import json

    from finetune_lab.memory.fitting import largest_batch, largest_length, options

    found = made.to_dict()
    found["cards"] = [{"device": card.device, "fit": card.fit, "spare": card.spare} for card in made.verdicts()]
    if made.verdict.fit != "fits" or all_figures:
        found["options"] = [
            {"change": option.change, "peak": option.peak, "fit": option.verdict.fit} for option in options(made)
        ]
    if all_figures:
        found |= {"largest_batch_size": largest_batch(made), "largest_max_length": largest_length(made)}
    return json.dumps(found)


def _as_text(made: Any, all_figures: bool) -> str:
    from finetune_lab.memory.fitting import largest_batch, largest_length, options
    from finetune_lab.tables import readable

    why = [f"  {name}: {sentence}" for name, sentence in made.explanations.items()]
    lines = [str(made), "", *why, f"  on disk: about {readable(made.artifact_bytes)}", ""]
    lines += [f"  {card}" for card in made.verdicts()]
    if made.verdict.fit != "fits" or all_figures:
        lines += ["", "Changes that need less:", *(f"  {option}" for option in options(made))]
    if all_figures:
        lines += [f"Largest batch of this length: {largest_batch(made)}"]
        lines += [f"Longest rows of this batch size: {largest_length(made)} tokens"]
    return "\n".join(lines)
