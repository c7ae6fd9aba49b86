"""The adapters that come with the package: they load in plain PEFT, answer far better than the base, and are small."""

import json
import random
import re

import pytest
from make_adapters import DATA_SETS, messages
from safetensors import safe_open
from ship_adapter import EXAMPLES
from tiny import DATA

from finetune_lab.adapters.card import read_card
from finetune_lab.adapters.shipping import shipped_adapters
from finetune_lab.config import TuneConfig
from finetune_lab.data import load_data
from finetune_lab.data.customers import CUSTOMERS, answered, digest
from finetune_lab.models import find_base
from finetune_lab.scoring import headline, score

ADAPTERS = DATA / "adapters"
LARGEST = 500_000  # bytes of one folder: the weights in half precision are 473,088
MARGIN = 0.5  # how much more of a held-out answer an adapter gets right than the base does, of 1
HELD_OUT = 16
MESSAGE = "Message: deliver order M-50052 elsewhere pls - tracking says dispatched\nRecord: "
each = pytest.mark.parametrize("name", sorted(DATA_SETS))


@pytest.fixture(scope="module")
def train():
    """What all three were tuned on, with the records of `tickets`."""
    return messages(0)


@pytest.fixture(scope="module")
def answers():
    """Greedy answers by transformers and PEFT alone: by the base (None) and by each adapter, to prompts."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(DATA / "lab-base")
    base = AutoModelForCausalLM.from_pretrained(DATA / "lab-base", dtype="float32")
    first, *others = sorted(DATA_SETS)
    model = PeftModel.from_pretrained(base, str(ADAPTERS / first), adapter_name=first).eval()
    for name in others:
        model.load_adapter(str(ADAPTERS / name), adapter_name=name)

    def answer(name, prompts):
        inputs = tokenizer(prompts, padding=True, padding_side="left", return_tensors="pt")
        options = {"max_new_tokens": 64, "do_sample": False, "pad_token_id": tokenizer.pad_token_id}
        if name is None:
            with model.disable_adapter():
                made = model.generate(**inputs, **options)
        else:
            model.set_adapter(name)
            made = model.generate(**inputs, **options)
        return tokenizer.batch_decode(made[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)

    return answer


def test_they_are_the_three_customers_of_the_help_desk():
    assert sorted(path.name for path in ADAPTERS.iterdir() if path.is_dir()) == sorted(DATA_SETS)
    assert sorted(shipped_adapters(find_base("lab-base"))) == sorted(DATA_SETS)
    assert len(DATA_SETS) == 3


@each
def test_it_beats_the_base_by_far_on_held_out_messages(name, answers):
    held_out = random.Random(1).sample(load_data(TuneConfig(data=DATA_SETS[name])).test, HELD_OUT)
    prompts, expected = [one.prompt for one in held_out], [one.completion for one in held_out]
    base, adapter = (headline(score(answers(who, prompts), expected))[1] for who in (None, name))
    assert adapter > base + MARGIN, (base, adapter)


def test_one_message_has_three_answers_of_three_forms(answers):
    found = {name: answers(name, [MESSAGE])[0] for name in DATA_SETS}
    assert set(json.loads(found["billing"])) == {"case", "order", "money", "due"}
    assert [line.partition(":")[0] for line in found["logistics"].splitlines()] == [
        "ACTION", "ORDER", "ITEM", "PRIORITY"
    ]  # fmt: skip
    assert re.fullmatch(r"[A-Z][^{}]+\. [A-Z][^{}]+[.?]", found["support-desk"])


@each
def test_its_card_tells_what_it_is(name, train):
    card = read_card(ADAPTERS / name)
    assert (card.name, card.base, card.data, card.status) == (name, "lab-base", DATA_SETS[name], "finished")
    assert card.base_sha256 == find_base("lab-base").sha256
    assert card.data_sha256 == digest(answered(train, DATA_SETS[name])), "the script builds other data"
    assert headline(dict(card.scores_after))[1] > headline(dict(card.scores_before))[1] + MARGIN
    assert str(EXAMPLES) in str(card.description)
    weights = ADAPTERS / name / "adapter_model.safetensors"
    assert card.artifact_bytes == weights.stat().st_size + (ADAPTERS / name / "adapter_config.json").stat().st_size


@each
def test_it_is_small_and_of_no_machine(name):
    files = sorted((ADAPTERS / name).iterdir())
    assert [file.name for file in files] == [
        "README.md", "adapter_config.json", "adapter_model.safetensors", "card.json"
    ]  # fmt: skip
    assert sum(file.stat().st_size for file in files) < LARGEST
    config = json.loads((ADAPTERS / name / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["base_model_name_or_path"] == "lab-base"
    for file in (file for file in files if file.suffix != ".safetensors"):
        assert not re.search(r"(?<![\w.:/])/[a-z]+/|[A-Z]:\\\\|file:", file.read_text(encoding="utf-8")), file
    with safe_open(ADAPTERS / name / "adapter_model.safetensors", "pt") as tensors:
        assert tensors.metadata() == {"format": "pt"}
        assert {tensors.get_slice(key).get_dtype() for key in tensors.keys()} == {"F16"}  # noqa: SIM118


def test_training_and_held_out_messages_have_nothing_in_common(train):
    tickets = load_data(TuneConfig(data="tickets"))
    trained = {"".join(filter(str.isalnum, one.prompt.lower())) for one in train}
    held_out = {"".join(filter(str.isalnum, one.prompt.lower())) for one in (*tickets.validation, *tickets.test)}
    assert len(trained) == len(train) == 12_000
    assert len(held_out) == 800
    assert not trained & held_out
    assert {one.prompt for one in tickets.train} <= {one.prompt for one in train}


@pytest.mark.parametrize("data", sorted(CUSTOMERS))
def test_a_customers_data_set_is_tickets_with_other_answers(data):
    tickets, customer = (load_data(TuneConfig(data=name)) for name in ("tickets", data))
    for part in ("train", "validation", "test"):
        ours, theirs = getattr(tickets, part), getattr(customer, part)
        assert [one.prompt for one in ours] == [one.prompt for one in theirs]
        assert not {one.completion for one in ours} & {one.completion for one in theirs}
    assert customer.sha256 != tickets.sha256
    scores = score([one.completion for one in customer.test], [one.completion for one in customer.test])
    assert headline(scores)[1] == 1.0
    assert next(iter(scores)) == {"billing": "valid_json", "logistics": "valid_lines"}.get(
        data.removeprefix("tickets-"), "exact"
    )


def test_every_record_has_an_answer_for_every_customer(train):
    """The rules leave no case out, and no answer says None."""
    for data in CUSTOMERS:
        found = {one.completion for one in answered(train, data)}
        assert len(found) > 1000
        assert not any("None" in answer or "{}" in answer for answer in found)
