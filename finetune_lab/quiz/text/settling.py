"""One verdict from two readers, by Bayes' rule.

    P(kind | wording, finding)  ~  P(kind | wording)  x  P(finding | kind)
                                   likeness              FINDS

A sure reader outvotes an unsure one. The rules keep the last word where wording is blind: on what is no answer (the
gates), on the opposite of the right one, which has the same words ("neither cheaper nor faster"), and on words in no
order. What they did not pass passes only where that is likely, not just likelier than the rest; and what they passed,
with reasons, stays passed unless that is unlikely.
"""

from collections.abc import Mapping

from finetune_lab.quiz.text.likeness import VERDICTS, Opinion
from finetune_lab.quiz.verdict import Verdict

LIKELY = 0.75  # of five parts that nothing was learned from 0.7 passes 11 wrongly, this 8; refused: 35 and 37
UNLIKELY = 0.1
# How often the rules find what stands in front in answers that are not_yet, partial and pass: counted at their first
# sight of 3,558 labelled answers, each part graded before any rule was changed for it; but for 252 that a gate stopped.
FINDS: Mapping[Verdict, tuple[float, float, float]] = {
    "not_yet": (0.870, 0.078, 0.068),
    "partial": (0.085, 0.820, 0.104),
    "pass": (0.029, 0.101, 0.823),
    "review": (0.016, 0.001, 0.005),
}


def settled(found: Verdict, opinion: Opinion | None, may_pass: bool) -> tuple[Verdict, float]:
    """The verdict on what the rules found in an answer and how it reads, and its probability.

    What the rules left to a person stays there, unless its wording is likely that of an answer that does not pass.

    Args:
        found: by the rules.
        opinion: by its wording; None where nothing was learned.
        may_pass: whether it may pass although the rules did not pass it.
    """
    if opinion is None:
        return found, 1.0
    weighed = {one: opinion.shares[one] * share for one, share in zip(VERDICTS, FINDS[found], strict=True)}
    whole = sum(weighed.values())
    passes = weighed["pass"] / whole
    if found == "pass" and passes >= UNLIKELY:
        return found, passes
    if not may_pass or passes < LIKELY or found == "review":
        del weighed["pass"]
    best = max(weighed, key=lambda one: weighed[one])
    sure = weighed[best] / whole
    return (found, 1.0) if found == "review" and sure < LIKELY else (best, sure)
