"""The phrasings of `ticket_phrases` and `ticket_cues`, parsed: which of them suit a voice and an intent."""

import re
from dataclasses import dataclass, replace

import ticket_cues
from ticket_cues import KINDS
from ticket_phrases import CORES

VOICES = "fctanh"  # formal, casual, terse, angry, not a native speaker, chatty
ALL_BUT_TERSE = "fcanh"


@dataclass(frozen=True)
class Phrase:
    """One hand-written phrasing; `key` names it in the `instance` of a row."""

    key: str
    section: str  # an intent or a kind of intent
    voices: str
    reserved: bool  # for validation and test only
    leads: bool  # may come before the core
    text: str

    @property
    def slots(self) -> frozenset[str]:
        return frozenset(re.findall(r"{(\w+)}", self.text))


def parsed(letter: str, sections: dict[str, str]) -> list[Phrase]:
    """The lines of all sections as phrases, numbered through with the letter: `H0`, `H1`, ..."""
    lines = [(section, line) for section, block in sections.items() for line in block.strip().splitlines()]
    phrases = []
    for number, (section, line) in enumerate(lines):
        tags, text = line.split(" ", 1)
        voices = "".join(ALL_BUT_TERSE if tag == "*" else tag for tag in tags if tag not in "!<")
        if not set(voices) <= set(VOICES):
            raise ValueError(f"unknown voice in {line!r}")
        phrases.append(Phrase(f"{letter}{number}", section, voices, "!" in tags, "<" in tags, text))
    return phrases


def parsed_cores() -> dict[str, list[Phrase]]:
    """The cores of each intent; their keys begin with `c`, those of reserved ones with `r`."""
    cores: dict[str, list[Phrase]] = {intent: [] for intent in CORES}
    for phrase in parsed("c", CORES):
        key = phrase.key.replace("c", "r") if phrase.reserved else phrase.key
        cores[phrase.section].append(replace(phrase, key=key))
    return cores


CORE_PHRASES = parsed_cores()
PARTS: dict[str, list[Phrase]] = {
    "high": parsed("H", ticket_cues.HIGH),
    "low": parsed("L", ticket_cues.LOW),
    "second": parsed("S", ticket_cues.SECOND),
    "second_and_high": parsed("X", ticket_cues.SECOND_AND_HIGH),
    "shipped": parsed("P", ticket_cues.SHIPPED),
    "not_shipped": parsed("Q", ticket_cues.NOT_SHIPPED),
    "refund": parsed("F", ticket_cues.REFUND),
    "replacement": parsed("R", ticket_cues.REPLACEMENT),
    "no_wish": parsed("W", ticket_cues.NO_WISH),
    "product_before": parsed("B", ticket_cues.PRODUCT_BEFORE),
    "product_after": parsed("A", ticket_cues.PRODUCT_AFTER),
    "order_before": parsed("O", ticket_cues.ORDER_BEFORE),
    "order_after": parsed("N", ticket_cues.ORDER_AFTER),
    "greeting": parsed("G", {"any": ticket_cues.GREETINGS}),
    "closing": parsed("C", {"any": ticket_cues.CLOSINGS}),
    "remark": parsed("M", {"any": ticket_cues.REMARKS}),
    "kind_remark": parsed("K", ticket_cues.REMARKS_BY_KIND),
    "first_time": parsed("T", {"any": ticket_cues.FIRST_TIME}),
    "new_address": parsed("D", {"any": ticket_cues.NEW_ADDRESS}),
    "aside": parsed("E", ticket_cues.ASIDES),
}


def suited(part: str, intent: str, voice: str) -> list[Phrase]:
    """The phrasings of a part that suit the voice and any kind that the intent is of."""
    sections = (*KINDS[intent], intent)
    return [phrase for phrase in PARTS[part] if voice in phrase.voices and phrase.section in sections]


def most_specific(part: str, intent: str, voice: str) -> list[Phrase]:
    """Those of the intent itself where it has its own, else those of its kind, else those for any intent."""
    phrases = PARTS[part]
    for section in (intent, *reversed(KINDS[intent])):
        found = [phrase for phrase in phrases if phrase.section == section and voice in phrase.voices]
        if found:
            return found
    raise ValueError(f"no {part} for {intent} in voice {voice}")
