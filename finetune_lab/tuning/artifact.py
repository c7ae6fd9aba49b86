"""What a tune leaves behind: an adapter in PEFT's own format, or a whole model in transformers' own. No pickle."""

import shutil
from pathlib import Path

from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase


def save_artifact(model: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase, run: Path) -> Path:
    """Save as `run`/adapter or `run`/model, whole or not at all; a stopped run's earlier artifact is replaced."""
    adapter = isinstance(model, PeftModel)
    final = run / ("adapter" if adapter else "model")
    partial = run / f".{final.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    if adapter:
        model.save_pretrained(str(partial), save_embedding_layers=False)
    else:
        model.save_pretrained(str(partial))
        tokenizer.save_pretrained(partial)
    if final.exists():
        shutil.rmtree(final)
    partial.rename(final)
    return final


def folder_bytes(folder: Path) -> int:
    """Size on disk of the files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
