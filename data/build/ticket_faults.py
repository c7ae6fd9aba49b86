"""The faults of `tickets-messy`: what goes wrong in data that people collect, each at a stated rate and written down.

A faulty row says its kind in `fault` and what exactly in `fault_detail`. Every other row is a clean row of `tickets`.
"""

import json
import random
import re
from collections.abc import Callable

from ticket_records import INTENTS, PRODUCTS, URGENCIES, order_number

Row = dict[str, str]
Record = dict[str, str | None]

RATES = {"wrong_label": 0.15, "contradiction": 0.08, "duplicate": 0.06, "truncated": 0.06, "drifting_format": 0.15}
ACTIONS = (
    "ask_order_id", "ask_wish", "call_carrier", "call_customer", "cancel_order", "check_refund", "close_account",
    "correct_invoice", "escalate", "issue_refund", "redirect_parcel", "reset_password", "send_invoice",
    "send_payment_link", "send_replacement", "send_return_label", "send_tracking", "update_address",
)  # fmt: skip
OTHER_KEYS = {
    "intent": "category", "urgency": "priority", "product": "item", "order_id": "order_number", "next_action": "todo",
}  # fmt: skip


def messy_rows(clean: list[Row], seed: int) -> list[Row]:
    """As many rows as the clean ones, with faults; messages that repeat take the place of other clean rows."""
    random_ = random.Random(f"tickets-messy {seed}")
    counts = {fault: round(rate * len(clean)) for fault, rate in RATES.items()}
    repeats = counts["contradiction"] + counts["duplicate"]
    rows = [row | {"fault": "none", "fault_detail": ""} for row in clean[: len(clean) - repeats]]
    single = iter(random_.sample(range(len(rows)), len(rows)))
    makers: dict[str, Callable[[Row, random.Random], Row]] = {
        "wrong_label": wrong_label, "truncated": truncated, "drifting_format": drifting_format,
    }  # fmt: skip
    for fault, maker in makers.items():
        for _ in range(counts[fault]):
            place = next(single)
            rows[place] = maker(rows[place], random_) | {"fault": fault}
    for _ in range(counts["contradiction"]):
        rows.append(wrong_label(rows[next(single)], random_) | {"fault": "contradiction"})
    for _ in range(counts["duplicate"]):
        rows.append(rows[next(single)] | {"fault": "duplicate", "fault_detail": "same row again"})
    random_.shuffle(rows)
    return rows


def wrong_label(row: Row, random_: random.Random) -> Row:
    """One field says something else; the others stay, so that the record may break its own rules."""
    answer: Record = json.loads(row["completion"])
    field = random_.choice(tuple(answer))
    right = answer[field]
    choices: dict[str, tuple[str | None, ...]] = {
        "intent": INTENTS, "urgency": URGENCIES, "product": (*PRODUCTS, None),
        "order_id": (order_number(random_), None), "next_action": ACTIONS,
    }  # fmt: skip
    answer[field] = random_.choice([value for value in choices[field] if value != right])
    return row | {"completion": json.dumps(answer), "fault_detail": f"{field} should be {right or 'null'}"}


def truncated(row: Row, random_: random.Random) -> Row:
    """The message ends before its order number or product, or else the record is cut off."""
    answer: Record = json.loads(row["completion"])
    text = row["prompt"].removeprefix("Message: ").removesuffix("\nRecord: ")
    place = order_place(text, answer["order_id"])
    if place > 20 and random_.random() < 0.6:
        return row | {"prompt": f"Message: {text[:place].rstrip()}\nRecord: ", "fault_detail": "message cut"}
    end = random_.randrange(10, len(row["completion"]) - 1)
    return row | {"completion": row["completion"][:end], "fault_detail": "record cut"}


def order_place(text: str, order_id: str | None) -> int:
    """Where the order number begins in the message, in whatever way it is written; 0 if there is none."""
    if order_id is None:
        return 0
    letter, digits = order_id.split("-")
    found = re.search(rf"#?\b{letter}[- ]?{digits}", text, re.IGNORECASE)
    return found.start() if found else 0


def drifting_format(row: Row, random_: random.Random) -> Row:
    """The right answer, written in another way than everywhere else."""
    answer: Record = json.loads(row["completion"])
    styles = {
        "other key names": json.dumps({OTHER_KEYS[key]: value for key, value in answer.items()}),
        "other key order": json.dumps(dict(sorted(answer.items(), reverse=True))),
        "single quotes": str(answer),
        "capital letters": json.dumps(
            {key: value and value.replace("_", " ").title() for key, value in answer.items()}
        ),
        "prose": prose(answer),
    }
    style = random_.choice(tuple(styles))
    return row | {"completion": styles[style], "fault_detail": style}


def prose(answer: Record) -> str:
    about = f" about the {answer['product']}" if answer["product"] else ""
    order = f" (order {answer['order_id']})" if answer["order_id"] else ""
    intent, action = (str(answer[key]).replace("_", " ") for key in ("intent", "next_action"))
    return f"Customer writes{about}{order}: {intent}, {answer['urgency']} urgency. Next: {action}."
