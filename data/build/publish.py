"""Write data/lab-base/ from a pretraining checkpoint: half-precision weights, tokenizer, SHA-256 and the model card.

python data/build/publish.py --corpus FOLDER --work FOLDER --trained-on "one CPU core"
"""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from pretrain import LONG, bits_per_byte, new_model, prepare
from transformers import GenerationConfig, LlamaForCausalLM, PreTrainedTokenizerFast

LAB_BASE = Path(__file__).parents[1] / "lab-base"
LIMIT_BYTES = 15_000_000
PROMPTS = (
    "To post an invoice,",
    "To create a sales order",
    "If the payment was refused",
    "A return order is",
    "The customer can change the delivery address",
    "To cancel a purchase order, follow these steps:",
    "Item tracking lets you",
    "Before you can ship the order",
    "The following table describes the fields",
    "When you receive a damaged item",
    "To set up a user account",
    "Prices and discounts",
)


def continuations(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> list[tuple[str, str]]:
    """What the model goes on with after each prompt, greedily with a penalty on repetition, 40 tokens."""
    settings = GenerationConfig(
        max_new_tokens=40, do_sample=False, repetition_penalty=1.2, pad_token_id=tokenizer.pad_token_id
    )
    found: list[tuple[str, str]] = []
    for prompt in PROMPTS:
        ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
        output: Any = model.generate(  # type: ignore[misc]  # transformers types `self` as a protocol that no model matches
            ids, attention_mask=torch.ones_like(ids), generation_config=settings
        )
        found.append((prompt, str(tokenizer.decode(output[0, ids.shape[1] :], skip_special_tokens=True))))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--trained-on", required=True, help="for the card, such as: one CPU core")
    options = parser.parse_args()
    tokenizer, streams, text_bytes = prepare(options.corpus, options.work, seed=0)
    state = torch.load(options.work / "checkpoint.pt", map_location="cpu", weights_only=True)
    model = new_model(tokenizer)
    model.load_state_dict({name.replace("_orig_mod.", ""): value for name, value in state["model"].items()})
    model.half().save_pretrained(LAB_BASE)
    tokenizer.save_pretrained(LAB_BASE)
    weights = LAB_BASE / "model.safetensors"
    if weights.stat().st_size > LIMIT_BYTES:
        raise SystemExit(f"{weights} has {weights.stat().st_size} bytes, more than {LIMIT_BYTES}")
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    (LAB_BASE / "sha256.json").write_text(json.dumps({weights.name: digest}, indent=2) + "\n")
    model = LlamaForCausalLM.from_pretrained(LAB_BASE, dtype=torch.float32).eval()
    figures = {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "steps": state["steps"],
        "tokens": state["tokens"],
        "minutes": state["seconds"] / 60,
        "trained_on": options.trained_on,
        "bits_256": bits_per_byte(model, streams["valid"], text_bytes, 256),
        "bits_512": bits_per_byte(model, streams["valid"], text_bytes, LONG),
        "bytes": weights.stat().st_size,
        "sha256": digest,
    }
    (LAB_BASE / "README.md").write_text(card(figures, continuations(model, tokenizer)))
    print(json.dumps(figures, indent=2))


def card(figures: dict[str, object], shown: list[tuple[str, str]]) -> str:
    template = (Path(__file__).parent / "model_card.md").read_text()
    lines = [f"- **{prompt}**{text.replace(chr(10), ' ')}" for prompt, text in shown]
    return template.format(**figures, continuations="\n".join(lines))


if __name__ == "__main__":
    main()
