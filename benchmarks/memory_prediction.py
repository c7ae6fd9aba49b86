"""Predicted against measured memory on a CPU, over architectures, methods, ranks, bits, shapes and checkpointing.

    OMP_NUM_THREADS=1 python benchmarks/memory_prediction.py

Every configuration builds a small model with random weights, trains it for two steps with every storage counted, and
compares with what was predicted from its configuration alone. Writes memory_prediction.md, .json and .png beside it.
What is held (weights, adapter, quantization state, gradients, optimizer) must be exact; the bars for the peak: 3 % in
the median, 8 % at worst, never more than 3 % under.
"""

import json
import platform
import random
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig
from transformers.utils import logging

from finetune_lab.batches import Batch
from finetune_lab.config import Full, LoRA, Method, QLoRA, TuneConfig, method_to_dict
from finetune_lab.device import detect_device
from finetune_lab.events import MEMORY_COMPONENTS
from finetune_lab.lora_update import fused_updates
from finetune_lab.memory.ledger import Ledger
from finetune_lab.memory.prediction import predict_components
from finetune_lab.memory.tracing import Shape
from finetune_lab.methods import attach, keep_trainable_form, quantization_config
from finetune_lab.tuning.loop import Trainer

HERE = Path(__file__).parent
EXACT = MEMORY_COMPONENTS[:5]
LLAMA = {"intermediate_size": 352, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 1000}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "Llama": {"model_type": "llama", "hidden_size": 128, "num_hidden_layers": 5, "tie_word_embeddings": True, **LLAMA},
    "Qwen3": {"model_type": "qwen3", "hidden_size": 128, "num_hidden_layers": 5, "head_dim": 32, **LLAMA},
    "Qwen2": {"model_type": "qwen2", "hidden_size": 96, "num_hidden_layers": 6, **LLAMA},
    "Gemma 2": {"model_type": "gemma2", "hidden_size": 128, "num_hidden_layers": 6, "head_dim": 32,
                "sliding_window": 48, **LLAMA},
    "Gemma 3": {"model_type": "gemma3_text", "hidden_size": 128, "num_hidden_layers": 8, "head_dim": 32,
                "sliding_window": 48, "layer_types": ["sliding_attention", "full_attention"] * 4, **LLAMA},
    "GPT-2": {"model_type": "gpt2", "n_embd": 128, "n_layer": 5, "n_head": 4, "vocab_size": 1000, "n_positions": 256},
    "GPT-NeoX": {"model_type": "gpt_neox", "hidden_size": 128, "num_hidden_layers": 5, "num_attention_heads": 4,
                 "intermediate_size": 512, "vocab_size": 1000, "max_position_embeddings": 256},
}  # fmt: skip


def cases() -> Iterator[tuple[str, Method, Shape]]:
    """The configurations: each architecture with each method, its other settings drawn from a fixed seed."""
    chosen = random.Random(0)
    for name in ARCHITECTURES:
        targets = ["all-linear", {"GPT-2": "c_attn", "GPT-NeoX": "query_key_value"}.get(name, "q_proj,v_proj")]
        for checkpointing in (False, True):
            for kind in ("full", "lora", "lora", "qlora4", "qlora4", "qlora4dq", "qlora8"):
                rank, target = chosen.choice([1, 2, 4, 8, 16, 32, 64]), chosen.choice(targets)
                rows, length = chosen.choice([(1, 128), (2, 32), (4, 64), (8, 64), (3, 96), (16, 16), (2, 192)])
                labelled = max(1, round(chosen.choice([0.2, 0.5, 1.0]) * rows * (length - 1)))
                shape = Shape(rows, length, labelled, chosen.choice([1, 1, 2]), checkpointing)
                yield name, method(kind, rank, target), shape


def method(kind: str, rank: int, targets: str) -> Method:
    match kind:
        case "full":
            return Full()
        case "lora":
            return LoRA(r=rank, target_modules=targets)
        case "qlora8":
            return QLoRA(r=rank, target_modules=targets, bits=8)
        case _:
            return QLoRA(r=rank, target_modules=targets, bnb_4bit_use_double_quant=kind.endswith("dq"))


def measure(config: PreTrainedConfig, chosen: Method, shape: Shape) -> dict[str, int]:
    """The largest components and the peak of the second step of the trainer that tunes."""
    asked = TuneConfig(
        batch_size=shape.batch_size,
        gradient_accumulation_steps=shape.accumulation,
        gradient_checkpointing=shape.checkpointing,
    )
    trainer = Trainer(build(config, chosen), asked, 1e-3, Accelerator(cpu=True))
    ledger, given = Ledger(trainer.model, trainer.optimizer), batch(config.vocab_size, shape)
    with fused_updates(trainer.model):
        for _ in range(2):
            with ledger.step(given.input_ids.numel()):
                trainer.backward([given] * shape.accumulation)
                trainer.update(1e-3)
            trainer.optimizer.zero_grad(set_to_none=True)
    return ledger.components


def build(config: PreTrainedConfig, chosen: Method) -> Any:
    """The model with random weights, saved and loaded as any base is."""
    device = detect_device()
    with tempfile.TemporaryDirectory() as folder:
        AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder)
        options: dict[str, Any] = {"dtype": torch.float32}
        if isinstance(chosen, QLoRA):
            options |= {"quantization_config": quantization_config(chosen, device), "device_map": {"": "cpu"}}
        model = AutoModelForCausalLM.from_pretrained(folder, **options)
    model.requires_grad_(isinstance(chosen, Full))
    if isinstance(chosen, LoRA):
        model = attach(model, chosen, 0)
    keep_trainable_form(model)
    return model.train()


def batch(vocabulary: int, shape: Shape) -> Batch:
    ids = torch.randint(0, vocabulary, (shape.batch_size, shape.length))
    at = torch.arange(shape.labelled)
    targets = ids.flatten()[: shape.labelled].clone()
    return Batch(ids, at % shape.batch_size, at // shape.batch_size, targets, ids.numel())


def compare(name: str, chosen: Method, shape: Shape) -> dict[str, Any]:
    config = AutoConfig.for_model(**ARCHITECTURES[name])
    predicted = predict_components(config, chosen, detect_device(), shape)
    measured = measure(config, chosen, shape)
    return {
        "architecture": name,
        "method": method_to_dict(chosen),
        "shape": asdict(shape),
        "predicted": {**predicted.components, "peak": predicted.peak},
        "measured": measured,
        "exact": all(predicted.components[part] == measured[part] for part in EXACT),
        "error": predicted.peak / measured["peak"] - 1,
    }


def main() -> None:
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    results = []
    for name, chosen, shape in cases():
        results.append(compare(name, chosen, shape))
        print(f"{name:9} {label(results[-1]):70} {100 * results[-1]['error']:+.2f} %", flush=True)
    names = ("torch", "transformers", "peft", "bitsandbytes")
    versions = {package: version(package) for package in names} | {"python": platform.python_version()}
    device = detect_device()
    found = {"versions": versions, "device": device.name, "results": results}
    (HERE / "memory_prediction.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (HERE / "memory_prediction.md").write_text(report(results, versions, device.name), encoding="utf-8")
    scatter(results).savefig(HERE / "memory_prediction.png", dpi=110)


def label(result: dict[str, Any]) -> str:
    chosen, shape = result["method"], result["shape"]
    rank = f" r={chosen['r']} {chosen['target_modules']}" if "r" in chosen else ""
    bits = f" {chosen['bits']}-bit" if "bits" in chosen else ""
    double = " double" if chosen.get("bnb_4bit_use_double_quant") else ""
    more = f"{' checkpointing' if shape['checkpointing'] else ''}{' accumulated' if shape['accumulation'] > 1 else ''}"
    size = f"{shape['batch_size']} x {shape['length']}, {shape['labelled']} labelled"
    return f"{chosen['method']}{bits}{double}{rank}, {size}{more}"


def report(results: list[dict[str, Any]], versions: dict[str, str], device: str) -> str:
    exact = sum(result["exact"] for result in results)
    lines = [
        "# Memory: predicted against measured",
        "",
        f"{len(results)} configurations on a CPU ({device}); {', '.join(f'{k} {v}' for k, v in versions.items())}.",
        "Made by `benchmarks/memory_prediction.py`. Measured: every storage that torch's dispatcher sees in a step.",
        f"Weights, adapter, quantization state, gradients and optimizer exact to the byte: {exact} of {len(results)}.",
        "",
        "| architecture | configurations | lowest error | median size of error | highest error |",
        "|---|---|---|---|---|",
    ]
    for name in (*ARCHITECTURES, "all"):
        errors = [100 * r["error"] for r in results if name in (r["architecture"], "all")]
        middle = statistics.median(abs(error) for error in errors)
        lines.append(f"| {name} | {len(errors)} | {min(errors):+.2f} % | {middle:.2f} % | {max(errors):+.2f} % |")
    lines += ["", "| architecture | configuration | predicted peak | measured peak | error |", "|---|---|---|---|---|"]
    for r in results:
        sizes = f"{r['predicted']['peak']:,} | {r['measured']['peak']:,}"
        lines.append(f"| {r['architecture']} | {label(r)} | {sizes} | {100 * r['error']:+.2f} % |")
    return "\n".join(lines) + "\n"


def scatter(results: list[dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    for name, mark in zip(ARCHITECTURES, "os^Dv<>", strict=True):
        mine = [r for r in results if r["architecture"] == name]
        measured = [r["measured"]["peak"] / 2**20 for r in mine]
        axes.loglog(measured, [r["predicted"]["peak"] / 2**20 for r in mine], mark, label=name, alpha=0.7)
    ends = [min(r["measured"]["peak"] for r in results) / 2**20, max(r["measured"]["peak"] for r in results) / 2**20]
    axes.loglog(ends, ends, "k-", linewidth=0.8, label="equal")
    axes.set_xlabel("measured peak, MiB")
    axes.set_ylabel("predicted peak, MiB")
    axes.legend(fontsize=8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator([3, 5, 10, 20, 30, 50]))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(ScalarFormatter())
    return figure


if __name__ == "__main__":
    main()
