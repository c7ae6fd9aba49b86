"""Learns how answers of each verdict are worded, from the labelled answers: quizzes/likeness/*.json.

    python data/build/learn_likeness.py                     # writes them for the bank `lesson`
    python data/build/learn_likeness.py --try               # prints how well each part is read by weights of the others
    python data/build/learn_likeness.py --bank mine.toml    # for the questions of another bank

The parts in SET_ASIDE are not learned from, so that their figures in quizzes/GRADER.md are those of strangers' answers.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import Normalizer

from finetune_lab.quiz.agreement import SET_ASIDE, Labelled, agreement, read_labelled
from finetune_lab.quiz.loading import load_bank
from finetune_lab.quiz.text.claims import read
from finetune_lab.quiz.text.likeness import VERDICTS, runs
from finetune_lab.quiz.text.words import Lexicon
from finetune_lab.quiz.verdict import Grade

QUIZZES = Path(__file__).resolve().parents[2] / "quizzes"
LEAST_OFTEN = 3  # a run of words that fewer answers hold says more of them than of the question
INVERSE_REGULARIZATION = 20.0  # scikit-learn's C; 5 to 60 read strangers' answers alike, within half a percent


def held(answer: str, lexicon: Lexicon) -> dict[str, int]:
    """The runs that an answer holds."""
    return {name: 1 for name, _ in runs(read(answer, lexicon).tokens)}


def learn(answers: Sequence[dict[str, int]], labels: Sequence[str]) -> Pipeline:
    """Weights for every run that is held often enough."""
    often = Counter(name for answer in answers for name in answer)
    kept = [{name: 1 for name in answer if often[name] >= LEAST_OFTEN} for answer in answers]
    regression = LogisticRegression(C=INVERSE_REGULARIZATION, max_iter=5_000, tol=1e-6)
    learner: Pipeline = make_pipeline(DictVectorizer(), Normalizer(), regression)
    return learner.fit(kept, labels)


def as_json(learner: Pipeline) -> str:
    """Bias and weights in hundredths, one run of words a line."""
    regression: Any = learner[-1]
    order = [list(regression.classes_).index(verdict) for verdict in VERDICTS]
    columns = {name: column for column, name in enumerate(learner[0].feature_names_)}
    rounded = {name: [round(100 * regression.coef_[at][columns[name]]) for at in order] for name in sorted(columns)}
    lines = [f"  {json.dumps(name)}: {json.dumps(weights)}" for name, weights in rounded.items() if any(weights)]
    bias = json.dumps([round(100 * regression.intercept_[at]) for at in order])
    return f'{{"bias": {bias}, "weights": {{\n' + ",\n".join(lines) + "\n}}\n"


def learned(name: str, lexicon: Lexicon) -> str:
    """The file of a question, from all of its labelled answers that are not set aside."""
    answers = [one for one in _labelled(name) if one.split not in SET_ASIDE]
    return as_json(learn([held(one.answer, lexicon) for one in answers], [one.label for one in answers]))


def tried(name: str, lexicon: Lexicon) -> list[tuple[Labelled, Grade]]:
    """Each answer with the verdict that weights learned of all other parts give it."""
    answers = _labelled(name)
    read_as = [held(one.answer, lexicon) for one in answers]
    found: list[tuple[Labelled, Grade]] = []
    for part in dict.fromkeys(one.split for one in answers):
        others = [at for at, one in enumerate(answers) if one.split != part]
        learner = learn([read_as[at] for at in others], [answers[at].label for at in others])
        these = [at for at, one in enumerate(answers) if one.split == part]
        verdicts = learner.predict([read_as[at] for at in these])
        found += [(answers[at], Grade(name, verdict, 0.0, [])) for at, verdict in zip(these, verdicts, strict=True)]
    return found


def _labelled(name: str) -> list[Labelled]:
    return read_labelled(QUIZZES / "answers" / f"{name}.jsonl")


def main() -> int:
    """Write the files, or print what a try gives."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--bank", default="lesson")
    asked.add_argument("--try", action="store_true", dest="is_try")
    options = asked.parse_args()
    rubrics = {one.id: one.rubric for one in load_bank(options.bank).questions if one.rubric is not None}
    for name in sorted(rubrics.keys() & {path.stem for path in (QUIZZES / "answers").glob("*.jsonl")}):
        words = rubrics[name].words
        if options.is_try:
            figures = agreement(tried(name, words))
            shares = f"{figures.pass_fail:.1%} pass/fail, {figures.three_way:.1%} three-way"
            print(f"{name}: {figures.answers} answers, {shares}")
        else:
            (QUIZZES / "likeness" / f"{name}.json").write_text(learned(name, words), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
