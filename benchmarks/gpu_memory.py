"""Predicted against measured memory on a CUDA GPU, over architectures, methods, ranks, bits, shapes and checkpointing.

    python benchmarks/gpu_memory.py [--out FOLDER] [--each 1] [--large] [--float16]

Every configuration loads a model with random weights as any base is loaded, trains it for three steps and compares its
largest step with what was predicted from its configuration alone. Two figures are measured: what torch's dispatcher
sees (as on a CPU) and what torch's allocator held, which also has rounding and the libraries' workspaces. `--large`
adds the shapes of Llama 3.2 1B and Llama 3.1 8B. Writes gpu_memory.json and .md; tests/test_gpu_evidence.py reads the
former and predicts again, without a GPU.
"""

import gc
import random
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from gpu_results import keep, machine, parser_of, require_gpu
from memory_prediction import EXACT, batch, label, method
from transformers import AutoConfig, AutoModelForCausalLM

from finetune_lab.config import Method, TuneConfig, method_to_dict
from finetune_lab.device import Device, detect_device
from finetune_lab.errors import LabError
from finetune_lab.memory.prediction import predict_components
from finetune_lab.memory.targets import verdict
from finetune_lab.memory.tracing import Shape
from finetune_lab.methods import build
from finetune_lab.models import Source
from finetune_lab.tuning.loop import Trainer

HERE = Path(__file__).parent
LLAMA = {"num_attention_heads": 16, "num_key_value_heads": 4, "intermediate_size": 2816, "vocab_size": 32_000}
SLIDING = {"sliding_window": 256}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "Llama": {"model_type": "llama", "hidden_size": 1024, "num_hidden_layers": 6, "tie_word_embeddings": True, **LLAMA},
    "Qwen3": {"model_type": "qwen3", "hidden_size": 1024, "num_hidden_layers": 6, "head_dim": 128, **LLAMA},
    "Qwen2": {"model_type": "qwen2", "hidden_size": 896, "num_hidden_layers": 6, **LLAMA, "num_attention_heads": 14,
              "num_key_value_heads": 2},
    "Gemma 3": {"model_type": "gemma3_text", "hidden_size": 1024, "num_hidden_layers": 8, "head_dim": 128, **SLIDING,
                "layer_types": ["sliding_attention", "full_attention"] * 4, **LLAMA},
    "GPT-2": {"model_type": "gpt2", "n_embd": 1024, "n_layer": 6, "n_head": 16, "vocab_size": 32_000,
              "n_positions": 2048},
    "GPT-NeoX": {"model_type": "gpt_neox", "hidden_size": 1024, "num_hidden_layers": 6, "num_attention_heads": 16,
                 "intermediate_size": 4096, "vocab_size": 32_000, "max_position_embeddings": 2048},
}  # fmt: skip
LARGE: dict[str, dict[str, Any]] = {
    "Llama 1B": {"model_type": "llama", "hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 32,
                 "num_key_value_heads": 8, "intermediate_size": 8192, "vocab_size": 128_256, "head_dim": 64,
                 "tie_word_embeddings": True, "max_position_embeddings": 8192},
    "Llama 8B": {"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
                 "num_key_value_heads": 8, "intermediate_size": 14_336, "vocab_size": 128_256,
                 "max_position_embeddings": 8192},
}  # fmt: skip


def cases(each: int) -> Iterator[tuple[str, Method, Shape]]:
    """`each` times every method for every architecture, the other settings drawn from a fixed seed."""
    chosen = random.Random(0)
    for name in ARCHITECTURES:
        targets = ["all-linear", {"GPT-2": "c_attn", "GPT-NeoX": "query_key_value"}.get(name, "q_proj,v_proj")]
        for number in range(each):
            for kind in ("full", "lora", "qlora4", "qlora4dq", "qlora8"):
                rank, target = chosen.choice([1, 4, 8, 16, 64]), chosen.choice(targets)
                rows, length = chosen.choice([(1, 1024), (2, 512), (4, 256), (8, 256), (8, 96), (3, 333)])
                labelled = max(1, round(chosen.choice([0.2, 0.5, 1.0]) * rows * (length - 1)))
                shape = Shape(rows, length, labelled, chosen.choice([1, 1, 2]), bool(number % 2))
                yield name, method(kind, rank, target), shape


def large_cases() -> Iterator[tuple[str, Method, Shape]]:
    """Every method on every large shape; full tuning with checkpointing, as it is done at that size."""
    for name in LARGE:
        for kind in ("lora", "qlora4", "qlora4dq", "qlora8"):
            yield name, method(kind, 16, "all-linear"), Shape(2, 512, 1022)
        for kind in ("qlora4", "full"):
            yield name, method(kind, 16, "all-linear"), Shape(2, 512, 1022, 1, checkpointing=True)


def saved(config: Any, folder: Path) -> Source:
    """A model of this configuration with random weights, as files."""
    with torch.device("cuda"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    return Source(folder.name, str(folder), "", "random weights")


def measure(source: Source, chosen: Method, device: Device, shape: Shape) -> tuple[dict[str, int], int, int]:
    """The components of the second step, and what torch's allocator held and had reserved at most in the third."""
    before = torch.cuda.memory_allocated()
    model: Any = build(source, chosen, device, 0)
    asked = TuneConfig(
        max_steps=3,
        batch_size=shape.batch_size,
        gradient_accumulation_steps=shape.accumulation,
        gradient_checkpointing=shape.checkpointing,
    )
    trainer = Trainer(model, asked, 1e-4, Accelerator(mixed_precision=device.mixed_precision))
    given = batch(model.config.vocab_size, shape)
    _, second, third = (step.memory for step in trainer.steps(repeat(given)))
    components = {name: value for name, value in second.items() if not name.startswith("cuda")}
    return components, third["cuda_allocated_peak"] - before, third["cuda_reserved_peak"]


def compare(name: str, source: Source, config: Any, chosen: Method, shape: Shape) -> dict[str, Any]:
    device = detect_device()
    predicted = predict_components(config, chosen, device, shape)
    found: dict[str, Any] = {
        "architecture": name,
        "method": method_to_dict(chosen),
        "shape": asdict(shape),
        "predicted": {**predicted.components, "peak": predicted.peak},
        "verdict": verdict(device, predicted.peak).fit,
    }
    try:
        components, allocated, reserved = measure(source, chosen, device, shape)
    except (torch.OutOfMemoryError, LabError) as error:
        return {**found, "out_of_memory": " ".join(str(error).split())[:200]}
    finally:
        gc.collect()
        torch.cuda.empty_cache()
    return {
        **found,
        "measured": components,
        "allocated": allocated,
        "reserved": reserved,
        "exact": all(predicted.components[part] == components[part] for part in EXACT),
        "error": predicted.peak / components["peak"] - 1,
        "allocated_error": predicted.peak / allocated - 1,
    }


def compare_all(architectures: dict[str, Any], cases: list[tuple[str, Method, Shape]]) -> Iterator[dict[str, Any]]:
    """Every case, one saved model an architecture."""
    for name, settings in architectures.items():
        config = AutoConfig.for_model(**settings)
        with tempfile.TemporaryDirectory() as folder:
            source = saved(config, Path(folder) / "model")
            for _, chosen, shape in (case for case in cases if case[0] == name):
                result = compare(name, source, config, chosen, shape)
                errors = [f"{100 * result[e]:+.2f} %" for e in ("error", "allocated_error") if e in result]
                print(f"{name:9} {label(result):80} {' '.join(errors) or result['out_of_memory']}", flush=True)
                yield result


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--each", type=int, default=2)
    options = parser.parse_args()
    require_gpu("benchmarks/memory_prediction.py", float16=options.float16)
    asked = [compare_all(ARCHITECTURES, list(cases(options.each)))]
    if options.large:
        asked.append(compare_all(LARGE, list(large_cases())))
    keep(options.out, "gpu_memory", "results", chain.from_iterable(asked), report)


def report(found: dict[str, Any]) -> str:
    ran = [result for result in found["results"] if "measured" in result]
    lines = [
        "# Memory on a GPU: predicted against measured",
        "",
        f"{machine(found)} Made by `benchmarks/gpu_memory.py`.",
        f"{len(found['results'])} configurations, of which {len(ran)} ran. Exact to the byte in weights, adapter,",
        f"quantization state, gradients and optimizer: {sum(result['exact'] for result in ran)}.",
        "",
        "*seen*: against the storages that torch's dispatcher saw; *allocated*: against the allocator's",
        "`max_memory_allocated`, which also has its rounding and the libraries' workspaces.",
        "Error of the predicted peak: lowest, median size, highest.",
        "",
        "| architecture | configurations | seen | | | allocated | | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in (*ARCHITECTURES, *LARGE, "all"):
        mine = [result for result in ran if name in (result["architecture"], "all")]
        if mine:
            lines.append(f"| {name} | {len(mine)} | {spread(mine, 'error')} | {spread(mine, 'allocated_error')} |")
    lines += [
        "",
        "| architecture | configuration | predicted | seen | allocated | reserved |",
        "|---|---|---|---|---|---|",
    ]
    for result in found["results"]:
        numbers = [result["predicted"]["peak"]]
        numbers += [result["measured"]["peak"], result["allocated"], result["reserved"]] if result in ran else []
        sizes = [f"{number / 2**20:,.1f} MiB" for number in numbers]
        if result not in ran:
            sizes += [f"out of memory (predicted: {result['verdict']})", "", ""]
        lines.append(f"| {result['architecture']} | {label(result)} | {' | '.join(sizes)} |")
    return "\n".join(lines) + "\n"


def spread(results: list[dict[str, Any]], error: str) -> str:
    errors = [100 * result[error] for result in results]
    middle = statistics.median(abs(value) for value in errors)
    return f"{min(errors):+.2f} % | {middle:.2f} % | {max(errors):+.2f} %"


if __name__ == "__main__":
    main()
