"""The messages of `tickets` with the answers that three customers of the help desk want, each made of the record.

                                          tickets-billing        {"case": "D2", "order": "M-50052", "money": ...
    "deliver order M-50052 elsewhere" ->  tickets-logistics      ACTION: redirect / ORDER: M-50052 / ITEM: - / ...
                                          tickets-support-desk   Thank you for the new address for your parcel. ...

One prompt, three formats, each with something of its own: codes, terse lines, a voice. So one base with three adapters
can be seen to switch. As the answers follow from the records, no file of theirs is shipped.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from finetune_lab.data.records import DataSet, Example

Record = dict[str, str | None]  # intent, urgency, product, order_id, next_action: see data/tickets/README.md

CASES = {
    "track_delivery": "D1", "change_address": "D2", "missing_item": "G1", "damaged_item": "G2", "wrong_item": "G3",
    "cancel_order": "O1", "return_item": "O2", "refund_status": "P1", "invoice_copy": "I1", "invoice_error": "I2",
    "payment_failed": "P2", "double_charge": "P3", "login_problem": "A1", "close_account": "A2",
}  # fmt: skip
MONEY = {"issue_refund": "out", "check_refund": "check", "send_payment_link": "in"}
DUE_DAYS = {"high": 1, "normal": 3, "low": 10}
WAREHOUSE = {
    "send_tracking": "trace", "call_carrier": "call", "update_address": "relabel", "redirect_parcel": "redirect",
    "cancel_order": "stop", "send_return_label": "pickup", "send_replacement": "resend", "ask_wish": "wait",
    "ask_order_id": "wait", "escalate": "chief",
}  # fmt: skip
PRIORITY = {"high": 1, "normal": 2, "low": 3}
FEELING = {
    "track_delivery": ("Sorry for the wait for your {}.", "parcel"),
    "change_address": ("Thank you for the new address for your {}.", "parcel"),
    "missing_item": ("Sorry that we forgot your {}.", "item"),
    "damaged_item": ("Sorry about the damage to your {}.", "item"),
    "wrong_item": ("Sorry that you did not get your {}.", "item"),
    "cancel_order": ("Sorry that you no longer want your {}.", "order"),
    "return_item": ("You may gladly return your {}.", "item"),
    "refund_status": ("Sorry for the wait for your refund for the {}.", "order"),
    "invoice_copy": ("Thank you for asking for the invoice for your {}.", "order"),
    "invoice_error": ("Sorry about the wrong invoice for your {}.", "order"),
    "payment_failed": ("Sorry that your payment for the {} failed.", "order"),
    "double_charge": ("Sorry that you paid twice for your {}.", "order"),
    "login_problem": ("Sorry that you can't sign in.", ""),
    "close_account": ("Sorry to see you go.", ""),
}
PROMISE = {
    "send_tracking": "We will send you the tracking link for order {}",
    "call_carrier": "We will call the carrier about order {}",
    "update_address": "We will change the address of order {}",
    "redirect_parcel": "We will redirect order {}",
    "cancel_order": "We will cancel order {}",
    "send_return_label": "We will send you a return label for order {}",
    "send_replacement": "We will send you a replacement for order {}",
    "issue_refund": "We will refund order {}",
    "check_refund": "We will check the refund for order {}",
    "send_invoice": "We will send you the invoice for order {}",
    "correct_invoice": "We will correct the invoice for order {}",
    "send_payment_link": "We will send you a new payment link for order {}",
    "reset_password": "We will send you a link for a new password",
    "call_customer": "We will call you",
    "close_account": "We will close your account",
}


def billing(record: Record) -> str:
    """One flat JSON object with the bookkeepers' codes: case, order, which way money goes, days until it is due."""
    answer = {
        "case": CASES[str(record["intent"])],
        "order": record["order_id"],
        "money": MONEY.get(str(record["next_action"]), "none"),
        "due": DUE_DAYS[str(record["urgency"])],
    }
    return json.dumps(answer)


def logistics(record: Record) -> str:
    """Four lines for the warehouse's old printer; what is no matter of the warehouse goes to the office."""
    action = WAREHOUSE.get(str(record["next_action"]), "office")
    order, item = record["order_id"] or "-", record["product"] or "-"
    return f"ACTION: {action}\nORDER: {order}\nITEM: {item}\nPRIORITY: {PRIORITY[str(record['urgency'])]}"


def support_desk(record: Record) -> str:
    """Two polite sentences to the customer: what we understood, and what happens next."""
    feeling, something = FEELING[str(record["intent"])]
    return f"{feeling.format(record['product'] or something)} {next_sentence(record)}"


def next_sentence(record: Record) -> str:
    """What the customer is told will happen, or is asked for."""
    action, order = str(record["next_action"]), record["order_id"]
    if action == "ask_order_id":
        return "Please tell us your order number."
    if action == "ask_wish":
        return f"Would you like a refund or a replacement for order {order}?"
    if action == "escalate":
        return f"Our manager will take care of {f'order {order}' if order else 'it'} today."
    return PROMISE[action].format(order) + (" today." if record["urgency"] == "high" else ".")


CUSTOMERS: dict[str, Callable[[Record], str]] = {
    "tickets-billing": billing,
    "tickets-logistics": logistics,
    "tickets-support-desk": support_desk,
}


def for_customer(tickets: DataSet, name: str) -> DataSet:
    """`tickets` with the answers of the data set `name`; its hash is over all of what is trained on."""
    train, validation, test = (answered(part, name) for part in (tickets.train, tickets.validation, tickets.test))
    return DataSet(name, train, validation, test, digest(train), f"{tickets.reason}, with the answers of {name}")


def answered(examples: Sequence[Example], name: str) -> tuple[Example, ...]:
    """Examples of `tickets` with the answers of the data set `name`."""
    answer = CUSTOMERS[name]
    return tuple(replace(example, completion=answer(json.loads(example.completion))) for example in examples)


def digest(examples: Sequence[Example]) -> str:
    """SHA-256 over prompts and completions, in order."""
    found = hashlib.sha256()
    for example in examples:
        found.update(json.dumps([example.prompt, example.completion]).encode())
    return found.hexdigest()
