"""One form for what can be written in many: characters, marks, abbreviations, and words that were taken back."""

import re
import unicodedata

BULLET = re.compile(r"(?m)^[^\S\n]*(?:[-*\u2022\u2013\u2014>]+|\(?\d{1,2}[.)]|\(?[a-h]\))(?=\s|$)[^\S\n]*")
PLAIN_MARKS = str.maketrans("\u2019\u2018`\u201c\u201d\u2212\t", "'''\"\"- ")
TAKEN_BACK = re.compile(
    r"[.,;!?\u2013\u2014-]\s*(?:no,? sorry|(?:oh,? )?no,? wait|(?:oh,? )?wait,? no|scratch that|sorry,? i meant?"
    r"|(?:hm+|nope|sorry|no(?! other)),? (?:it's )?(?:the )?other way a?round)\b[\s.,:;!\u2013\u2014-]*",
    re.IGNORECASE,
)
REWRITTEN = [
    (re.compile(said, re.IGNORECASE if said == said.lower() else 0), meant)
    for said, meant in (
        (r"\bw/o\b", "without"),
        (r"\b(?:for example|for instance|e\.g\.|i\.e\.|such as|that is,),?", " "),
        (
            r"\bi(?:'d| would)? (?:think|guess|say|believe|suppose|assume|reckon)(?: that)?\b",
            " ",
        ),  # `I'd say the weights`
        (r"\b(it|that|there|here|what)(?:'s| is)\b", r"\1 is"),
        (r"\bits(?= (?:\w+ly )?(?:a|an|the|just|not|only|like|so|very)\b)", "it is"),
        (r"\b(they|we|you)'re\b", r"\1 are"),
        (r"\b(\w+) ?\u2193", r" less \1"),  # `memory ↓`; before a word as well: `↓ memory`
        (r"\b(\w+) ?\u2191", r" more \1"),
        ("\u2193", " less "),
        ("\u2191", " more "),
        (r"(?<=[A-Za-z])(?:[._](?=[a-z])|_(?=[A-Z]))", " "),  # `nn.linear`, `lora_A`
    )
]


def cleaned(answer: str) -> str:
    """The answer with one form for every character: no invisible ones, plain quotes, bullets as line ends."""
    text = unicodedata.normalize("NFKC", answer.replace("\r\n", "\n").replace("\r", "\n"))
    text = "".join(char for char in text if char == "\n" or unicodedata.category(char) not in ("Cf", "Cc"))
    text = _without_taken_back(text.translate(PLAIN_MARKS))
    for said, meant in REWRITTEN:
        text = said.sub(meant, text)
    text = re.sub(r"[^\S\n]{2,}", " ", text)
    return BULLET.sub("", re.sub(r"\((\w+(?:[ -]\w+)?)\)", r"\1", text))  # `quantized (nf4) base`


def _without_taken_back(text: str) -> str:
    """`they need more memory, no sorry LESS memory`, `adapters are 4 bit.. hmm other way round. The base is`."""
    kept, end = "", 0
    for match in TAKEN_BACK.finditer(text):
        before = text[end : match.start()].rstrip(" .,;!?\u2013\u2014-")
        kept += before[: max(before.rfind(mark) for mark in ".,;:!?\n") + 1] + " "
        end = match.end()
    return kept + text[end:]
