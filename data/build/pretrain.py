"""Pretrain `lab-base` from scratch: a Llama of 5.9 M parameters on product-help text, on a CPU or a GPU.

    python data/build/pretrain.py --corpus FOLDER --work FOLDER --minutes 3.5 --device cuda --tokens-per-step 12288

Muon moves the matrices of the blocks, AdamW the embedding and the norms. The learning rate warms up, stays, and
falls to zero over the last part of the time allowed; in that part the ticket-domain text joins the mix and the rows
double in length. Stop it whenever you like: the same command goes on from the last checkpoint.
"""

import argparse
import json
import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from corpus import encode, read_documents, rows, train_tokenizer
from ticket_records import random_records, record_pages
from ticket_text import domain_text
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

SHORT, LONG = 256, 512  # row length before and after FALL_FROM
WARM_UNTIL, FALL_FROM = 0.02, 0.55  # shares of the time allowed
DOMAIN_SHARE = 0.12  # of the rows, once the rate falls
RECORD_PAGES = 3000  # of eight ticket records each
MUON_RATE, ADAMW_RATE = 0.02, 4e-3
SAVE_EVERY_SECONDS = 60.0


def new_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    return LlamaForCausalLM(
        LlamaConfig(
            hidden_size=256,
            num_hidden_layers=6,
            num_attention_heads=4,
            num_key_value_heads=4,
            intermediate_size=704,
            vocab_size=len(tokenizer),
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def rate(progress: float) -> float:
    """The learning rate's factor at `progress` (0 to 1) of the time allowed: up, flat, down to zero."""
    if progress < WARM_UNTIL:
        return max(progress / WARM_UNTIL, 0.01)
    return min(1.0, max(0.0, (1 - progress) / (1 - FALL_FROM)))


def endless(stream: np.ndarray, length: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    while True:
        yield from rows(stream, length, generator)


@dataclass
class Pretraining:
    """Everything that a checkpoint has to bring back."""

    model: LlamaForCausalLM
    optimizers: list[torch.optim.Optimizer]
    folder: Path
    device: torch.device
    seed: int
    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0

    @classmethod
    def begin(cls, model: LlamaForCausalLM, folder: Path, device: torch.device, seed: int) -> "Pretraining":
        matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
        others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
        muon = torch.optim.Muon(matrices, lr=MUON_RATE, weight_decay=0.01)
        adamw = torch.optim.AdamW(others, lr=ADAMW_RATE, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
        run = cls(model, [muon, adamw], folder, device, seed)
        for optimizer in run.optimizers:
            for group in optimizer.param_groups:
                group["full_rate"] = group["lr"]
        if (folder / "checkpoint.pt").exists():
            state = torch.load(folder / "checkpoint.pt", map_location=device, weights_only=True)
            model.load_state_dict(state["model"])
            for optimizer, saved in zip(run.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
            run.steps, run.tokens, run.seconds = state["steps"], state["tokens"], state["seconds"]
        return run

    def save(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "steps": self.steps,
            "tokens": self.tokens,
            "seconds": self.seconds,
        }
        torch.save(state, self.folder / "checkpoint.tmp")
        (self.folder / "checkpoint.tmp").replace(self.folder / "checkpoint.pt")

    def autocast(self) -> AbstractContextManager[object]:
        return torch.autocast("cuda", torch.bfloat16) if self.device.type == "cuda" else nullcontext()

    def step(self, batch: np.ndarray, factor: float) -> float:
        """One update on `batch` (rows, length + 1); returns the loss in nats a token."""
        ids = torch.from_numpy(batch.astype(np.int64)).to(self.device)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["full_rate"] * factor
        with self.autocast():
            loss = token_loss(self.model, ids)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.steps += 1
        self.tokens += ids[:, 1:].numel()
        return loss.item()


def token_loss(model: LlamaForCausalLM, ids: torch.Tensor) -> torch.Tensor:
    hidden = model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
    logits = F.linear(hidden.flatten(0, 1), model.lm_head.weight).float()
    return F.cross_entropy(logits, ids[:, 1:].flatten())


@torch.no_grad()
def bits_per_byte(model: LlamaForCausalLM, stream: np.ndarray, text_bytes: int, length: int) -> float:
    """Held-out loss in bits a byte of text, over consecutive windows of `length` tokens without overlap."""
    device, total = model.lm_head.weight.device, 0.0
    for start in range(0, len(stream) - 1, 16 * length):
        ids = torch.from_numpy(stream[start : start + 16 * length + 1].astype(np.int64)).to(device)
        full = (len(ids) - 1) // length * length
        pieces = [(ids[:full].view(-1, length), ids[1 : full + 1].view(-1, length))] if full else []
        if full < len(ids) - 1:
            pieces.append((ids[full:-1].view(1, -1), ids[full + 1 :].view(1, -1)))
        for inputs, targets in pieces:
            logits = model(input_ids=inputs, use_cache=False).logits.float()
            total += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
    return total / math.log(2) / text_bytes


def prepare(corpus: Path, work: Path, seed: int) -> tuple[PreTrainedTokenizerFast, dict[str, np.ndarray], int]:
    """Tokenizer and token streams: train and valid (made once and kept in `work`), domain; and the valid text's bytes.

    The tokenizer also sees 3,000 ticket records, so that the words of a record are tokens; no message belongs to them.
    """
    valid_documents = read_documents(corpus / "help-docs.valid.txt.xz")
    text_bytes = sum(len(document.encode()) for document in valid_documents)
    if not (work / "streams.npz").exists():
        work.mkdir(parents=True, exist_ok=True)
        documents = read_documents(corpus / "help-docs.train.txt.xz")
        tokenizer = train_tokenizer(documents + random_records(seed, 3000))
        tokenizer.save_pretrained(work / "tokenizer")
        np.random.default_rng(seed).shuffle(documents)
        np.savez(work / "streams.npz", train=encode(tokenizer, documents), valid=encode(tokenizer, valid_documents))
    tokenizer = PreTrainedTokenizerFast.from_pretrained(work / "tokenizer")
    streams = dict(np.load(work / "streams.npz"))
    domain = domain_text(seed) + record_pages(seed + 1, RECORD_PAGES)
    return tokenizer, {**streams, "domain": encode(tokenizer, domain)}, text_bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--tokens-per-step", type=int, default=6144, help="more keeps a GPU busy: 12288 or 24576")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--compile", action="store_true", help="torch.compile: a fifth faster here, needs a C++ compiler"
    )
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_flush_denormal(True)
    tokenizer, streams, text_bytes = prepare(options.corpus, options.work, options.seed)
    device = torch.device(options.device)
    run = Pretraining.begin(nn.Module.to(new_model(tokenizer), device), options.work, device, options.seed)
    if options.compile:
        run.model.model.compile()
    pretrain(run, streams, options.minutes * 60, options.tokens_per_step, text_bytes)


def pretrain(
    run: Pretraining, streams: dict[str, np.ndarray], allowed: float, tokens_per_step: int, text_bytes: int
) -> None:
    generator = np.random.default_rng([run.seed, run.steps])
    sources: dict[tuple[str, int], Iterator[np.ndarray]] = {
        (name, length): endless(streams[name], length, generator)
        for name in ("train", "domain")
        for length in (SHORT, LONG)
        if len(streams[name]) > 2 * length
    }
    saved_at = run.seconds
    while run.seconds < allowed:
        started, progress = time.monotonic(), run.seconds / allowed
        falling = progress >= FALL_FROM
        length = LONG if falling else SHORT
        count = tokens_per_step // length
        names = ["domain" if falling and generator.random() < DOMAIN_SHARE else "train" for _ in range(count)]
        loss = run.step(np.stack([next(sources[name, length]) for name in names]), rate(progress))
        run.seconds += time.monotonic() - started
        if run.steps % 20 == 0:
            print(f"step {run.steps} tokens {run.tokens} seconds {run.seconds:.0f} loss {loss:.3f}", flush=True)
        if run.seconds - saved_at > SAVE_EVERY_SECONDS or run.seconds >= allowed:
            saved_at = run.seconds
            run.save()
            report = {
                "steps": run.steps,
                "tokens": run.tokens,
                "seconds": run.seconds,
                "bits_per_byte": bits_per_byte(run.model, streams["valid"], text_bytes, length),
            }
            print(json.dumps(report), flush=True)
            with (run.folder / "held-out.jsonl").open("a") as file:
                file.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
