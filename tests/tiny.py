"""A base of two layers with random weights and a few rows to tune it on: real in everything but size.

The fixtures made of this are in tiny_base.py.
"""

import hashlib
import json
import shutil
import threading
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"
TOKENIZER = ("tokenizer.json", "tokenizer_config.json")


def save_tokenizer(folder):
    """The tokenizer of lab-base, in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in TOKENIZER:
        shutil.copy(DATA / "lab-base" / name, folder / name)
    return folder


def save_model(folder, model):
    """A model with the tokenizer of lab-base beside it."""
    model.save_pretrained(folder)
    return save_tokenizer(folder)


def tiny_llama(**changes):
    """A Llama of 0.36 M parameters: 2 layers, 64 wide."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = {
        "vocab_size": 4096, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 256, "tie_word_embeddings": True,
        "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1,
    }  # fmt: skip
    torch.manual_seed(1)
    return LlamaForCausalLM(LlamaConfig(**(shape | changes)))


def write_rows(file, count=24, words=1):
    """`count` rows with prompts of different lengths."""
    rows = [
        {
            "prompt": f"Message: number {n} {'please ' * (n % 5 * words)}\nRecord: ",
            "completion": json.dumps({"intent": ("order", "return")[n % 2], "urgency": n % 3}),
        }
        for n in range(count)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def short_tune(base, rows):
    """Settings of a tune of half a second."""
    return {
        "model": str(base), "data": str(rows), "max_steps": 4, "batch_size": 4, "max_length": 64,
        "eval_examples": 2, "score_examples": 0,
    }  # fmt: skip


def session_of(method, settings, folder):
    """A session that has run to its end, with its model and optimizer still there; and its events."""
    from finetune_lab.config import TuneConfig
    from finetune_lab.tuning.run_folder import RunFolder
    from finetune_lab.tuning.session import Session

    session = Session(method, TuneConfig(**settings))
    events = list(session.events(RunFolder.create(folder, method), threading.Event()))
    return session, events


def losses(events):
    """The training losses, by step."""
    return {event.step: event.loss for event in events if type(event).__name__ == "Stepped"}


def hashes(folder):
    """SHA-256 of every file of a folder, by its path in it."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def weights(folder):
    """The hashes of the safetensors of an artifact."""
    found = {name: value for name, value in hashes(folder).items() if name.endswith(".safetensors")}
    assert len(found) == 1
    return found


def one_line(error):
    """The text of an error, which is one line with what and what to do."""
    text = str(error)
    assert "\n" not in text
    assert error.what
    assert error.hint
    assert len(text) < 1000
    return text
