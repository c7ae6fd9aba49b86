"""Cuts an answer into tokens, each with the concepts it stands for and the place where it stands in the answer."""

import re
from dataclasses import dataclass, field, replace

from finetune_lab.quiz.text.stems import stem
from finetune_lab.quiz.text.words import Lexicon, Stems

PIECE = re.compile(r"[A-Za-zÀ-ÿ][A-Za-zÀ-ÿ']*|\d+(?:[.,]\d+)*|->|=>|→|⇒|\n|[^\w\s]")
READ = 1500  # characters that are cut into tokens; a longer answer is for a person anyway
LESSER = {"less", "small", "cheap", "fast", "simple", "low_bit"}
ADJECTIVE_ENDINGS = ("ed", "en", "able", "wn", "nt", "lt")


@dataclass(frozen=True)
class Token:
    """A word, a group of words, a formula, a number or a mark."""

    text: str  # as written, lower case
    stems: Stems
    start: int  # first character in the cleaned answer
    end: int
    concepts: dict[str, str] = field(default_factory=dict)  # concept -> role
    is_formula: bool = False

    def has(self, role: str) -> bool:
        return role in self.concepts.values()

    def of_role(self, role: str) -> list[str]:
        return [concept for concept, its_role in self.concepts.items() if its_role == role]

    @property
    def is_word(self) -> bool:
        return self.is_formula or bool(self.concepts) or self.text[0].isalpha()

    @property
    def is_participle(self) -> bool:
        """`frozen`, `trainable`, `intact`: said of the noun beside it, not an action done to the next one."""
        last = self.text.split()[-1] if self.text else ""
        multiple = len(self.stems) > 1 and not self.text.endswith(("ing", "ings"))
        return (
            last.endswith(ADJECTIVE_ENDINGS) or multiple or ("freeze" in self.concepts and not _is_plain_freeze(self))
        )


def _is_plain_freeze(token: Token) -> bool:
    if token.text.startswith("fro"):  # `frozn`
        return False
    return token.stems[0] in ("freez", "lock", "fix", "preserv", "keep", "leav", "hold", "protect")


def tokenize(text: str, lexicon: Lexicon) -> list[Token]:
    """The tokens of a cleaned answer; groups of words that are one concept are one token, the longest first."""
    return _noun_forms(_grouped(_pieces(text, lexicon), lexicon), lexicon)


def _pieces(text: str, lexicon: Lexicon) -> list[Token]:
    spans = _formula_spans(text, lexicon)
    tokens = list(spans)
    taken = bytearray(len(text))
    for token in spans:
        taken[token.start : token.end] = b"\1" * (token.end - token.start)
    for match in PIECE.finditer(text):
        if any(taken[match.start() : match.end()]):
            continue
        word = lexicon.spellings.get(match[0].lower(), match[0].lower())
        if not word.strip() and word != "\n":
            continue
        if word not in lexicon.fillers:
            tokens.append(Token(word, (lexicon.stem_of(word),), match.start(), match.end()))
    return sorted(tokens, key=lambda token: token.start)


def _formula_spans(text: str, lexicon: Lexicon) -> list[Token]:
    """The formulas in the text; where two overlap, the one whose pattern is listed first."""
    found: list[Token] = []
    taken = bytearray(len(text))
    for pattern, concepts in lexicon.formulas:
        for match in pattern.finditer(text):
            start, end = match.start(), match.start() + len(match[0].rstrip())
            if start < end and not any(taken[start:end]):
                taken[start:end] = b"\1" * (end - start)
                roles = {concept: _formula_role(concept, lexicon) for concept in sorted(concepts)}
                found.append(Token(match[0].strip().lower(), ("formula",), start, end, roles, is_formula=True))
    return found


def _formula_role(concept: str, lexicon: Lexicon) -> str:
    roles = (meaning.concepts.get(concept) for meaning in lexicon.meanings.values())
    return next((role for role in roles if role), "thing")


def _grouped(pieces: list[Token], lexicon: Lexicon) -> list[Token]:
    tokens: list[Token] = []
    i = 0
    while i < len(pieces):
        used, token = _longest_group(pieces, i, lexicon)
        if used > 1 and _opens_a_method(pieces, i + used - 1, lexicon):
            used, token = 1, _alone(pieces[i], lexicon)  # `in full fine-tuning` is not said `in full`
        tokens.append(token)
        i += used
    return tokens


def _opens_a_method(pieces: list[Token], start: int, lexicon: Lexicon) -> bool:
    used, token = _longest_group(pieces, start, lexicon)
    return used > 1 and token.has("method")


def _alone(piece: Token, lexicon: Lexicon) -> Token:
    return replace(piece, concepts=_concepts(piece, piece.stems, lexicon))


def _longest_group(pieces: list[Token], start: int, lexicon: Lexicon) -> tuple[int, Token]:
    """How many pieces the longest known group from `start` uses, and its token. Hyphens inside a group are skipped."""
    window: list[Token] = []
    best = (1, _alone(pieces[start], lexicon))
    for used, piece in enumerate(pieces[start : start + 2 * lexicon.longest], 1):
        if piece.text == "-" and window:
            continue
        window.append(piece)
        if len(window) > lexicon.longest or (piece.is_formula and len(window) > 1):
            break
        stems = tuple(one for token in window for one in token.stems)
        if len(window) > 1 and (stems in lexicon.meanings or any(stems in part for part in lexicon.grammar.values())):
            concepts = _concepts(window[0], stems, lexicon)
            text = " ".join(token.text for token in window)
            best = (used, Token(text, stems, window[0].start, piece.end, concepts))
    return best


def _concepts(token: Token, stems: Stems, lexicon: Lexicon) -> dict[str, str]:
    if token.is_formula:
        return token.concepts
    meaning = lexicon.meanings.get(stems)
    concepts = dict(meaning.concepts) if meaning else {}
    if token.text.endswith(("ed", "ing")) and "verb" in concepts.values():
        return {name: role for name, role in concepts.items() if role != "thing"}  # `tweaked` is no tweak
    return concepts


def _noun_forms(tokens: list[Token], lexicon: Lexicon) -> list[Token]:
    """Verbs that are nouns where they stand: `a small low-rank update`, `the change`."""
    result = list(tokens)
    for i, token in enumerate(tokens):
        if set(token.concepts) == {"more"} and i + 1 < len(tokens) and LESSER & set(tokens[i + 1].concepts):
            result[i] = replace(token, concepts={})  # `much smaller`
        if token.text in ("one", "ones", "version") and i and _describes(tokens[i - 1]):
            result[i] = replace(token, concepts={"set": "thing"})  # `a low-rank one`
        concept = lexicon.noun_forms.get(token.stems[0]) if len(token.stems) == 1 else None
        if concept and i and not token.text.endswith(("ed", "ing")) and _starts_a_noun(tokens[i - 1]):
            result[i] = replace(token, concepts={concept: "thing"})
    return result


def _describes(token: Token) -> bool:
    return bool(set(token.of_role("quality")) - {"all", "only"}) or (token.has("verb") and token.is_participle)


def _starts_a_noun(before: Token) -> bool:
    articles = (("the",), ("a",), ("one",), ("an",), ("each",), ("every",), (stem("another"),), ("per",), ("this",))
    qualities = set(before.of_role("quality")) - {"all", "only", "simple", "fast", "cheap"}
    return before.stems in articles or bool(qualities) or ("change" in before.concepts and before.is_participle)
