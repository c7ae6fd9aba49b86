"""The shipped data sets `tickets` and `tickets-messy`: what their cards promise, held against the files themselves."""

import json
import re
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

DATA = Path(__file__).resolve().parents[1] / "data"
COUNTS = {"train": 3000, "validation": 300, "test": 500}
Rows = list[dict[str, str]]


def rows_of(*parts: str) -> Rows:
    return [json.loads(line) for line in DATA.joinpath(*parts).read_text(encoding="utf-8").splitlines()]


def text_of(row: dict[str, str]) -> str:
    return row["prompt"].removeprefix("Message: ").removesuffix("\nRecord: ")


@pytest.fixture(scope="module")
def splits() -> dict[str, Rows]:
    return {split: rows_of("tickets", f"{split}.jsonl") for split in COUNTS}


@pytest.fixture(scope="module")
def messy() -> Rows:
    return rows_of("tickets-messy", "train.jsonl")


@pytest.fixture(scope="module")
def build() -> dict[str, ModuleType]:
    """The scripts of data/build, imported as they import each other."""
    sys.path.insert(0, str(DATA / "build"))
    try:
        names = ("make_tickets", "ticket_faults", "ticket_parts", "ticket_records", "ticket_text", "ticket_words")
        return {name: __import__(name) for name in names}
    finally:
        sys.path.remove(str(DATA / "build"))


def phrases_of(build: dict[str, ModuleType]) -> dict[str, Any]:
    parts = build["ticket_parts"]
    groups = [*parts.CORE_PHRASES.values(), *parts.PARTS.values()]
    return {phrase.key: phrase for group in groups for phrase in group}


def test_counts_and_prompts(splits: dict[str, Rows]) -> None:
    assert {split: len(rows) for split, rows in splits.items()} == COUNTS
    for row in (row for rows in splits.values() for row in rows):
        assert row["prompt"].startswith("Message: ")
        assert row["prompt"].endswith("\nRecord: ")
        assert "Record:" not in text_of(row)
        assert set(row) == {"prompt", "completion", "instance"}
        assert 1 <= len(text_of(row).split()) <= 110


def test_no_message_and_no_instance_twice_in_any_split(splits: dict[str, Rows], build: dict[str, ModuleType]) -> None:
    bare_text = build["make_tickets"].bare_text
    rows = [row for split in splits.values() for row in split]
    assert len({bare_text(text_of(row)) for row in rows}) == len(rows) == 3800
    assert len({row["instance"] for row in rows}) == 3800


def test_records_follow_from_what_the_phrasings_tell(splits: dict[str, Rows], build: dict[str, ModuleType]) -> None:
    """Facts are read off the instance (which cue was used, which slots were filled) and the rules applied to them."""
    records, cores = build["ticket_records"], build["ticket_parts"].CORE_PHRASES
    intents = {phrase.key: intent for intent, phrases in cores.items() for phrase in phrases}
    seen = 0
    for row in (row for rows in splits.values() for row in rows):
        keys, product, order_id = row["instance"].split("|")
        letters = {key[0] for key in keys.split()}
        (intent,) = (intents[key] for key in keys.split() if key in intents)
        facts = records.Facts(
            intent=intent,
            urgency="high" if letters & {"H", "X"} else "low" if "L" in letters else "normal",
            product=product or None,
            order_id=order_id or None,
            shipped="P" in letters,
            wish="refund" if "F" in letters else "replacement" if "R" in letters else "none",
            second_time=bool(letters & {"S", "X"}),
        )
        assert row["completion"] == records.record(facts), row
        seen += 1
    assert seen == 3800


def test_messages_name_their_order_and_no_other_without_saying_so(
    splits: dict[str, Rows], build: dict[str, ModuleType]
) -> None:
    phrases = phrases_of(build)
    with_number = 0
    for row in (row for rows in splits.values() for row in rows):
        order_id = json.loads(row["completion"])["order_id"]
        found = {f"{m[1].upper()}-{m[2]}" for m in re.finditer(r"\b([a-z])[- ]?(\d{5})\b", text_of(row), re.IGNORECASE)}
        others = any("other_id" in phrases[key].slots for key in row["instance"].split("|")[0].split())
        assert len(found) == (order_id is not None) + others, row
        assert order_id is None or order_id in found, row
        with_number += order_id is not None
    assert with_number > 2000


def test_messages_name_their_product_and_no_other_without_saying_so(
    splits: dict[str, Rows], build: dict[str, ModuleType]
) -> None:
    phrases, products = phrases_of(build), build["ticket_records"].PRODUCTS
    misspelt = named = 0
    for row in (row for rows in splits.values() for row in rows):
        product = json.loads(row["completion"])["product"]
        found = {name for name in products if name in text_of(row).lower()}
        slots = [phrases[key].slots for key in row["instance"].split("|")[0].split()]
        assert any("product" in slot for slot in slots) == (product is not None), row
        others = any(slot & {"other", "a_other"} for slot in slots)
        assert others or found <= {product}, row
        named += product is not None
        misspelt += product is not None and product not in found
    assert named > 2000
    assert 0 < misspelt < 0.06 * named


def test_every_intent_and_every_action_in_each_split(splits: dict[str, Rows], build: dict[str, ModuleType]) -> None:
    actions = set(build["ticket_faults"].ACTIONS)
    for rows in splits.values():
        records = [json.loads(row["completion"]) for row in rows]
        intents = Counter(record["intent"] for record in records)
        assert set(intents) == set(build["ticket_records"].INTENTS)
        assert max(intents.values()) - min(intents.values()) <= 1
        assert {record["next_action"] for record in records} == actions


def test_reserved_phrasings_are_never_in_train(
    splits: dict[str, Rows], messy: Rows, build: dict[str, ModuleType]
) -> None:
    cores = build["ticket_parts"].CORE_PHRASES
    for phrases in cores.values():
        assert len(phrases) >= 12
        assert 0.15 <= sum(phrase.reserved for phrase in phrases) / len(phrases) <= 0.25
    reserved = {phrase.key for phrases in cores.values() for phrase in phrases if phrase.reserved}
    used = {split: sum(bool(reserved & set(row["instance"].split("|")[0].split())) for row in rows)
            for split, rows in {**splits, "messy": messy}.items()}  # fmt: skip
    assert used["train"] == used["messy"] == 0
    assert 0.4 < used["test"] / 500 < 0.6
    assert 0.4 < used["validation"] / 300 < 0.6


def test_phrasings_suit_every_voice_and_name_no_product(build: dict[str, ModuleType]) -> None:
    parts, records, words = build["ticket_parts"], build["ticket_records"], build["ticket_words"]
    phrases = phrases_of(build)
    assert len(phrases) > 500
    assert len({phrase.text for phrases in parts.CORE_PHRASES.values() for phrase in phrases}) == len(
        [phrase for phrases in parts.CORE_PHRASES.values() for phrase in phrases]
    )
    for phrase in phrases.values():
        assert not any(re.search(rf"\b{name}\b", phrase.text.lower()) for name in records.PRODUCTS), phrase
    cues = ("high", "low", "second", "second_and_high", "shipped", "not_shipped", "refund", "replacement", "no_wish")
    for intent in records.INTENTS:
        free = [phrase for phrase in parts.CORE_PHRASES[intent] if not phrase.slots & {"product", "order", "a_other"}]
        assert {phrase.reserved for phrase in free} == {True, False}, intent
        for voice in parts.VOICES:
            assert all(parts.suited(cue, intent, voice) for cue in cues), (intent, voice)
            assert all(parts.most_specific(f"{slot}_{place}", intent, voice)
                       for slot in ("product", "order") for place in ("before", "after"))  # fmt: skip
    assert words.with_article("oak bookshelf") == "an oak bookshelf"


def test_faults_have_their_stated_rates(messy: Rows, build: dict[str, ModuleType]) -> None:
    rates = build["ticket_faults"].RATES
    counted = Counter(row["fault"] for row in messy)
    assert set(counted) == {*rates, "none"}
    assert len(messy) == 3000
    for fault, rate in rates.items():
        assert abs(counted[fault] / len(messy) - rate) < 0.015, fault


def test_faulty_rows_have_the_fault_they_name(splits: dict[str, Rows], messy: Rows) -> None:
    clean = {row["instance"]: row for row in splits["train"]}
    rows_by_instance = Counter(
        (row["prompt"], row["completion"]) for row in messy if row["fault"] in ("none", "duplicate")
    )
    prompts = {row["prompt"] for row in messy if row["fault"] == "none"}
    for row in messy:
        right = clean[row["instance"]]
        same = (row["prompt"] == right["prompt"], row["completion"] == right["completion"])
        match row["fault"]:
            case "none":
                assert same == (True, True)
                assert row["fault_detail"] == ""
            case "duplicate":
                assert same == (True, True)
                assert rows_by_instance[row["prompt"], row["completion"]] == 2
            case "contradiction":
                assert same == (True, False)
                assert row["prompt"] in prompts
            case "wrong_label":
                answer, wanted = json.loads(row["completion"]), json.loads(right["completion"])
                (field,) = (name for name in wanted if answer[name] != wanted[name])
                assert same[0]
                assert row["fault_detail"] == f"{field} should be {wanted[field] or 'null'}"
            case "truncated":
                cut = {
                    "message cut": (text_of(row), text_of(right)),
                    "record cut": (row["completion"], right["completion"]),
                }
                short, whole = cut[row["fault_detail"]]
                assert whole.startswith(short)
                assert len(short) < len(whole)
            case _:
                assert same == (True, False)


def test_files_are_what_the_script_builds(build: dict[str, ModuleType]) -> None:
    make_tickets = build["make_tickets"]
    files = make_tickets.built(0)
    assert sum(map(len, files.values())) == 6800
    assert len(files) == 4
    assert make_tickets.differences(files) == []
    assert all(path.stat().st_size <= 1_300_000 for path in files)


def test_cards_state_the_counted_faults(messy: Rows) -> None:
    card = (DATA / "tickets-messy" / "README.md").read_text(encoding="utf-8")
    stated = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", card, re.MULTILINE))
    assert {fault: int(count) for fault, count in stated.items()} == Counter(row["fault"] for row in messy)


def test_domain_text_is_apart_from_the_data(splits: dict[str, Rows], build: dict[str, ModuleType]) -> None:
    bare_text = build["make_tickets"].bare_text
    texts = build["ticket_text"].domain_text(1)
    assert len(texts) == len(set(texts)) == 26_000
    assert not any("Record:" in text or "{" in text for text in texts)
    shipped = {bare_text(text_of(row)) for rows in splits.values() for row in rows}
    assert len(shipped) == 3800
    assert shipped.isdisjoint(map(bare_text, texts))
