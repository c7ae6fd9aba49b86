"""The small models that "go further" names, by their architecture with random weights: tuned by all three methods."""

import pytest
from tiny import save_model, write_rows

import finetune_lab as lab

SHAPE = {
    "vocab_size": 4096, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 256, "tie_word_embeddings": True, "bos_token_id": 0,
    "eos_token_id": 0, "pad_token_id": 1,
}  # fmt: skip


def smollm2():
    """HuggingFaceTB/SmolLM2-135M: a Llama with grouped queries and one matrix for both ends."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(LlamaConfig(**SHAPE, rope_theta=100_000.0))


def qwen3():
    """Qwen/Qwen3-0.6B-Base: a norm of its own for queries and keys, heads wider than the model divides into."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    return Qwen3ForCausalLM(Qwen3Config(**SHAPE, head_dim=32))


def gemma3():
    """google/gemma-3-270m: windows of attention, norms on both sides."""
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    return Gemma3ForCausalLM(Gemma3TextConfig(**SHAPE, head_dim=32))


@pytest.mark.parametrize("architecture", [smollm2, qwen3, gemma3])
def test_a_folder_of_this_architecture_is_tuned_by_all_three_methods(architecture, tmp_path):
    base = save_model(tmp_path / "base", architecture())
    rows = write_rows(tmp_path / "rows.jsonl")
    race = lab.compare(
        model=str(base), data=str(rows), max_steps=2, batch_size=4, max_length=64, eval_examples=2,
        score_examples=1, gradient_checkpointing=True, out=tmp_path / "race",
    )  # fmt: skip
    assert [run.status for run in race.runs] == ["finished"] * 3
    assert [run.summary["method"] for run in race.runs] == ["full", "lora", "qlora"]
    for run in race.runs:
        assert isinstance(run.generate("Message: hello\nRecord: ", max_new_tokens=2), str)
        memory = run.memory
        assert memory["predicted"]["base_weights"] == memory["measured"]["base_weights"]
        assert memory["predicted"]["optimizer"] == memory["measured"]["optimizer"]
