"""What a ticket record can say: the vocabulary of `tickets` and the rules from facts to `next_action`.

A record is the answer that a model has to write for a customer's message:

    {"intent": "damaged_item", "urgency": "high", "product": "desk lamp", "order_id": "A-48213",
     "next_action": "send_replacement"}

Five fields, of rising difficulty: `intent` is one of 14; `urgency` follows from cues such as a date or "no rush";
`product` and `order_id` are copied from the message (the number in one canonical form, whatever the customer typed)
or null; `next_action` follows from several facts at once, so that a model has to weigh the whole message.
"""

import json
import random
from dataclasses import asdict, dataclass
from typing import Literal

Urgency = Literal["low", "normal", "high"]
Wish = Literal["refund", "replacement", "none"]

INTENTS = (
    "track_delivery", "change_address", "missing_item", "damaged_item", "wrong_item", "cancel_order", "return_item",
    "refund_status", "invoice_copy", "invoice_error", "payment_failed", "double_charge", "login_problem",
    "close_account",
)  # fmt: skip
URGENCIES: tuple[Urgency, ...] = ("low", "normal", "high")
PRODUCTS = (
    "desk lamp", "floor lamp", "office chair", "bar stool", "coffee table", "oak bookshelf", "shoe rack", "wall clock",
    "picture frame", "door mat", "bath towel", "shower curtain", "duvet cover", "feather pillow", "wool blanket",
    "rice cooker", "coffee grinder", "water kettle", "toaster", "hand mixer", "frying pan", "chef knife", "salad bowl",
    "lunch box", "travel mug", "garden hose", "hedge trimmer", "plant pot", "bird feeder", "camping tent",
    "sleeping bag", "hiking boots", "rain jacket", "running shoes", "yoga mat", "bike helmet", "cycling gloves",
    "tennis racket", "board game", "jigsaw puzzle", "baby monitor", "car seat", "school bag", "phone case",
    "laptop sleeve", "wireless mouse", "keyboard", "headphones", "bluetooth speaker", "power bank", "webcam",
    "label printer", "paper shredder", "air purifier", "space heater", "ceiling fan", "smoke detector", "tool box",
    "cordless drill", "paint roller",
)  # fmt: skip
ORDER_LETTERS = "ABCDEHKMPRTX"


@dataclass(frozen=True)
class Facts:
    """What is true of a ticket; the message tells it, the record answers it."""

    intent: str
    urgency: Urgency
    product: str | None
    order_id: str | None
    shipped: bool  # the parcel is already on its way (cancel_order, change_address)
    wish: Wish  # what the customer asks for (missing_item, damaged_item, wrong_item)
    second_time: bool  # has written about it before


def order_number(random_: random.Random) -> str:
    return f"{random_.choice(ORDER_LETTERS)}-{random_.randrange(10000, 100000)}"


def next_action(facts: Facts) -> str:
    """The one next step, by the help desk's rules: a second complaint goes to a person, an order needs its number."""
    about_an_order = facts.intent not in ("login_problem", "close_account", "payment_failed")
    if facts.second_time and facts.urgency == "high":
        return "escalate"
    if about_an_order and facts.order_id is None:
        return "ask_order_id"
    match facts.intent:
        case "track_delivery":
            return "call_carrier" if facts.urgency == "high" else "send_tracking"
        case "change_address":
            return "redirect_parcel" if facts.shipped else "update_address"
        case "cancel_order":
            return "send_return_label" if facts.shipped else "cancel_order"
        case "missing_item" | "damaged_item" | "wrong_item":
            return {"refund": "issue_refund", "replacement": "send_replacement", "none": "ask_wish"}[facts.wish]
        case "return_item":
            return "send_return_label"
        case "refund_status":
            return "escalate" if facts.second_time else "check_refund"
        case "invoice_copy":
            return "send_invoice"
        case "invoice_error":
            return "correct_invoice"
        case "payment_failed":
            return "send_payment_link" if facts.order_id else "ask_order_id"
        case "double_charge":
            return "issue_refund"
        case "login_problem":
            return "call_customer" if facts.urgency == "high" else "reset_password"
        case "close_account":
            return "close_account"
    raise ValueError(f"no rule for the intent {facts.intent!r}")


def random_facts(random_: random.Random) -> Facts:
    intent = random_.choice(INTENTS)
    account = intent in ("login_problem", "close_account")
    return Facts(
        intent=intent,
        urgency=random_.choices(URGENCIES, (2, 5, 3))[0],
        product=None if random_.random() < (0.9 if account else 0.2) else random_.choice(PRODUCTS),
        order_id=None if random_.random() < (0.85 if account else 0.25) else order_number(random_),
        shipped=random_.random() < 0.4,
        wish=random_.choice(("refund", "replacement", "none")),
        second_time=random_.random() < 0.25,
    )


def record(facts: Facts) -> str:
    """The record as one line of JSON, keys in the fixed order."""
    fields = asdict(facts)
    answer = {name: fields[name] for name in ("intent", "urgency", "product", "order_id")}
    return json.dumps({**answer, "next_action": next_action(facts)})


def random_records(seed: int, count: int) -> list[str]:
    """Records of random facts, for the tokenizer: no message belongs to them."""
    random_ = random.Random(seed)
    return [record(random_facts(random_)) for _ in range(count)]


def record_pages(seed: int, pages: int, each: int = 8) -> list[str]:
    """Pages of random records, one a line, for pretraining: what a record looks like, without any message."""
    records = random_records(seed, pages * each)
    return ["\n".join(records[at : at + each]) for at in range(0, len(records), each)]
