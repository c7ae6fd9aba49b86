"""From a run's adapter to the one that is shipped: half the bytes, and nothing of the machine that it was tuned on."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from safetensors.torch import load_file, save_file

from finetune_lab.adapters.card import CONFIG, WEIGHTS, AdapterCard, write_card
from finetune_lab.adapters.making import card_of_run
from finetune_lab.config import TuneConfig
from finetune_lab.data.customers import CUSTOMERS, digest
from finetune_lab.data.records import Example
from finetune_lab.device import detect_device
from finetune_lab.models import LAB_BASE, find_base, load_tokenizer
from finetune_lab.serving.judging import held_out, judge
from finetune_lab.serving.loaded_base import LoadedBase
from finetune_lab.tuning.run import Run
from finetune_lab.tuning.run_folder import RunFolder

EXAMPLES = 200  # of the test messages are answered for the score, and of the validation ones judged for the loss


def ship(run: Run, folder: Path, data: str, train: Sequence[Example]) -> None:
    """Write the run's adapter with its card: weights in half precision, base and data by their names."""
    folder.mkdir(parents=True, exist_ok=True)
    halved = {name: tensor.half().contiguous() for name, tensor in load_file(run.artifact / WEIGHTS).items()}
    save_file(halved, folder / WEIGHTS, metadata={"format": "pt"})
    config = json.loads((run.artifact / CONFIG).read_text(encoding="utf-8"))
    config |= {"base_model_name_or_path": LAB_BASE, "target_modules": sorted(config["target_modules"])}
    (folder / WEIGHTS).chmod(0o644)  # safetensors makes files for the owner alone
    (folder / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    card = card_of_run(folder, RunFolder(run.folder).description(), folder.name)
    told = (
        f"{CUSTOMERS[data].__doc__} Tuned on {len(train):,} messages: those that {data} trains on and more of the same "
        f"make. Scores: {EXAMPLES} test messages; losses: {EXAMPLES} validation messages; of the adapter as it is here."
    )
    card = replace(card, description=told, base=LAB_BASE, data=data, data_sha256=digest(train))
    write_card(folder, judged(card, folder))


def judged(card: AdapterCard, folder: Path) -> AdapterCard:
    """The card with losses and scores of the base, and of the adapter as it is shipped."""
    source = find_base(LAB_BASE)
    tokenizer, base = load_tokenizer(source), LoadedBase(source, detect_device())
    on = held_out(TuneConfig(data=str(card.data), eval_examples=EXAMPLES, score_examples=EXAMPLES), tokenizer)
    before = judge(base.model, tokenizer, on)
    base.attach(card.name, folder)
    with base.using(card.name) as model:
        after = judge(model, tokenizer, on)
    return replace(
        card,
        scores_before=before.scores,
        scores_after=after.scores,
        eval_loss_before=before.eval_loss,
        eval_loss_after=after.eval_loss,
    )
