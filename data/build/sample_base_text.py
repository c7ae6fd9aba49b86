"""Writes data/base-text/train.jsonl: texts that `lab-base` itself writes, for replay.

    python data/build/sample_base_text.py [--seed 0] [--texts 480] [--corpus FOLDER]

A text is drawn token by token from the base's own distribution, from the start token on, with nothing cut off.
What a model writes by itself is a sample of what it knows, so that learning it again while another task is learned
holds that in place; no pretraining text is needed (pseudo-rehearsal, Robins 1995). With the pretraining corpus at hand
(`--corpus`, see corpus.py), a text that shares a run of 13 words with it is left out, so that none of it is passed on.
Another machine or version of torch may draw other texts.
"""

import argparse
import json
import re
from pathlib import Path

import torch
from corpus import read_documents
from transformers import AutoModelForCausalLM, AutoTokenizer

DATA = Path(__file__).resolve().parents[1]
ROWS, LONGEST, SHORTEST = 96, 112, 24  # texts at a time; tokens
RUN = 13  # words: shorter runs are shared by chance


@torch.no_grad()
def texts(count: int, seed: int, known: set[int]) -> list[str]:
    """Different texts of the base's own, each of 24 to 112 tokens, without a run of words whose hash is known."""
    tokenizer = AutoTokenizer.from_pretrained(DATA / "lab-base")
    model = AutoModelForCausalLM.from_pretrained(DATA / "lab-base", dtype=torch.float32).eval()
    start = torch.full((ROWS, 1), tokenizer.bos_token_id)
    found: dict[str, None] = {}
    torch.manual_seed(seed)
    while len(found) < count:
        drawn = model.generate(
            start,
            attention_mask=torch.ones_like(start),
            do_sample=True,
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            max_new_tokens=LONGEST,
        )
        for row in drawn[:, 1:].tolist():
            ids = row[: row.index(tokenizer.eos_token_id)] if tokenizer.eos_token_id in row else row
            text = str(tokenizer.decode(ids)).strip()
            if len(ids) >= SHORTEST and "\ufffd" not in text and known.isdisjoint(word_runs(text)):
                found[text] = None
        print(f"{len(found)} texts", flush=True)
    return list(found)[:count]


def word_runs(text: str) -> set[int]:
    """A hash of each run of 13 words, whatever their case and marks."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    return {hash(tuple(words[at : at + RUN])) for at in range(len(words) - RUN + 1)}


def corpus_runs(folder: Path) -> set[int]:
    """Those of the whole corpus, training part and held-out part."""
    parts = [read_documents(folder / f"help-docs.{part}.txt.xz") for part in ("train", "valid")]
    return set().union(*(word_runs(document) for part in parts for document in part))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--texts", type=int, default=480)
    parser.add_argument("--corpus", type=Path)
    options = parser.parse_args()
    known = corpus_runs(options.corpus) if options.corpus else set[int]()
    lines = [json.dumps({"text": text}) + "\n" for text in texts(options.texts, options.seed, known)]
    (DATA / "base-text" / "train.jsonl").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
