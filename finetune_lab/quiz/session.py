"""One learner at one bank, without any display: what to ask next, and what to say to an answer. The views draw this.

session = QuizSession(load_bank("lesson"))
question = session.next_question()
session.answer(question.id, "b", confidence=75)  ->  Feedback
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from finetune_lab.quiz.attempts import Attempt, percent
from finetune_lab.quiz.bank import Bank, Question
from finetune_lab.quiz.calibration import Calibration, calibration
from finetune_lab.quiz.feedback import Feedback, feedback_on, reasons_to_show
from finetune_lab.quiz.grading import Learner, grade
from finetune_lab.quiz.own_runs import Named, OwnRun, find_runs, is_about_runs, newest_of_each_method
from finetune_lab.quiz.progress import Progress
from finetune_lab.quiz.readiness import Readiness, readiness
from finetune_lab.quiz.reading import Labelled, UnreadableError, labelled, read_answer
from finetune_lab.quiz.review import Due, schedule
from finetune_lab.quiz.standing import Standing, points_of, standing_of
from finetune_lab.quiz.variants import choices_for

SAME = "This is your last answer once more. Change it first; it has not been counted again."


def now_in_utc() -> datetime:
    """Now, to the second, as progress files keep it."""
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class Asked:
    """How a bank is asked."""

    questions: tuple[str, ...] = ()  # ids; all of them where none is named
    seed: str = ""  # the student's: variants and order
    runs: Named = None  # run folders, or a folder of such; `runs/` where none is named
    from_memory: bool = False  # no hints, and nothing of earlier answers


class QuizSession:
    """The questions in their order, their standings, and the answers. Everything that lasts is in `progress`."""

    def __init__(
        self, bank: Bank, asked: Asked = Asked(), progress: Progress | None = None,
        clock: Callable[[], datetime] = now_in_utc,
    ) -> None:  # fmt: skip
        self.bank, self.asked, self.clock = bank, asked, clock
        self.progress = Progress(bank.id, asked.seed) if progress is None else progress
        self.questions = tuple(bank[name] for name in dict.fromkeys(asked.questions)) or bank.questions
        self.runs: list[OwnRun] = []
        self.refresh()

    @property
    def learner(self) -> Learner:
        """What grades depend on besides the answer."""
        return Learner(self.asked.seed, [run.summary for run in self.runs])

    def refresh(self) -> None:
        """Take in what other notebooks answered and which runs have ended; settle the answers that waited for one."""
        self.progress.reload()
        self.runs = find_runs(self.asked.runs)
        for attempt in [one for one in self.progress.attempts if one.verdict == "review"]:
            question = next((one for one in self.bank.questions if one.id == attempt.question), None)
            if question is not None and is_about_runs(question):
                result = grade(question, attempt.answer, self.learner)
                if result.verdict != "review":
                    settled = attempt.settled(result.verdict, result.score, tuple(result.reasons))
                    self.progress.settle(attempt, settled)

    def labels(self, question: Question) -> Labelled:
        """The choices as they are shown: shuffled by the seed, where there is none by the bank, the same every time."""
        return labelled(choices_for(question, self.asked.seed or self.bank.id))

    def standing(self, name: str) -> Standing:
        """Where a question stands now."""
        question = self.bank[name]
        return standing_of(question, self.progress.of(name), self.clock(), self.learner, self.asked.from_memory)

    def order(self) -> list[Question]:
        """The reviews that are due, the longest due first; then the others, as the bank has them."""
        due = [one.question for one in self.due() if self.standing(one.question.id).closed]
        return [*due, *(question for question in self.questions if question not in due)]

    def next_question(self, after: str | None = None) -> Question | None:
        """The next one that can be answered, beginning behind `after` and going round; None where there is none."""
        order = self.order()
        start = next((at + 1 for at, one in enumerate(order) if one.id == after), 0)
        turned = [*order[start:], *order[:start]]
        return next((one for one in turned if one.id != after and self.standing(one.id).is_open), None)

    def answer(self, name: str, given: object, confidence: object = None) -> Feedback:
        """Grade an answer, keep it, and say what may be said.

        Raises:
            BankError: there is no such question, or the confidence is no percentage.
        """
        question, sure = self.bank[name], percent(confidence)
        self.refresh()
        standing = self.standing(name)
        if not standing.is_open:
            return Feedback(name, None, reasons=(standing.why_closed,))
        try:
            answer = read_answer(question, given, self.labels(question))
        except UnreadableError as fault:
            return Feedback(name, None, reasons=(str(fault),), left=standing.left)
        if standing.seen and not standing.due and standing.seen[-1].answer == answer:  # a second click, or Enter
            return Feedback(name, None, reasons=(SAME,), left=standing.left)
        result = grade(question, answer, self.learner)
        if result.verdict == "review" and is_about_runs(question) and question.kind != "predict":
            looked = "in runs/ of this folder" if self.asked.runs is None else f"in {self.asked.runs}"
            why = f"{result.reasons[0].removeprefix('Kept. ')} Answer after it has ended; runs are looked for {looked}."
            return Feedback(name, None, reasons=(why,), left=standing.left)
        closes = result.verdict == "pass" or standing.left == 1
        attempt = Attempt(
            name, answer, self.clock(), result.verdict, result.score,
            reasons_to_show(question, answer, result, closed=closes), sure, self.asked.from_memory, standing.counts,
        )  # fmt: skip
        self.progress.add(attempt)
        return self.feedback(name) or Feedback(name, result.verdict)

    def feedback(self, name: str) -> Feedback | None:
        """What is to be seen of the newest answer; None where there is none, or where it would give a review away."""
        standing = self.standing(name)
        if not standing.seen or standing.due:
            return None
        hints = not self.asked.from_memory
        said = feedback_on(standing.question, standing.seen, standing.left, self.learner, hints=hints)
        return replace(said, trouble=self.progress.trouble)

    def due(self) -> list[Due]:
        """The questions whose review is due."""
        now = self.clock()
        return [one for one in self.schedule() if one.is_due(now)]

    def schedule(self) -> list[Due]:
        """The questions that come back, and when."""
        return schedule(self.questions, self.progress.attempts)

    def calibration(self) -> Calibration:
        """Confidence against outcome, over the questions that are asked."""
        names = {question.id for question in self.questions}
        return calibration([attempt for attempt in self.progress.attempts if attempt.question in names])

    def readiness(self) -> Readiness:
        """Whether the learner is ready for the next lesson, and what to look at again."""
        return readiness(self.questions, self.progress.attempts)

    def points(self) -> tuple[float, float]:
        """Points so far, of the attempts that count, as a class is graded; and points in all."""
        got = sum(points_of(question, self.progress.of(question.id)) for question in self.questions)
        return round(got, 2), round(sum(question.points for question in self.questions), 2)

    def answered(self) -> int:
        """How many of the questions have an answer."""
        hidden = self.asked.from_memory  # then, only answers from memory are seen
        names = {one.question for one in self.progress.attempts if one.from_memory or not hidden}
        return sum(question.id in names for question in self.questions)

    def about_runs(self, question: Question) -> Sequence[OwnRun]:
        """The runs that a question means, where it is about the learner's own."""
        return newest_of_each_method(self.runs) if is_about_runs(question) else []
