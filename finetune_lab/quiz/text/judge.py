"""Judges a free-text answer by a rubric, with reasons in the learner's own words."""

from dataclasses import dataclass, field

from finetune_lab.quiz.text.claims import Reading, read
from finetune_lab.quiz.text.context import Claim
from finetune_lab.quiz.text.gates import Gate, gate_of, is_in_order
from finetune_lab.quiz.text.likeness import Opinion
from finetune_lab.quiz.text.rubric import Idea, Misconception, Rubric
from finetune_lab.quiz.text.settling import settled
from finetune_lab.quiz.verdict import Verdict

LIKE = {"pass": "answers that are right", "partial": "answers that are half right", "not_yet": "answers that miss it"}
NOT_UNDERSTOOD_WORDS = 20  # an answer this long, on the subject but not recognized, is for a person


@dataclass(frozen=True)
class Judgement:
    """Verdict, score from 0 to 1, reasons for the learner, and the rules that fired, for the rubric's author."""

    verdict: Verdict
    score: float
    reasons: list[str]
    fired: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Findings:
    ideas: dict[str, Claim]
    contradicted: dict[str, tuple[Claim, Claim]]
    misconceptions: list[tuple[Misconception, Claim]]
    credit: float
    forgot: str  # `I forgot which ones`, in the learner's words; empty where nothing is


def judge(answer: str, rubric: Rubric, prompt: str) -> Judgement:
    """Grade an answer. Deterministic: only the rubric, the prompt, the lexicon and the labelled answers have a say."""
    reading = read(answer, rubric.words)
    gate = gate_of(reading, prompt, rubric.words)
    findings = _findings(reading, rubric)
    found = _verdict(findings, rubric)
    if gate is not None and not _is_passed_over(gate, found):
        return _stopped(gate, found)
    if found == "not_yet" and _is_for_a_person(reading, findings, rubric):
        found = "review"
    opinion = rubric.likeness.of(reading.tokens) if rubric.likeness else None
    verdict, sure = settled(found, opinion, not _is_denied(findings) and is_in_order(reading.tokens, rubric.words))
    fired, wording = _fired(reading, findings), _wording(reading, opinion, verdict) if opinion else ""
    if wording:
        fired.append(f"found {found}, reads like {verdict} {sure:.2f}: {wording}")
    if verdict == "review":
        reason = "This speaks of the subject in a way that the rules can't read: a person reads it."
        return Judgement("review", 0.0, [reason], ["not_understood", *fired])
    reasons = _reasons(reading, findings, rubric, verdict)
    if wording and verdict != found:
        reasons.insert(0, f"{wording} reads like {LIKE[verdict]}.")
    return Judgement(verdict, _score(verdict, findings, rubric), reasons, fired)


def _wording(reading: Reading, opinion: Opinion, verdict: Verdict) -> str:
    """The learner's own words that speak most for the verdict."""
    spans = [(reading.tokens[start].start, reading.tokens[end - 1].end) for start, end in opinion.telling(verdict)]
    return " and ".join(f'"{" ".join(reading.text[start:end].split())}"' for start, end in spans) or "This"


def _is_passed_over(gate: Gate, verdict: Verdict) -> bool:
    """A right answer may consist of the question's words."""
    return gate.name == "copied" and verdict == "pass"


def _stopped(gate: Gate, verdict: Verdict) -> Judgement:
    """A right answer that also speaks to the grader is for a person to see."""
    final: Verdict = "review" if gate.name == "to_the_grader" and verdict == "pass" else gate.verdict
    return Judgement(final, 0.0, [gate.reason], [f"gate {gate.name}"])


def _findings(reading: Reading, rubric: Rubric) -> _Findings:
    claims = [claim for claim in reading.claims if not claim.aside]
    ideas: dict[str, Claim] = {}
    contradicted: dict[str, tuple[Claim, Claim]] = {}
    words = sum(token.is_word for token in reading.tokens)
    for idea in (one for one in rubric.ideas if words >= one.words):
        hits = [found[0] for pattern in idea.accept if (found := pattern.found(claims, rubric.topic))]
        if hits:
            ideas[idea.id] = hits[0]
            opposite = (
                None
                if _is_outdone(idea, ideas, rubric)
                else next((claim for pattern in idea.accept if (claim := pattern.opposed(claims, rubric.topic))), None)
            )
            if opposite is not None:
                contradicted[idea.id] = (hits[0], opposite)
    wrong = [(entry, claim) for entry in rubric.misconceptions if (claim := _held(entry, claims, ideas, rubric.topic))]
    least = 1.0 if any(entry.instead for entry, _ in wrong) else 0.0
    forgot = rubric.words.frames["half_remembered"].search(reading.text)
    return _Findings(ideas, contradicted, wrong, _credit(rubric, ideas, least), forgot[0] if forgot else "")


def _is_outdone(idea: Idea, ideas: dict[str, Claim], rubric: Rubric) -> bool:
    """Whether a better idea of its group was found, so that this one doesn't count."""
    return any(
        other.id in ideas and other.group == idea.group and other.credit > idea.credit
        for other in rubric.ideas
        if idea.group
    )


def _held(entry: Misconception, claims: list[Claim], ideas: dict[str, Claim], topic: frozenset[str]) -> Claim | None:
    if any(name in ideas for name in entry.unless):
        return None
    claims = [claim for claim in claims if not claim.conditional]
    return next((found[0] for pattern in entry.accept if (found := pattern.found(claims, topic))), None)


def _credit(rubric: Rubric, ideas: dict[str, Claim], least: float) -> float:
    """The best idea of each group, of those that earn `least`."""
    best: dict[str, float] = {}
    for idea in rubric.ideas:
        if idea.id in ideas and idea.credit >= least:
            group = idea.group or idea.id
            best[group] = max(best.get(group, 0.0), idea.credit)
    return sum(best.values())


def _verdict(findings: _Findings, rubric: Rubric) -> Verdict:
    if _is_denied(findings):
        return "not_yet"
    if findings.credit >= rubric.pass_at and not findings.misconceptions:
        return "partial" if findings.forgot else "pass"
    return "partial" if findings.credit >= rubric.partial_at else "not_yet"


def _is_denied(findings: _Findings) -> bool:
    """Whether the answer says the opposite of the right one, be it beside it."""
    return bool(findings.contradicted) or any(entry.fatal for entry, _ in findings.misconceptions)


def _score(verdict: Verdict, findings: _Findings, rubric: Rubric) -> float:
    if verdict == "pass":
        return 1.0
    if verdict == "not_yet":
        return 0.0
    return round(min(0.75, max(0.25, findings.credit / rubric.pass_at - 0.25 * len(findings.misconceptions))), 2)


def _is_for_a_person(reading: Reading, findings: _Findings, rubric: Rubric) -> bool:
    """Long enough, on the subject, nothing right or wrong found, and with words that the lexicon does not know."""
    if findings.ideas or findings.misconceptions or findings.contradicted:
        return False
    words = [token for token in reading.tokens if token.is_word]
    terms = sum(bool(token.concepts) for token in words)
    unknown = sum(_is_unknown(token.text, rubric) for token in words if not token.concepts)
    return len(words) >= NOT_UNDERSTOOD_WORDS and terms >= 3 and unknown >= 3


def _is_unknown(text: str, rubric: Rubric) -> bool:
    return text not in rubric.words.function_words and text not in rubric.words.known


def _reasons(reading: Reading, findings: _Findings, rubric: Rubric, verdict: Verdict) -> list[str]:
    reasons = []
    if verdict != "pass":
        for one, other in findings.contradicted.values():
            reasons.append(f'You say both "{reading.quote(one)}" and "{reading.quote(other)}": which is it?')
        reasons += [f'"{reading.quote(claim)}": {entry.say}' for entry, claim in findings.misconceptions]
        if findings.forgot:
            reasons.append(f'"{findings.forgot}": what you don\'t remember belongs to it; look it up.')
    quotes = dict.fromkeys(
        reading.quote(claim) for name, claim in findings.ideas.items() if name not in findings.contradicted
    )
    reasons += [f'Counts: "{quote}".' for quote in quotes]
    if verdict != "pass":
        reasons += [f"Still missing: {idea.missing}" for idea in _asked_for(findings, rubric)]
    return reasons


def _asked_for(findings: _Findings, rubric: Rubric) -> list[Idea]:
    """What would lift the answer: the ideas not found yet, one a group, two at most."""
    if findings.credit >= rubric.pass_at:
        return []
    reached = {
        idea.group or idea.id for idea in rubric.ideas if idea.id in findings.ideas and idea.credit >= rubric.pass_at
    }
    missing: dict[str, Idea] = {}
    for idea in rubric.ideas:
        if idea.id not in findings.ideas and (idea.group or idea.id) not in reached:
            missing.setdefault(idea.group or idea.id, idea)
    return list(missing.values())[:2]


def _fired(reading: Reading, findings: _Findings) -> list[str]:
    fired = [f'idea {name}: "{reading.quote(claim)}"' for name, claim in findings.ideas.items()]
    fired += [f'half remembered: "{findings.forgot}"'] if findings.forgot else []
    fired += [f'misconception {entry.id}: "{reading.quote(claim)}"' for entry, claim in findings.misconceptions]
    return fired + [f'contradiction {name}: "{reading.quote(pair[1])}"' for name, pair in findings.contradicted.items()]
