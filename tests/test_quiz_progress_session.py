"""A session at a bank: what is asked, what is taken, what is said, what comes back, and whether one is ready."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from finetune_lab.quiz.attempts import Attempt
from finetune_lab.quiz.bank import BankError
from finetune_lab.quiz.calibration import calibration
from finetune_lab.quiz.keeping import VARIABLE
from finetune_lab.quiz.loading import load_bank
from finetune_lab.quiz.progress import Progress
from finetune_lab.quiz.readiness import readiness
from finetune_lab.quiz.review import DAYS, box_of
from finetune_lab.quiz.session import Asked, QuizSession

START = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
GOOD_TEXT = {
    "checkpoint-full": "All the base model's weights are updated.",
    "checkpoint-adapters": "You train far fewer parameters, so a run needs less memory, is faster and cheaper, "
    "and the base stays intact so you can throw a bad adapter away.",
    "checkpoint-lora": "A small trainable low-rank update: two thin matrices A and B.",
    "checkpoint-qlora": "The frozen base model is stored in 4 bits while the adapters train.",
}


class Clock:
    """A clock that a test moves."""

    def __init__(self):
        self.now = START

    def __call__(self):
        self.now += timedelta(seconds=1)
        return self.now

    def sleep(self, days):
        self.now += timedelta(days=days)


@pytest.fixture(scope="module")
def lesson():
    return load_bank("lesson")


@pytest.fixture
def clock(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "progress"))
    monkeypatch.chdir(tmp_path)
    return Clock()


def session(bank, clock, **asked):
    return QuizSession(bank, Asked(**asked), clock=clock)


def write_run(folder, method, started="2026-11-25T07:00:00+00:00", **summary):
    folder.mkdir(parents=True)
    memory = {
        side: {"base_weights": 20, "gradients": 4, "optimizer": 8, "activations": 9, "peak": peak}
        for side, peak in (("predicted", 102), ("measured", 100))
    }
    if method == "lora":
        memory["measured"] |= {"gradients": 1, "optimizer": 2}
    record = {"method": method, "memory": memory, "rank": 8, "alpha": 16, **summary}
    text = json.dumps({"format": 1, "started": started, "summary": record})
    (folder / "run.json").write_text(text, encoding="utf-8")


def right_answer(quiz, question):
    if question.kind == "text":
        return GOOD_TEXT[question.id]
    if question.number is not None:
        from finetune_lab.quiz.feedback import solution_of

        return solution_of(question, quiz.learner)
    return [choice.id for choice in question.choices if choice.correct]


def test_a_wrong_first_answer_gets_a_hint_and_not_the_answer(lesson, clock):
    quiz = session(lesson, clock)
    first = quiz.answer("quick-qlora", "no-descent", confidence=75)
    assert (first.verdict, first.left, first.solution, first.explanation) == ("not_yet", 1, "", "")
    assert first.hint == "The Q stands for a way to store numbers."
    assert "Keeping the frozen" not in " ".join(first.lines())
    last = quiz.answer("quick-qlora", "no-attention")
    assert (last.verdict, last.left, last.hint) == ("not_yet", 0, "")
    assert last.solution.startswith("Keeping the frozen base model quantized")
    assert last.explanation
    refused = quiz.answer("quick-qlora", "quantized-base")
    assert refused.verdict is None
    assert "closed" in refused.reasons[0]
    assert len(quiz.progress.attempts) == 2


def test_no_question_gives_itself_away_after_the_first_miss(lesson, clock):
    quiz = session(lesson, clock)
    seen = 0
    for question in lesson.questions:
        wrong = [choice for choice in question.choices if not choice.correct]
        right = [choice for choice in question.choices if choice.correct]
        if question.kind not in ("single", "multi") or question.attempts < 2:
            continue
        given = [wrong[0].id] if question.kind == "single" else [wrong[0].id, right[0].id]
        said = quiz.answer(question.id, given)
        seen += 1
        assert said.left >= 1
        assert said.hint
        for choice in right:
            assert choice.feedback not in " ".join(said.lines())
            assert choice.text not in said.solution
    assert seen >= 20


def test_hints_go_on_with_each_miss_and_numbers_show_the_right_one_at_the_end(lesson, clock):
    quiz = session(lesson, clock)
    first = quiz.answer("lora-count", "7")
    assert first.hint == lesson["lora-count"].hints[0]
    last = quiz.answer("lora-count", 16383 * 3)
    assert last.solution == "16,384 parameters"
    hints = [quiz.answer("checkpoint-full", text).hint for text in ("the tokenizer", "the prompt")]
    assert hints == list(lesson["checkpoint-full"].hints)


def test_the_same_answer_twice_is_a_second_click_and_costs_nothing(lesson, clock):
    quiz = session(lesson, clock)
    quiz.answer("quick-qlora", "no-descent")
    again = quiz.answer("quick-qlora", ["no-descent"])
    assert (again.verdict, again.left) == (None, 1)
    assert "last answer once more" in again.reasons[0]
    assert len(quiz.progress.attempts) == 1


def test_what_cant_be_read_uses_up_no_attempt(lesson, clock):
    quiz = session(lesson, clock)
    unreadable = {
        "quick-qlora": ["", "z", [], ["no-descent", "no-attention"], 3, None, ["a", 1], "a, b"],
        "which-are-adapters": [[], "", "full lora nothing"],
        "lora-count": ["", "many", "1 or 2", True, [], "5 MB"],
        "checkpoint-lora": ["", "  ", 5, "x" * 4001],
    }
    for name, answers in unreadable.items():
        for given in answers:
            said = quiz.answer(name, given)
            assert said.verdict is None, (name, given)
            assert said.reasons[0]
            assert said.left == lesson[name].attempts
    assert quiz.progress.attempts == []
    with pytest.raises(BankError, match="no question"):
        quiz.answer("nothing", "a")


def test_answers_come_as_letters_ids_or_words(lesson, clock):
    quiz = session(lesson, clock, seed="ann")
    labels = quiz.labels(lesson["quick-qlora"])
    letter = next(label for label, choice in labels.items() if choice.correct)
    for number, given in enumerate((letter, letter.upper() + ")", "quantized-base", labels[letter].text, [letter])):
        alone = QuizSession(lesson, Asked(), Progress(f"other-{number}"), clock)
        alone.asked = quiz.asked
        assert alone.answer("quick-qlora", given).verdict == "pass"
    both = {choice.id: label for label, choice in quiz.labels(lesson["which-are-adapters"]).items()}
    assert quiz.answer("which-are-adapters", f"{both['lora']}, {both['qlora']}").verdict == "pass"


def test_order_of_choices_follows_the_seed_for_ever(lesson, clock):
    orders = {
        seed: [[choice.id for choice in session(lesson, clock, seed=seed).labels(question).values()]
               for question in lesson.questions if question.choices]
        for seed in ("", "ann", "ben")
    }  # fmt: skip
    assert orders["ann"] != orders["ben"]
    assert orders[""] == [
        [choice.id for choice in session(lesson, clock).labels(question).values()]
        for question in lesson.questions
        if question.choices
    ]
    firsts = [order[0] for order in orders[""]]
    right = [{c.id for c in question.choices if c.correct} for question in lesson.questions if question.choices]
    assert 5 <= sum(first in good for first, good in zip(firsts, right, strict=True)) <= len(firsts) - 5


def test_everything_is_there_again_in_a_new_session(lesson, clock):
    quiz = session(lesson, clock)
    said = [quiz.answer("quick-qlora", "no-descent", 75), quiz.answer("checkpoint-lora", GOOD_TEXT["checkpoint-lora"])]
    again = session(lesson, clock)
    assert [again.feedback("quick-qlora"), again.feedback("checkpoint-lora")] == said
    assert again.standing("quick-qlora").left == 1
    assert (again.answered(), again.points()[0]) == (2, 2.0)


def test_a_prediction_is_made_once_before_the_run_and_settled_by_it(lesson, clock, tmp_path):
    quiz = session(lesson, clock)
    said = quiz.answer("predict-component", "optimizer", 60)
    assert said.verdict == "review"
    assert said.word == "… Kept"
    assert "a full run is still needed" in said.reasons[0]
    assert quiz.answer("predict-component", "gradients").reasons[0].startswith("Your prediction is kept")
    write_run(tmp_path / "runs/1-compare/full", "full")
    quiz.refresh()
    assert quiz.feedback("predict-component").verdict == "review"
    write_run(tmp_path / "runs/1-compare/lora-r8", "lora")
    quiz.refresh()
    assert quiz.feedback("predict-component").verdict == "pass"
    assert session(lesson, clock).standing("predict-component").verdict == "pass"


def test_a_prediction_after_the_run_is_locked(lesson, clock, tmp_path):
    write_run(tmp_path / "runs/full", "full")
    write_run(tmp_path / "runs/lora", "lora")
    quiz = session(lesson, clock)
    said = quiz.answer("predict-component", "optimizer")
    assert said.verdict is None
    assert said.reasons[0].startswith("Locked:")
    assert quiz.progress.attempts == []
    assert session(lesson, clock, runs=[tmp_path / "runs/full"]).standing("predict-component").is_open


def test_numbers_of_the_own_run_come_from_the_newest_run(lesson, clock, tmp_path):
    quiz = session(lesson, clock)
    early = quiz.answer("run-gradient-bytes", 400)
    assert early.verdict is None
    assert "a lora or qlora run is still needed" in early.reasons[0]
    write_run(tmp_path / "runs/b", "lora", "2026-11-25T09:00:00+00:00", trainable_parameters=100)
    write_run(tmp_path / "runs/c", "lora", "2026-11-25T08:00:00+00:00", trainable_parameters=999)
    (tmp_path / "runs/broken").mkdir()
    (tmp_path / "runs/broken/run.json").write_text("{", encoding="utf-8")
    (tmp_path / "runs/going").mkdir()
    (tmp_path / "runs/going/run.json").write_text('{"format": 1, "method": {}}', encoding="utf-8")
    quiz.refresh()
    assert len(quiz.runs) == 2
    assert [str(run.folder.name) for run in quiz.about_runs(lesson["run-gradient-bytes"])] == ["b"]
    assert quiz.answer("run-gradient-bytes", 400).verdict == "pass"
    with pytest.raises(BankError, match="no folder"):
        session(lesson, clock, runs="nowhere")


def test_missed_questions_come_back_at_growing_distances(lesson, clock):
    quiz = session(lesson, clock)
    quiz.answer("quick-qlora", "no-descent")
    quiz.answer("quick-qlora", "quantized-base")  # right now, but read a minute ago
    assert quiz.due() == []
    assert quiz.answer("quick-qlora", "quantized-base").verdict is None
    for days in DAYS:
        clock.sleep(days - 0.01)
        assert quiz.due() == []
        clock.sleep(0.02)
        assert [one.question.id for one in quiz.due()] == ["quick-qlora"]
        assert quiz.feedback("quick-qlora") is None  # it would give the answer away
        assert quiz.order()[0].id == quiz.next_question().id == "quick-qlora"
        assert quiz.answer("quick-qlora", "quantized-base").verdict == "pass"
    clock.sleep(400)
    assert quiz.schedule() == []
    assert quiz.points()[0] == 1.0
    assert [one.counts for one in quiz.progress.attempts] == [True, True, *[False] * len(DAYS)]


def test_a_missed_review_goes_back_to_the_first_box_and_takes_no_points(lesson, clock):
    quiz = session(lesson, clock)
    quiz.answer("quick-qlora", "no-descent")
    quiz.answer("quick-qlora", "quantized-base")
    clock.sleep(2)
    quiz.answer("quick-qlora", "quantized-base")
    clock.sleep(4)
    said = quiz.answer("quick-qlora", "no-descent")
    assert (said.verdict, said.left) == ("not_yet", 0)
    assert said.solution
    assert [one.box for one in quiz.schedule()] == [1]
    assert quiz.points()[0] == 1.0


def test_a_lucky_answer_comes_back_too():
    lucky = Attempt("q", "a", START, "pass", 1.0, confidence=50)
    assert box_of([lucky]) == (1, START)
    assert box_of([Attempt("q", "a", START, "pass", 1.0, confidence=75)]) is None
    later = Attempt("q", "a", START + timedelta(days=1), "pass", 1.0, confidence=25)
    assert box_of([lucky, later]) == (1, later.at)


def test_from_memory_shows_nothing_of_earlier_answers_and_no_hints(lesson, clock):
    session(lesson, clock).answer("checkpoint-lora", GOOD_TEXT["checkpoint-lora"])
    quiz = session(lesson, clock, from_memory=True)
    assert quiz.feedback("checkpoint-lora") is None
    assert quiz.answered() == 0
    said = quiz.answer("quick-qlora", "no-descent")
    assert (said.hint, said.left, said.solution) == ("", 1, "")
    assert quiz.answer("checkpoint-lora", GOOD_TEXT["checkpoint-lora"]).verdict == "pass"
    kept = [(one.question, one.from_memory, one.counts) for one in Progress("lesson").attempts]
    assert kept == [
        ("checkpoint-lora", False, True), ("quick-qlora", True, True), ("checkpoint-lora", True, False),
    ]  # fmt: skip
    assert session(lesson, clock, from_memory=True).feedback("checkpoint-lora").verdict == "pass"


def test_calibration_and_brier_score():
    pairs = [(100, True), (75, True), (75, False), (50, True), (50, False), (25, False)]
    attempts = [Attempt("q", "a", START, "pass" if right else "not_yet", 1.0, confidence=sure) for sure, right in pairs]
    attempts.append(Attempt("q", "a", START, "review", 0.0, confidence=100))
    attempts.append(Attempt("q", "a", START, "pass", 1.0))
    found = calibration(attempts)
    assert found.answers == 6
    assert found.brier == pytest.approx((0 + 0.0625 + 0.5625 + 0.25 + 0.25 + 0.0625) / 6)
    assert found.bias == pytest.approx(62.5 - 50)
    assert [(band.answers, band.said, band.right) for band in found.bands] == [
        (1, 25, 0), (2, 50, 50), (2, 75, 50), (1, 100, 100),
    ]  # fmt: skip
    assert "surer than you were right, by 12 points" in repr(found)
    assert "<table>" in found._repr_html_()
    assert "0 so far" in repr(calibration([]))


def test_ready_when_all_is_right_and_not_before(lesson, clock, tmp_path):
    quiz = session(lesson, clock)
    nothing = quiz.readiness()
    assert (nothing.verdict, nothing.share) == ("not ready yet", 0.0)
    assert len(nothing.review) == sum(question.kind != "predict" for question in lesson.questions)
    bytes_of = {"base_weights": 20, "quantization_state": 1}
    for method in ("full", "lora", "qlora"):
        write_run(
            tmp_path / "runs" / method, method, trainable_parameters=100, total_parameters=1000, artifact_bytes=512,
            memory={"measured": bytes_of | {"peak": 100}, "predicted": {"peak": 101}},
        )  # fmt: skip
    quiz.refresh()
    for question in lesson.questions:
        if question.kind not in ("predict", "text"):
            assert quiz.answer(question.id, right_answer(quiz, question)).verdict == "pass", question.id
    almost = quiz.readiness()
    assert almost.verdict == "nearly ready"
    assert {one.question for one in almost.review} == set(GOOD_TEXT)
    assert "checkpoint-lora" in repr(almost)
    for name, text in GOOD_TEXT.items():
        assert quiz.answer(name, text).verdict == "pass", name
    assert quiz.readiness().verdict == "ready"
    assert quiz.readiness().review == ()


def test_readiness_names_weak_statements_and_counts_the_newest_answer(lesson):
    asked = [lesson["quick-qlora"], lesson["quick-adapters"]]
    old, new = (
        Attempt("quick-qlora", "x", START, verdict, score) for verdict, score in (("pass", 1.0), ("not_yet", 0.0))
    )
    found = readiness(asked, [old, new, Attempt("quick-adapters", "x", START, "pass", 1.0)])
    assert found.verdict == "not ready yet"
    assert found.weak == ("S9",)
    assert [(one.question, one.why) for one in found.review] == [("quick-qlora", "missed")]
    assert "Know what QLoRA does" in found._repr_html_()


def test_answers_to_questions_that_a_bank_lost_are_kept(lesson, clock):
    Progress("lesson").add(Attempt("gone", "x", START, "review", 0.0))
    quiz = session(lesson, clock)
    quiz.answer("quick-qlora", "no-descent")
    assert [one.question for one in Progress("lesson").attempts] == ["gone", "quick-qlora"]
    assert quiz.answered() == 1


def test_only_the_questions_asked_for(lesson, clock):
    quiz = session(lesson, clock, questions=("quick-qlora", "quick-adapters", "quick-qlora"))
    assert [question.id for question in quiz.questions] == ["quick-qlora", "quick-adapters"]
    quiz.answer("quick-qlora", "quantized-base")
    assert quiz.next_question("quick-qlora").id == "quick-adapters"
    quiz.answer("quick-adapters", "fewer-parameters")
    assert quiz.next_question() is None
    with pytest.raises(BankError, match="no question 'x'"):
        session(lesson, clock, questions=("x",))
