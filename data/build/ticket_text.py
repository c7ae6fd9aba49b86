# ruff: noqa: E501 (one sentence a line)
"""Plain text about the world of `tickets`, only for pretraining: customers' messages and notes from the help desk.

No record stands in it and no "Record:" cue, so a base model learns how customers write, not the task. Its messages
use only phrasings that the training split may use; none equals a message or a template instance of any split.
"""

import random

from make_tickets import Unseen, clean_rows
from ticket_messages import Message
from ticket_records import PRODUCTS, order_number, random_facts
from ticket_words import other_slots, product_slots, with_article

MESSAGES = 24_000
NOTES = 2000
SHIPPED_SEED = 0  # of the data sets in the repository

NOTES_TEXT = """
A customer wrote that {a_product} had arrived broken. She asked for another one, so we sent a replacement for order {order}.
{name} asked where the {product} from order {order} {was}. The tracking page showed that the parcel had left on {date}, so we sent the tracking link.
The parcel for order {order} came without the {product}. The customer wanted the money back, and we issued a refund of {amount}.
If a customer gives no order number, ask for it before anything else. Nothing about an order can be changed without its number.
{name} moved house after placing order {order}. As the parcel had not been shipped, we updated the address to {street}.
When a parcel is already on its way, the address in our system no longer matters. The carrier has to redirect the parcel.
Order {order} was cancelled before it was shipped. There is nothing to send back.
A customer cancelled the {product}, but the parcel had already left. We sent a return label instead.
To return the {product}, put {it} in the original box, print the return label and take the parcel to the post office.
We charged {name} twice for order {order}. The second payment of {amount} was refunded on {date}.
A customer could not log in because the reset e-mail had gone to the spam folder. We reset the password.
{name} has had no answer to the first message and needs the {product} on {day}. A second message that is urgent goes to a person.
The invoice for order {order} had the wrong company name. A corrected invoice was sent on {date}.
Many customers lose their invoice. Look up the order, open the invoice and send a copy.
The card of {name} was declined. We sent a link with which order {order} can be paid in another way.
A refund takes five working days after the returned parcel has been checked. The refund for order {order} was made on {date}.
Closing an account deletes the address and the saved cards. {name} asked for it on {date}, and we closed the account.
A customer ordered {a_product} and received {a_other}. He did not say whether he wanted a refund or a replacement, so we asked.
An order number has one letter and five digits, for example {order}. Customers often leave out the hyphen or write the letter small.
A phone number, a post code or a customer number such as {customer} is not an order number.
The message praised the {other} from last year, but it was about the {product} in order {order}.
"No rush" or "whenever you have time" means low urgency. A date, an event or a danger means high urgency.
When a late delivery is urgent, we call the carrier. In all other cases we send the tracking link.
When a login problem is urgent, somebody should call the customer. {name} can be reached on {phone}.
The {product} in order {order} had a crack. There was no word about a refund or a replacement, so the next step was to ask.
Somebody wrote about a missing item and did not say which one. The number {order} was enough to find out: it was the {product}.
On {date} we had nine questions about deliveries, six about invoices and two about accounts. One was urgent.
The {product} {is} out of stock until {month}. Customers who ordered {it} can wait or cancel the order.
An angry message is not always an urgent one. {name} complained at length about the {product} and then wrote that there was no hurry.
The customer asked first about the {product} and then, by the way, about the newsletter. The ticket is about the {product}.
"""


def messages(random_: random.Random, unseen: Unseen) -> list[str]:
    return [unseen.draw(random_facts(random_), random_, "train").text for _ in range(MESSAGES)]


def note(template: str, random_: random.Random) -> str:
    product = random_.choice(PRODUCTS)
    slots = product_slots(product) | other_slots(product, None, random_)
    slots |= {"product": product, "a_product": with_article(product), "order": order_number(random_)}
    return template.format_map(slots)


def notes(random_: random.Random) -> list[str]:
    """Different notes of one to three templates each."""
    templates = NOTES_TEXT.strip().splitlines()
    found: dict[str, None] = {}
    while len(found) < NOTES:
        chosen = random_.sample(templates, k=random_.choice((1, 2, 2, 3)))
        found[" ".join(note(template, random_) for template in chosen)] = None
    return list(found)


def domain_text(seed: int) -> list[str]:
    """24,000 customers' messages and 2,000 help-desk notes in random order; the same seed gives the same text."""
    unseen = Unseen()
    for rows in clean_rows(SHIPPED_SEED).values():
        for row in rows:
            text = row["prompt"].removeprefix("Message: ").removesuffix("\nRecord: ")
            unseen.add(Message(text, row["instance"]))
    random_ = random.Random(f"ticket text {seed}")
    texts = messages(random_, unseen) + notes(random_)
    random_.shuffle(texts)
    return texts
