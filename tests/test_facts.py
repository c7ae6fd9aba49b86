"""What a tune leaves behind is everybody's: plain peft and plain transformers load it and compute the same."""

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from tiny import hashes, session_of
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from finetune_lab.config import Full, LoRA, QLoRA
from finetune_lab.methods import keep_trainable_form
from finetune_lab.tuning.answering import load_tuned
from finetune_lab.tuning.run import load_run, tune

pytest_plugins = "tiny_base"
IDS = torch.arange(5, 45).view(2, 20)
SUFFIXES = {".json", ".jsonl", ".safetensors", ".md", ".lock", ".jinja"}


def logits(model):
    model.eval()
    with torch.no_grad():
        return model(input_ids=IDS).logits


@pytest.mark.parametrize("method", [LoRA(r=4), LoRA(r=4, use_rslora=True, lora_dropout=0.1)], ids=["plain", "rslora"])
def test_an_adapter_loads_in_plain_peft_with_the_same_logits(base, settings, tmp_path, method):
    session, _ = session_of(method, settings, tmp_path / "run")
    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    untouched = logits(plain)
    theirs = logits(PeftModel.from_pretrained(plain, tmp_path / "run" / "adapter"))
    assert torch.equal(theirs, logits(session.trainer.model))
    assert (theirs - untouched).abs().max() > 1e-3


@pytest.mark.parametrize("kind", ["nf4", "fp4"])
def test_a_qlora_adapter_loads_in_plain_peft_with_the_same_logits(base, settings, tmp_path, kind):
    session, _ = session_of(QLoRA(r=4, bnb_4bit_quant_type=kind), settings, tmp_path / "run")
    bits = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type=kind, bnb_4bit_compute_dtype=torch.float32)
    plain = AutoModelForCausalLM.from_pretrained(
        base, dtype=torch.float32, quantization_config=bits, device_map={"": session.device.kind}
    )
    adapted = PeftModel.from_pretrained(plain, tmp_path / "run" / "adapter")
    keep_trainable_form(adapted)  # bitsandbytes would evaluate in bfloat16 on a CPU that has it
    torch.testing.assert_close(logits(adapted), logits(session.trainer.model), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("tied", [True, False])
def test_a_full_model_loads_in_plain_transformers_with_the_same_logits(settings, tmp_path, tied):
    from tiny import save_model, tiny_llama

    settings |= {"model": str(save_model(tmp_path / "base", tiny_llama(tie_word_embeddings=tied)))}
    session, _ = session_of(Full(), settings, tmp_path / "run")
    folder = tmp_path / "run" / "model"
    theirs, report = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert torch.equal(logits(theirs), logits(session.trainer.model))
    assert (theirs.lm_head.weight is theirs.model.embed_tokens.weight) == tied
    assert AutoTokenizer.from_pretrained(folder)("Record: ")["input_ids"] == session.tokenizer("Record: ")["input_ids"]


def test_an_adapter_holds_nothing_but_the_adapter(settings, tmp_path):
    for name, method in (("lora", LoRA(r=4)), ("qlora", QLoRA(r=4))):
        run = tune(method, out=tmp_path / name, **settings)
        tensors = load_file(run.artifact / "adapter_model.safetensors")
        assert len(tensors) == 28
        assert all("lora_A" in key or "lora_B" in key for key in tensors)
        assert sum(tensor.numel() for tensor in tensors.values()) == run.summary["trainable_parameters"]


@pytest.mark.parametrize("method", [Full(), LoRA(r=4), QLoRA(r=4)], ids=lambda method: method.name)
def test_there_is_no_pickle_in_a_run_folder(settings, tmp_path, method):
    run = tune(method, out=tmp_path / "run", **settings | {"save_steps": 2})
    files = [file for file in run.folder.rglob("*") if file.is_file()]
    assert len(files) >= 12
    assert {file.suffix or file.name for file in files} <= SUFFIXES
    for file in files:
        assert file.read_bytes()[:2] not in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), file


def test_tuning_leaves_the_base_on_disk_alone(base, settings, tmp_path):
    before = hashes(base)
    for method in (Full(), LoRA(r=2), QLoRA(r=2)):
        tune(method, out=tmp_path / method.name, **settings)
    assert len(before) == 5
    assert hashes(base) == before


def test_a_model_made_by_a_full_tune_is_a_base(settings, tmp_path):
    first = tune(Full(), out=tmp_path / "first", **settings)
    second = tune(LoRA(r=2), out=tmp_path / "second", **settings | {"model": str(first.artifact)})
    assert second.summary["eval_loss_before"] == pytest.approx(first.summary["eval_loss_after"], abs=1e-5)


@pytest.mark.parametrize("method", [Full(), LoRA(r=4), QLoRA(r=4), QLoRA(r=4, bits=8)], ids=lambda m: f"{m.name}")
def test_a_run_answers_with_what_it_trained(settings, tmp_path, method):
    settings |= {"learning_rate": 0.02, "max_steps": 6, "score_examples": 2}
    session, events = session_of(method, settings, tmp_path / "run")
    tuned = load_tuned(
        session.source, method, tmp_path / "run" / ("model" if method == Full() else "adapter"), session.device
    )
    torch.testing.assert_close(logits(tuned), logits(session.trainer.model), atol=1e-5, rtol=1e-5)
    assert events[-2].sample_answer


def test_generate_shows_the_base_beside_the_tuned_model(settings, tmp_path):
    tune(LoRA(r=4), out=tmp_path / "run", **settings | {"learning_rate": 0.05, "max_steps": 6})
    answers = load_run(tmp_path / "run").generate("Message: late\nRecord: ", max_new_tokens=6, compare_base=True)
    assert set(answers) == {"base", "tuned"}
    assert answers["base"] != answers["tuned"]
    assert load_run(tmp_path / "run").generate("word " * 2000, max_new_tokens=2) is not None  # longer than it can read
