"""Figures of published papers and result files, as exact arithmetic with this package's own functions."""

import pytest

from finetune_lab.config import QLoRA
from finetune_lab.memory.closed_form import adapter_weights, bits_per_weight
from finetune_lab.memory.known_models import find_config


def blocks(name: str) -> dict[str, list[tuple[int, int]]]:
    """(in, out) of the linear layers of all blocks of a Llama, in two groups, and its output layer."""
    config = find_config(name)
    hidden, inner = config.hidden_size, config.intermediate_size
    keys = config.num_key_value_heads * config.head_dim
    attention = [(hidden, hidden), (hidden, keys), (hidden, keys), (hidden, hidden)]
    mlp = [(hidden, inner), (hidden, inner), (inner, hidden)]
    layers = config.num_hidden_layers
    return {"attention": attention * layers, "mlp": mlp * layers, "output": [(hidden, config.vocab_size)]}


def test_qlora_stores_4_5_bits_and_4_127_with_double_quantization():
    """arXiv 2305.14314, section 3: 0.5 bit for the constants, 0.127 with double quantization."""
    assert bits_per_weight(QLoRA()) == 4.5
    assert bits_per_weight(QLoRA(bnb_4bit_use_double_quant=True)) == 4.126953125


def test_double_quantization_saves_3_gb_at_65b():
    """arXiv 2305.14314, section 3: 0.373 bit a parameter, about 3 GB for a 65B model."""
    saved = bits_per_weight(QLoRA()) - bits_per_weight(QLoRA(bnb_4bit_use_double_quant=True))
    assert saved == pytest.approx(0.373, abs=0.0005)
    assert 65e9 * saved / 8 / 1e9 == pytest.approx(3.03, abs=0.005)


@pytest.mark.parametrize(("rank", "published"), [(1, "4.7M"), (8, "37.7M")])
def test_lora_on_gpt3(rank, published):
    """arXiv 2106.09685, table 4: width 12,288, 96 layers, query and value."""
    assert f"{adapter_weights([(12288, 12288)] * 2 * 96, rank) / 1e6:.1f}M" == published


def test_lora_on_gpt3_takes_a_third_of_the_memory():
    """arXiv 2106.09685, section 4.2: 1.2 TB to 350 GB, a checkpoint of 350 GB to 35 MB at rank 4."""
    weights, adapter = 175e9, adapter_weights([(12288, 12288)] * 2 * 96, 4)
    assert 2 * weights == 350e9
    # in half precision a frozen model takes the 350 GB alone, whatever the adapter adds
    assert 2 * weights + 16 * adapter == pytest.approx(350e9, rel=0.001)
    assert 1.2e12 / weights == pytest.approx(6.86, abs=0.01)  # bytes a weight: no common recipe gives 7
    assert 2 * adapter / 2**20 == 36.0


@pytest.mark.parametrize(
    ("layers", "rank", "published"),
    [
        (["q", "v"], 32, 9_175_040),
        (["q", "v"], 64, 18_350_080),
        (["mlp"], 10, 9_461_760),
    ],
)
def test_pefts_own_benchmark_on_llama_3_2_3b(layers, rank, published):
    """PEFT, method_comparison/MetaMathQA: trainable parameters on Llama-3.2-3B."""
    found = blocks("llama-3.2-3b")
    chosen = (
        found["mlp"] if layers == ["mlp"] else [pair for at, pair in enumerate(found["attention"]) if at % 4 in (0, 2)]
    )
    assert adapter_weights(chosen, rank) == published


@pytest.mark.parametrize(
    ("groups", "rank", "published", "without_output"),
    [
        (["mlp"], 256, 0.49, 0.453),
        (["attention"], 256, 0.25, 0.218),
        (["attention", "mlp"], 256, 0.70, 0.671),
        (["mlp"], 128, 0.24, 0.226),
    ],
)
def test_lora_without_regret_counts_the_output_layer(groups, rank, published, without_output):
    """Schulman and others, 2025-09-29, on Llama-3.1-8B: the sizes match only with the output layer adapted."""
    found = blocks("llama-3.1-8b")
    chosen = [pair for group in groups for pair in found[group]]
    assert adapter_weights(chosen, rank) / 1e9 == pytest.approx(without_output, abs=0.001)
    assert adapter_weights(chosen + found["output"], rank) / 1e9 == pytest.approx(published, abs=0.0055)
