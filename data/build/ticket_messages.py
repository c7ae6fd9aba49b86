"""Composes a customer's message from facts: one core sentence, the cues the record depends on, and everyday noise.

`message` tells every fact that the record depends on and nothing that contradicts it: a person who knows the rules of
`ticket_records` can write the record from the message alone.
"""

import random
from dataclasses import dataclass
from typing import Literal

from ticket_parts import CORE_PHRASES, PARTS, Phrase, most_specific, suited
from ticket_records import Facts
from ticket_words import filled, mistyped, other_slots, product_slots, unpunctuated

Split = Literal["train", "validation", "test"]

WISH_INTENTS = ("missing_item", "damaged_item", "wrong_item")
SHIPPING_INTENTS = ("cancel_order", "change_address")
RESERVED_SHARE = 0.5  # of validation and test messages have a core that no training message has
PRODUCT_SLIP = 0.04  # of the messages about a product have a typing slip in its name
SLIPS = {"f": 0.03, "c": 0.3, "t": 0.2, "a": 0.15, "n": 0.25, "h": 0.12}  # share with slips in other words
LOWER_CASE = {"f": 0.0, "c": 0.35, "t": 0.5, "a": 0.05, "n": 0.08, "h": 0.04}
BARE = {"f": 0.0, "c": 0.25, "t": 0.3, "a": 0.04, "n": 0.06, "h": 0.02}  # share without commas and apostrophes
GREETING = {"f": 0.6, "c": 0.4, "t": 0.12, "a": 0.2, "n": 0.5, "h": 0.5}
CLOSING = {"f": 0.5, "c": 0.35, "t": 0.15, "a": 0.2, "n": 0.4, "h": 0.4}
REMARK_COUNTS = {"f": (10, 5, 1, 1), "c": (10, 5, 1, 1), "t": (12, 2, 0, 0), "a": (10, 5, 1, 1), "n": (10, 5, 1, 1),
                 "h": (6, 6, 3, 2)}  # weights of 0, 1, 2 and 3 remarks  # fmt: skip


@dataclass(frozen=True)
class Message:
    """What a customer wrote, and which template instance it is: phrasings in order, product and order number."""

    text: str
    instance: str


def message(facts: Facts, random_: random.Random, split: Split) -> Message:
    """A message that tells the facts; the core phrasings reserved for validation and test never serve `train`."""
    core = chosen_core(facts, random_, split)
    voice = random_.choice(core.voices)
    phrases = arranged(core, facts, voice, random_)
    text = worded(phrases, facts, voice, random_)
    keys = " ".join(phrase.key for phrase in phrases)
    return Message(text, f"{keys}|{facts.product or ''}|{facts.order_id or ''}")


def chosen_core(facts: Facts, random_: random.Random, split: Split) -> Phrase:
    missing = {"product", "a_other"} if facts.product is None else set()
    if facts.order_id is None:
        missing |= {"order", "id"}
    fitting = [phrase for phrase in CORE_PHRASES[facts.intent] if not phrase.slots & missing]
    wanted = split != "train" and random_.random() < RESERVED_SHARE
    fitting = [phrase for phrase in fitting if phrase.reserved == wanted]
    return random_.choices(fitting, [2 if "t" in phrase.voices else 1 for phrase in fitting])[0]


def cues(facts: Facts, voice: str, random_: random.Random) -> list[Phrase]:
    """One phrasing for each fact that the record depends on and that the core leaves open."""
    parts = []
    if facts.second_time and facts.urgency == "high" and random_.random() < 0.4:
        parts.append("second_and_high")
    else:
        parts += ["second"] if facts.second_time else []
        parts += [facts.urgency] if facts.urgency != "normal" else []
    if facts.intent in SHIPPING_INTENTS:
        parts += ["shipped"] if facts.shipped else ["not_shipped"] * (random_.random() < 0.5)
    if facts.intent in WISH_INTENTS:
        parts += [facts.wish] if facts.wish != "none" else ["no_wish"] * (random_.random() < 0.4)
    random_.shuffle(parts)
    return [random_.choice(cue_phrases(part, facts, voice)) for part in parts]


def cue_phrases(part: str, facts: Facts, voice: str) -> list[Phrase]:
    phrases = suited(part, facts.intent, voice)
    if facts.intent in WISH_INTENTS and facts.wish != "replacement":  # who needs it for an event wants it replaced
        phrases = [phrase for phrase in phrases if phrase.section != "goods"]
    return phrases


def context(core: Phrase, facts: Facts, voice: str, random_: random.Random) -> tuple[list[Phrase], list[Phrase]]:
    """Sentences that name the product and the order where the core does not: those before it, those after it."""
    before: list[Phrase] = []
    after: list[Phrase] = []
    named = {
        "product": facts.product is not None and "product" not in core.slots,
        "order": facts.order_id is not None and not core.slots & {"order", "id"},
    }
    for part in random_.sample([part for part, wanted in named.items() if wanted], k=sum(named.values())):
        if random_.random() < 0.4 and not before:
            before.append(random_.choice(most_specific(f"{part}_before", facts.intent, voice)))
        else:
            after.append(random_.choice(most_specific(f"{part}_after", facts.intent, voice)))
    return before, after


def remarks(facts: Facts, voice: str, random_: random.Random) -> list[Phrase]:
    """Sentences that change nothing: weather, thanks, other products, numbers that are no order number."""
    pool = suited("remark", facts.intent, voice) + suited("kind_remark", facts.intent, voice) * 2
    if facts.order_id is not None:
        pool += [
            phrase for phrase in PARTS["kind_remark"] if phrase.section == "other_order" and voice in phrase.voices
        ]
    if not facts.second_time:
        pool += suited("first_time", facts.intent, voice)
    count = random_.choices((0, 1, 2, 3), REMARK_COUNTS[voice])[0]
    chosen: list[Phrase] = []
    for phrase in random_.sample(pool, len(pool)):
        new_slots = phrase.slots.isdisjoint(slot for earlier in chosen for slot in earlier.slots)
        if new_slots and phrase not in chosen and len(chosen) < count:
            chosen.append(phrase)
    return chosen


def arranged(core: Phrase, facts: Facts, voice: str, random_: random.Random) -> list[Phrase]:
    """All phrasings of the message in their order."""
    lead, after = context(core, facts, voice, random_)
    first = len(after) if random_.random() < 0.7 else 0  # what the message is about mostly follows the core at once
    for cue in cues(facts, voice, random_):
        if cue.leads and random_.random() < 0.3:
            lead.insert(0, cue)
        else:
            after.insert(random_.randrange(first, len(after) + 1), cue)
    for remark in remarks(facts, voice, random_):
        if random_.random() < 0.25 and voice in "hn":
            lead.insert(0, remark)
        else:
            after.insert(random_.randrange(first, len(after) + 1), remark)
    if facts.intent == "change_address" and random_.random() < 0.6:
        after.insert(0, random_.choice(suited("new_address", facts.intent, voice)))
    return [*opening(facts, voice, random_), *lead, core, *after, *ending(facts, voice, random_)]


def opening(facts: Facts, voice: str, random_: random.Random) -> list[Phrase]:
    if random_.random() < GREETING[voice]:
        return [random_.choice(suited("greeting", facts.intent, voice))]
    return []


def ending(facts: Facts, voice: str, random_: random.Random) -> list[Phrase]:
    """At times a question by the way, about something other than the intent, and a sign-off."""
    asides = [phrase for phrase in PARTS["aside"] if voice in phrase.voices and phrase.section != facts.intent]
    phrases = [random_.choice(asides)] if random_.random() < 0.08 else []
    if random_.random() < CLOSING[voice]:
        phrases.append(random_.choice(suited("closing", facts.intent, voice)))
    return phrases


def worded(phrases: list[Phrase], facts: Facts, voice: str, random_: random.Random) -> str:
    """The phrasings as one text in the customer's spelling."""
    slots = product_slots(facts.product) | other_slots(facts.product, facts.order_id, random_)
    slots |= {"product": facts.product or "", "order": facts.order_id or ""}
    texts = [phrase.text for phrase in phrases]
    if random_.random() < SLIPS[voice]:
        for place in random_.sample(range(len(texts)), k=min(len(texts), random_.choice((1, 1, 2)))):
            texts[place] = mistyped(texts[place], random_)
    bare = random_.random() < BARE[voice]
    texts = [unpunctuated(text) for text in texts] if bare else texts
    slip = random_.random() < PRODUCT_SLIP
    parts = [filled(text, slots, random_, slip) for text in texts]
    text = joined(parts, phrases, voice, random_)
    if random_.random() < LOWER_CASE[voice]:
        return text.lower()
    return text.upper() if voice == "a" and random_.random() < 0.06 else text


def joined(parts: list[str], phrases: list[Phrase], voice: str, random_: random.Random) -> str:
    """The parts in a row; where one has no end mark, the customer's own joint stands between it and the next."""
    joint = random_.choice((", ", ". ", " - ", "; ") if voice == "t" else (". ", "... ", ", ", " - "))
    lines = random_.random() < (0.25 if voice in "fhn" else 0.05)
    text = parts[0]
    for previous, phrase, part in zip(phrases, phrases[1:], parts[1:], strict=False):
        if lines and (previous.key[0] == "G" or phrase.key[0] == "C"):
            text += "\n" + part
        elif text[-1] in ".,:;?!)":
            text += " " + part
        elif joint == ". " or phrase.key[0] == "C":
            text += joint + part
        else:
            text += joint + uncapitalised(part)
    return text


def uncapitalised(part: str) -> str:
    """The part as it goes on in the middle of a sentence; "I" and order numbers keep their capital."""
    return part[0].lower() + part[1:] if part[1:2].islower() else part
