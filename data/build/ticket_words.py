"""From phrasings to the words a customer types: slots filled, order numbers written many ways, typing slips."""

import random
import re

from ticket_cues import DAYS, EVENTS, MONTHS, NAMES, STREETS
from ticket_records import PRODUCTS, order_number

PLURAL = frozenset({"hiking boots", "running shoes", "cycling gloves", "headphones"})
TOWNS = ("LS6 2QT", "4021 Linz", "1050 Brussels", "BS3 4HN", "8004 Zurich", "75011 Paris", "20144 Milan", "EH7 5DR")
PLAIN_FORMS = ("{l}-{d}",) * 5 + ("{l}{d}", "{l} {d}", "#{l}-{d}", "#{l}{d}", "{s}{d}", "{s}-{d}")
NUMBER_WORDS = ("no. ", "number ", "nr. ", "No ")
SLOT = re.compile(r"({\w+})")


def with_article(product: str) -> str:
    """`an office chair`, `a toaster`, and `headphones` as it is."""
    if product in PLURAL:
        return product
    return f"{'an' if product[0] in 'aeiou' else 'a'} {product}"


def written_order(order_id: str, random_: random.Random) -> str:
    """One way to type the number; letter and digits are always complete and in order."""
    letter, digits = order_id.split("-")
    return random_.choice(PLAIN_FORMS).format(l=letter, s=letter.lower(), d=digits)


def written_product(product: str, random_: random.Random, slip: bool) -> str:
    """The product's name, at times with a slip (one letter lost or two swapped) or with capitals."""
    if slip:
        return slipped(product, random_)
    return product.title() if random_.random() < 0.04 else product


def product_slots(product: str | None) -> dict[str, str]:
    """The words that agree with the product; without one they agree with "the parcel" or "the item"."""
    many = product in PLURAL
    they, it = ("they", "them") if many else ("it", "it")
    is_, was, has, do = ("are", "were", "have", "do") if many else ("is", "was", "has", "does")
    return {"they": they, "They": they.title(), "it": it, "is": is_, "was": was, "has": has, "do": do}


def other_slots(product: str | None, order_id: str | None, random_: random.Random) -> dict[str, str]:
    """Everything that is in a message but not in its record: names, days, numbers that are no order, other products."""
    others = [other for other in PRODUCTS if other != product]
    other_order = order_number(random_)
    while other_order == order_id:
        other_order = order_number(random_)
    return {
        "day": random_.choice(DAYS),
        "date": f"{random_.randrange(1, 29)} {random_.choice(MONTHS)}",
        "month": random_.choice(MONTHS),
        "event": random_.choice(EVENTS),
        "hour": random_.choice(("five", "six", "half past four", "7 pm")),
        "phone": f"0{random_.randrange(100, 999)} {random_.randrange(100000, 999999)}",
        "invoice": str(random_.randrange(20200000, 20260000)),
        "customer": str(random_.randrange(100000, 999999)),
        "postcode": random_.choice(TOWNS),
        "card": f"{random_.randrange(10000):04d}",
        "amount": f"{random_.randrange(9, 140)}.{random_.choice(('00', '50', '90', '95', '99'))} euros",
        "street": random_.choice(STREETS),
        "name": random_.choice(NAMES),
        "other": random_.choice([other for other in others if other not in PLURAL]),
        "a_other": with_article(random_.choice(others)),
        "other_id": other_order,
    }


def filled(text: str, slots: dict[str, str], random_: random.Random, slip: bool) -> str:
    """The phrasing with its slots filled; `slip` puts a typing slip into the product's name."""
    values = dict(slots)
    if "{order}" in text:
        word = random_.choice(NUMBER_WORDS) if random_.random() < 0.2 else ""
        number = written_order(slots["order"], random_)
        values["order"] = number if number.startswith("#") else word + number
    if "{id}" in text:
        values["id"] = written_order(slots["order"], random_)
    if "{product}" in text:
        values["a"] = with_article(slots["product"]).removesuffix(slots["product"])
        values["product"] = written_product(slots["product"], random_, slip)
    result = SLOT.sub(lambda found: values[found[0][1:-1]], text)
    return result[0].upper() + result[1:] if text.startswith(("{event}", "{a_other}")) else result


def slipped(word: str, random_: random.Random) -> str:
    """The word with two inner letters swapped, one lost or one doubled; its first letter stays."""
    places = [i for i in range(1, len(word) - 2) if word[i : i + 2].isalpha()]
    place = random_.choice(places)
    kind = random_.choice(("swap", "lose", "double"))
    if kind == "swap" and word[place] != word[place + 1]:
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return word[:place] + word[place + 1 :] if kind == "lose" else word[: place + 1] + word[place:]


def mistyped(text: str, random_: random.Random) -> str:
    """The phrasing with a slip in one of its longer words; slots are left alone."""
    pieces = re.split(r"({\w+}|\b[a-zA-Z]{5,}\b)", text)
    words = [i for i, piece in enumerate(pieces) if piece.isalpha() and len(piece) >= 5]
    if words:
        place = random_.choice(words)
        pieces[place] = slipped(pieces[place], random_)
    return "".join(pieces)


def unpunctuated(text: str) -> str:
    """The phrasing without commas, apostrophes and a last full stop."""
    return text.replace(",", "").replace("'", "").removesuffix(".")
