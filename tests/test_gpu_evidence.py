"""What was measured on a CUDA GPU, predicted again here without one: see benchmarks/gpu_memory.md."""

import json
from pathlib import Path

import pytest

from finetune_lab.config import method_from_dict
from finetune_lab.device import Device
from finetune_lab.events import MEMORY_COMPONENTS
from finetune_lab.memory.prediction import predict_components
from finetune_lab.memory.tracing import Shape

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
MEMORY = json.loads((BENCHMARKS / "gpu_memory.json").read_text(encoding="utf-8"))
EXACT = MEMORY_COMPONENTS[:5]


@pytest.mark.parametrize("architecture", ["Llama", "Qwen3", "Qwen2", "Gemma 3", "GPT-2", "GPT-NeoX"])
def test_a_gpu_needs_what_is_predicted_without_one(architecture, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    shapes = __import__("gpu_memory").ARCHITECTURES
    auto_config = __import__("transformers").AutoConfig
    mine = [result for result in MEMORY["results"] if result["architecture"] == architecture]
    assert len(mine) == 5, "full, LoRA, 4 bits, 4 bits with double quantization, 8 bits"
    for result in mine:
        config, method = auto_config.for_model(**shapes[architecture]), method_from_dict(result["method"])
        found = predict_components(config, method, Device(**MEMORY["device"]), Shape(**result["shape"]))
        measured = result["measured"]
        assert {name: found.components[name] for name in EXACT} == {name: measured[name] for name in EXACT}
        assert found.components["activations"] == pytest.approx(measured["activations"], rel=1e-4)
        assert found.peak == pytest.approx(measured["peak"], rel=3e-4)
        assert -0.05 < found.peak / result["allocated"] - 1 < 0.01, "the allocator's own part is small"


def test_tunes_on_a_gpu_held_what_was_planned():
    runs = json.loads((BENCHMARKS / "gpu_tunes.json").read_text(encoding="utf-8"))["runs"]
    assert [(run["model"], run["method"]) for run in runs] == [
        ("lab-base", "full"),
        ("lab-base", "lora"),
        ("lab-base", "qlora"),
        ("Llama-1B", "lora"),
        ("Llama-1B", "qlora"),
    ]
    for run in runs:
        predicted, measured = run["memory"]["predicted"], run["memory"]["measured"]
        assert predicted["peak"] == pytest.approx(measured["peak"], rel=1e-3)
        assert run["eval_loss_after"] < run["eval_loss_before"]
