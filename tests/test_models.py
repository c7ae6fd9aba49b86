"""Base models that can't be found, trusted or used: one clear line each, at once, and nothing random in their place."""

import json
import shutil
import socket
import threading
import time

import httpx2
import pytest
import torch
from huggingface_hub import constants
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
from tiny import DATA, one_line, save_model, save_tokenizer, tiny_llama

from finetune_lab import models
from finetune_lab.errors import ModelError
from finetune_lab.models import find_base, hub, load_config, load_model, load_tokenizer, longest_context, weights_hash

pytest_plugins = "tiny_base"
CPU = torch.device("cpu")


def loaded(name):
    source = find_base(str(name))
    load_tokenizer(source)
    longest_context(source)
    return load_model(source, CPU, torch.float32)


def refused(name):
    with pytest.raises(ModelError) as caught:
        loaded(name)
    return one_line(caught.value)


@pytest.fixture
def copy(base, tmp_path):
    return shutil.copytree(base, tmp_path / "copy")


def change_config(folder, **changes):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_a_local_folder_loads_frozen_in_the_type_asked_for(base):
    model = loaded(base)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert longest_context(find_base(str(base))) == 256


def test_lab_base_is_what_was_published():
    source = find_base("lab-base")
    assert source.sha256 == json.loads((DATA / "lab-base" / "sha256.json").read_text())["model.safetensors"]
    assert "as published" in source.reason


def test_a_changed_lab_base_is_refused(tmp_path, monkeypatch):
    copied = shutil.copytree(DATA / "lab-base", tmp_path / "data" / "lab-base")
    monkeypatch.setattr(models, "shipped", tmp_path.joinpath)
    assert find_base("lab-base").sha256
    weights = bytearray((copied / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copied / "model.safetensors").write_bytes(weights)
    assert "was changed" in refused("lab-base")
    (copied / "model.safetensors").unlink()
    assert "has no weights" in refused("lab-base")


def test_a_folder_lacking_a_part_is_told_which(copy):
    (copy / "tokenizer.json").unlink()
    assert "has no tokenizer" in refused(copy)
    (copy / "model.safetensors").unlink()
    assert "has no weights in safetensors." in refused(copy)
    (copy / "config.json").unlink()
    assert "has no config.json" in refused(copy)


class Trap:
    """Leaves a file when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (open, (self.mark, "w"))


def test_a_pickle_is_never_opened(copy, tmp_path):
    (copy / "model.safetensors").unlink()
    torch.save({"model.embed_tokens.weight": Trap(str(tmp_path / "opened"))}, copy / "pytorch_model.bin")
    text = refused(copy)
    assert "only the pickle pytorch_model.bin" in text
    assert not (tmp_path / "opened").exists()


def test_code_that_comes_with_a_model_is_never_run_nor_asked_about(copy, tmp_path, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("it asked"))
    change_config(copy, model_type="own", auto_map={"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"})
    (copy / "own.py").write_text(f"open({str(tmp_path / 'opened')!r}, 'w')")
    assert "custom code" in refused(copy)
    assert not (tmp_path / "opened").exists()


def test_weights_that_are_missing_are_not_made_up(copy):
    change_config(copy, num_hidden_layers=3)
    assert "lacks 9 weights of a LlamaForCausalLM, such as model.layers.2." in refused(copy)


@pytest.mark.parametrize("fault", ["cut", "noise", "empty"])
def test_broken_weights_are_told(copy, fault):
    file = copy / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes({"cut": whole[:5000], "noise": b"\xff" * 5000, "empty": b""}[fault])
    assert "The model of" in refused(copy)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"model_type": "nothing-known"}', '{"model_type": 5}'])
def test_a_broken_configuration_is_told(copy, text):
    (copy / "config.json").write_text(text)
    refused(copy)


def test_weights_of_another_width_are_told(copy):
    change_config(copy, hidden_size=32)
    assert "The model of" in refused(copy)


def test_encoders_and_encoder_decoders_are_no_causal_models(tmp_path):
    from transformers import BartConfig, BertConfig, BertForMaskedLM, BertModel, T5Config, T5ForConditionalGeneration

    bert = BertConfig(vocab_size=4096, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    t5 = T5Config(vocab_size=4096, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    for name, model in (("a", BertModel(bert)), ("b", BertForMaskedLM(bert)), ("c", T5ForConditionalGeneration(t5))):
        assert "not a causal language model" in refused(save_model(tmp_path / name, model)), name
    folder = save_tokenizer(tmp_path / "bart")
    BartConfig(vocab_size=4096, d_model=16, encoder_layers=1, decoder_layers=1).save_pretrained(folder)
    tiny_llama().save_pretrained(tmp_path / "llama")
    shutil.copy(tmp_path / "llama" / "model.safetensors", folder)
    assert "bart model, not a causal" in refused(folder)


def test_a_head_that_is_not_for_text_is_no_causal_model(tmp_path):
    from transformers import LlamaConfig, LlamaForSequenceClassification

    shape = tiny_llama(tie_word_embeddings=False).config.to_dict() | {"architectures": None}
    model = LlamaForSequenceClassification(LlamaConfig(**shape))
    assert "such as lm_head.weight" in refused(save_model(tmp_path / "classes", model))


def test_a_tokenizer_without_an_end_is_told(copy):
    file = copy / "tokenizer_config.json"
    kept = {name: value for name, value in json.loads(file.read_text()).items() if name != "eos_token"}
    file.write_text(json.dumps(kept))
    assert "no end-of-text token" in refused(copy)


@pytest.mark.parametrize("text", ["{", "{}", "[]"])
def test_a_broken_tokenizer_is_told(copy, text):
    (copy / "tokenizer.json").write_text(text)
    assert "The tokenizer of" in refused(copy)


ABSURD = [
    "", " ", "\n", "a" * 5000, "a/b/c", "..", "/", "~nobody/x", "x\0y", "-", "--", "../nothing", "Ünï/模型",
    "C:\\models\\x", "a b", "https://huggingface.co/gpt2", "./lab-base", "a//b",
    "/dev/null", "model\r\nname", "%s%s", "a/" + "b" * 200,
]  # fmt: skip


@pytest.mark.parametrize("name", ABSURD, ids=lambda name: repr(name)[:20])
def test_an_absurd_name_is_one_line(name):
    assert "\r" not in refused(name)


def test_the_hash_is_of_all_weights_in_order(base, tmp_path):
    import hashlib

    (tmp_path / "b.safetensors").write_bytes(b"two")
    (tmp_path / "a.safetensors").write_bytes(b"one")
    assert weights_hash(tmp_path) == hashlib.sha256(b"onetwo").hexdigest()
    assert weights_hash(base) == hashlib.sha256((base / "model.safetensors").read_bytes()).hexdigest()


def test_offline_a_name_of_the_hub_fails_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    started = time.monotonic()
    assert "was not downloaded before, and the hub can't be reached" in refused("some/model")
    assert time.monotonic() - started < 2


def test_what_was_downloaded_before_serves_offline(base, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    stored, commit = tmp_path / "models--some--model", "0" * 40
    (stored / "refs").mkdir(parents=True)
    (stored / "refs" / "main").write_text(commit)
    shutil.copytree(base, stored / "snapshots" / commit)
    source = find_base("some/model")
    assert source.sha256 == weights_hash(base)
    assert source.reason == "downloaded before; the hub can't be reached"
    model = load_model(source, CPU, torch.float32)
    assert model.name_or_path == "some/model"  # what an adapter's configuration will name: it holds elsewhere too
    assert load_config(source).model_type == "llama"


@pytest.fixture
def hub_that_never_answers(monkeypatch):
    server = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
    yield
    server.close()


def test_a_hub_that_does_not_answer_is_given_up_soon(hub_that_never_answers, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub, "HUB_SECONDS", 0.3)
    started = time.monotonic()
    assert "the hub can't be reached (T" in refused("some/model")  # TimeoutError or the library's own
    assert time.monotonic() - started < 3
    assert threading.active_count() < 20


def test_no_wait_for_the_hub_is_longer_than_ten_seconds():
    assert hub.HUB_SECONDS <= 10


def hub_error(kind, status):
    request = httpx2.Request("GET", "http://hub.test/some/model")
    return kind("the hub's own\nmany lines", response=httpx2.Response(status, request=request))


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (hub_error(GatedRepoError, 403), "is gated"),
        (hub_error(RepositoryNotFoundError, 404), "has no model 'some/model'"),
        (hub_error(HfHubHTTPError, 503), "can't be reached (HfHubHTTPError)"),
        (httpx2.ConnectError("refused"), "can't be reached (ConnectError)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_of_the_hub_are_told_apart(error, says, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("finetune_lab.models.hub.HfApi.model_info", fail)
    assert says in refused("some/model")


def test_loading_leaves_the_progress_bars_as_they_were(base, capfd):
    from transformers.utils import logging

    before = logging.is_progress_bar_enabled(), logging.get_verbosity()
    loaded(base)
    assert (logging.is_progress_bar_enabled(), logging.get_verbosity()) == before
    assert capfd.readouterr().err == ""
