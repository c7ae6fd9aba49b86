"""Batches: what is trained on, in which order, and that the labelled positions give the loss that everyone computes."""

import itertools

import pytest
import torch
from tiny import one_line, tiny_llama

from finetune_lab.batches import collate, encode, endless_batches, order
from finetune_lab.config import TuneConfig
from finetune_lab.data import Example, load_data
from finetune_lab.errors import DataError
from finetune_lab.labelled import summed_loss
from finetune_lab.models import find_base, load_tokenizer
from finetune_lab.tuning.evaluation import evaluation_loss

pytest_plugins = "tiny_base"


@pytest.fixture(scope="module")
def tokenizer(base):
    return load_tokenizer(find_base(str(base)))


@pytest.fixture(scope="module")
def encoded(tokenizer, rows):
    return encode(tokenizer, load_data(TuneConfig(data=str(rows))).train, 64)


def test_an_example_is_prompt_completion_and_end(tokenizer):
    (one,) = encode(tokenizer, [Example("Message: late\nRecord: ", '{"a": 1}')], 64)
    assert tokenizer.decode(one.ids) == 'Message: late\nRecord: {"a": 1}' + tokenizer.eos_token
    assert tokenizer.decode(one.ids[one.start :]) == '{"a": 1}' + tokenizer.eos_token
    assert one.cut == 0


def test_a_long_prompt_loses_its_start_only(tokenizer):
    long = Example("first " * 50 + "last", "answer")
    (one,) = encode(tokenizer, [long], 16)
    assert len(one.ids) == 16
    assert one.cut > 0
    assert tokenizer.decode(one.ids).endswith(f"first lastanswer{tokenizer.eos_token}")
    whole = tokenizer(long.prompt)["input_ids"]
    assert one.start + one.cut == len(whole)


def test_completions_too_long_are_all_listed(tokenizer):
    texts = [Example("p", "word " * count) for count in (1, 40, 2, 50)]
    with pytest.raises(DataError) as caught:
        encode(tokenizer, texts, 16)
    assert "2 completions do not fit into max_length 16 tokens: examples 2, 4." in one_line(caught.value)


def test_every_epoch_has_every_example_once_and_its_own_order(encoded):
    lengths = [len(example.ids) for example in encoded]
    epochs = [order(lengths, 5, seed=3, epoch=epoch) for epoch in range(3)]
    for batches in epochs:
        assert sorted(itertools.chain(*batches)) == list(range(len(lengths)))
        assert [len(batch) for batch in batches].count(5) == len(lengths) // 5
    assert epochs[0] != epochs[1] != epochs[2]
    assert epochs[0] == order(lengths, 5, seed=3, epoch=0) != order(lengths, 5, seed=4, epoch=0)


def test_skipping_is_the_same_as_having_done(encoded):
    endless = endless_batches(encoded, 4, 1, seed=0)
    done = [next(endless).input_ids for _ in range(20)]  # more than three epochs
    for skip in (0, 1, 7, 19):
        later = next(endless_batches(encoded, 4, 1, seed=0, skip=skip))
        assert torch.equal(later.input_ids, done[skip])


def reference_loss(model, batch, examples):
    """The loss as transformers computes it: labels of -100 where nothing is learned."""
    labels = torch.full_like(batch.input_ids, -100)
    attention = torch.zeros_like(batch.input_ids)
    for row, example in enumerate(examples):
        labels[row, example.start : len(example.ids)] = torch.tensor(example.ids[example.start :])
        attention[row, : len(example.ids)] = 1
    return model(input_ids=batch.input_ids, attention_mask=attention, labels=labels).loss


def test_the_loss_over_labelled_positions_is_the_one_of_transformers(encoded):
    model = tiny_llama()
    examples = sorted(encoded, key=lambda example: len(example.ids))[::3]  # of different lengths: there is padding
    batch = collate(examples, 1)
    assert batch.tokens == sum(len(example.ids) for example in examples) < batch.input_ids.numel()
    mine = summed_loss(model, batch) / len(batch.targets)
    theirs = reference_loss(model, batch, examples)
    assert mine.item() == pytest.approx(theirs.item(), abs=1e-5)
    mine.backward()
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    theirs.backward()
    assert len(gradients) == 20
    for own, parameter in zip(gradients, model.parameters(), strict=True):
        torch.testing.assert_close(own, parameter.grad, atol=1e-6, rtol=1e-4)


def test_the_output_layer_is_left_as_it_was(encoded):
    model = tiny_llama()
    summed_loss(model, collate(encoded[:2], 1))
    assert model(input_ids=torch.tensor([[5, 6, 7]])).logits.shape == (1, 3, 4096)


def test_the_evaluation_loss_is_the_mean_over_all_labelled_tokens(encoded):
    model = tiny_llama().train()
    some = encoded[:20]  # more than one batch of evaluation
    sums = [summed_loss(model, collate([example], 1)).item() for example in some]
    counts = [len(example.ids) - example.start for example in some]
    assert evaluation_loss(model, some, 1) == pytest.approx(sum(sums) / sum(counts), abs=1e-5)
    assert model.training
