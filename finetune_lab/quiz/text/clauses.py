"""Cuts tokens into sentences and clauses, so that what is said of one thing isn't read as said of another."""

from dataclasses import dataclass

from finetune_lab.quiz.text.tokens import Token
from finetune_lab.quiz.text.words import Lexicon

SENTENCE_ENDS = {".", "!", "?", "\n", ";"}
LONGEST_LOOK = 60  # tokens before a comma that say whether a statement ends there
HARD_MARKS = {"->", "=>", "→", "⇒", "(", ")", "\u2014", "\u2013", "[", "]", "="}


@dataclass(frozen=True)
class Clause:
    """Part of a sentence with at most one group of statements."""

    tokens: list[Token]
    opener: str = ""  # the word or mark it was cut at: `but`, `which`, `,`; empty at the start of a sentence
    sentence: int = 0


def split(tokens: list[Token], lexicon: Lexicon) -> list[Clause]:
    """The clauses of the answer, in order."""
    clauses: list[Clause] = []
    for number, sentence in enumerate(_sentences(tokens)):
        for opener, part in _hard_parts(sentence, lexicon):
            clauses += _soft_parts(part, opener, number, lexicon)
    return [clause for clause in clauses if clause.tokens]


def _sentences(tokens: list[Token]) -> list[list[Token]]:
    sentences: list[list[Token]] = [[]]
    for token in tokens:
        if token.text in SENTENCE_ENDS:
            sentences.append([])
        else:
            sentences[-1].append(token)
    return [sentence for sentence in sentences if sentence]


def _hard_parts(sentence: list[Token], lexicon: Lexicon) -> list[tuple[str, list[Token]]]:
    parts: list[tuple[str, list[Token]]] = [("", [])]
    for i, token in enumerate(sentence):
        if _is_hard_break(sentence, i, lexicon):
            parts.append((token.text, []))
        else:
            parts[-1][1].append(token)
    return parts


def _is_hard_break(sentence: list[Token], i: int, lexicon: Lexicon) -> bool:
    token = sentence[i]
    if token.text == ":":  # `trains: A and B`, `frozen: none` and `memory: low` are one statement
        is_label = i == 1 and sentence[0].has("verb")
        return not is_label and (len(sentence) - i > 3 or not _is_said(sentence[i + 1 :], lexicon))
    if token.text == "-":  # a dash between spaces; a hyphen was skipped with its group
        return 0 < i < len(sentence) - 1 and sentence[i - 1].end < token.start and token.end < sentence[i + 1].start
    if token.text == "but" and i + 1 < len(sentence) and sentence[i + 1].text in ("because", "since"):
        return False  # `not because it is better, but | because it is light`: it stays where the denied cause is
    if token.stems == ("so",):  # not in `not so slow`
        return 0 < i < len(sentence) - 1 and not sentence[i + 1].has("quality")
    if token.stems == ("that",):
        is_object = i > 0 and sentence[i - 1].has("verb") and _opens_with_a_preposition(sentence[i + 1 :], lexicon)
        return i > 0 and not is_object and _is_a_clause_start(sentence[i + 1 :], lexicon)
    return token.text in HARD_MARKS or (lexicon.is_a("breaks", token.stems) and not token.concepts)


def _opens_with_a_preposition(rest: list[Token], lexicon: Lexicon) -> bool:
    """`QLoRA stores that in 4 bits`."""
    return bool(rest) and lexicon.is_a("prepositions", (rest[0].stems[0],))


def _is_a_clause_start(rest: list[Token], lexicon: Lexicon) -> bool:
    return len(rest) > 1 or any(is_verb(token, lexicon) for token in rest)


def _is_said(rest: list[Token], lexicon: Lexicon) -> bool:
    """Whether the words after a colon say something of the thing before it."""
    known = [lexicon.is_a("negators", token.stems) or bool(token.concepts) for token in rest]
    return bool(rest) and all(known) and not any(token.has("thing") for token in rest)


def is_verb(token: Token, lexicon: Lexicon) -> bool:
    """Whether a statement can be made with it: an auxiliary or a verb of the lexicon."""
    return token.has("verb") or lexicon.is_a("auxiliaries", token.stems) or lexicon.is_a("light_verbs", token.stems)


def _soft_parts(tokens: list[Token], opener: str, number: int, lexicon: Lexicon) -> list[Clause]:
    """Cuts at commas and at `and` where both sides make a statement."""
    places = [i for i, token in enumerate(tokens) if _is_soft_break(token, lexicon)]
    clauses: list[Clause] = []
    start, current_opener = 0, opener
    for place in places:
        end = next((later for later in places if later > place), len(tokens))
        left, right = tokens[max(start, place - LONGEST_LOOK) : place], tokens[place + 1 : end]
        comma_and = (
            left and left[-1].text == "," and any(token.has("thing") for token in left) and _states(right, lexicon)
        )
        is_cut_short = all(lexicon.is_a("prepositions", token.stems) for token in right)  # `, in | which ...`
        if is_cut_short or not (comma_and or _cuts(left, right, lexicon)):
            continue
        clauses.append(Clause(tokens[start:place], current_opener, number))
        start, current_opener = place + 1, tokens[place].text
    return [*clauses, Clause(tokens[start:], current_opener, number)]


def _is_soft_break(token: Token, lexicon: Lexicon) -> bool:
    return token.text in (",", "+", "/", "&") or lexicon.is_a("joins", token.stems)


def _cuts(left: list[Token], right: list[Token], lexicon: Lexicon) -> bool:
    if lexicon.is_a("comparisons", left[0].stems) if left else False:
        return True
    if left and right and left[-1].has("verb") and right[0].has("verb") and not right[0].is_participle:
        return False  # `train and save a tiny part`
    if left and right and (_lists(left, right, lexicon) or _is_of_another_method(left, right)):
        return True
    return _states(left, lexicon) and (_states(right, lexicon) or _is_a_new_noun(right))


def _is_of_another_method(left: list[Token], right: list[Token]) -> bool:
    """`in LoRA the base has 16 bits, in QLoRA 4`."""
    return any(token.has("method") for token in left) and any(token.has("method") for token in right[:2])


def _lists(left: list[Token], right: list[Token], lexicon: Lexicon) -> bool:
    """`base in NF4 + LoRA in bf16`: notes without a verb, each about a thing of its own."""
    if any(is_verb(token, lexicon) for token in (*left, *right)):
        return False
    return any(token.has("thing") for token in left) and right[0].has("method")


def _states(tokens: list[Token], lexicon: Lexicon) -> bool:
    """A finite-looking verb, or a participle after its noun."""
    seen_thing = False
    for token in tokens:
        if token.text.endswith("n't") or (is_verb(token, lexicon) and not (token.has("verb") and token.is_participle)):
            return True
        if token.has("verb") and seen_thing:
            return True
        seen_thing = seen_thing or token.has("thing")
    return False


def _is_a_new_noun(tokens: list[Token]) -> bool:
    """`trained on data, small files`: a quality with its thing starts anew after a statement."""
    return any(token.has("quality") for token in tokens) and any(token.has("thing") for token in tokens)
