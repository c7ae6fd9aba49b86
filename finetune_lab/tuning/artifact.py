"""What a tune leaves behind: an adapter in PEFT's own format, or a whole model in transformers' own. No pickle."""

from pathlib import Path

from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from finetune_lab.storing import whole_folder


def save_artifact(model: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase, run: Path) -> Path:
    """Save as `run`/adapter or `run`/model, whole or not at all; a stopped run's earlier artifact is replaced."""
    adapter = isinstance(model, PeftModel)
    final = run / ("adapter" if adapter else "model")
    with whole_folder(final) as partial:
        if adapter:
            model.save_pretrained(str(partial), save_embedding_layers=False)
            (partial / "README.md").unlink(missing_ok=True)  # a form that nobody filled in; the card takes its place
        else:
            model.save_pretrained(str(partial))
            tokenizer.save_pretrained(partial)
    return final


def folder_bytes(folder: Path) -> int:
    """Size on disk of the files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
