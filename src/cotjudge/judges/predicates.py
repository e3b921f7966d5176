"""A rubric as the questions of a decision endpoint, and its probabilities as answers.

A criterion of two choices is a predicate (a question with a probability of yes); one of more is a choice among
them. `cannot_tell` is never offered: it is what a probability near one half means.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, cached_property
from typing import Any

from cotjudge import prompt, windows
from cotjudge.answer import CriterionAnswer
from cotjudge.judges.faults import UnreadableReply
from cotjudge.rubric import Criterion, Rubric
from cotjudge.rule import CANNOT_TELL
from cotjudge.trace import Trace

SURE = 0.6
"""A choice of at least this probability is the answer (so a predicate is yes from 0.6 on and no up to 0.4); where
none reaches it, the answer is `cannot_tell`. Part of the judge's identity."""

TEMPLATES = ("decision_input", "decision", "trace")
Given = float | Mapping[str, float]
"""What an endpoint says: a predicate's probability of yes, or the probability of each choice."""


@cache
def version() -> str:
    """12 hex digits over the templates and how a trace is rendered: what the judgement key knows of the prompt."""
    parts = "\0".join([prompt.RENDERING, *map(prompt.template, TEMPLATES)])
    return hashlib.blake2b(parts.encode(), digest_size=6).hexdigest()


class Predicates:
    """A rubric made ready to be put to a decision endpoint: all that is the same for every trace."""

    def __init__(self, rubric: Rubric) -> None:
        self._rubric = rubric
        self.questions: list[dict[str, Any]] = [_question(name, c, rubric) for name, c in rubric.criteria.items()]
        """One per criterion, in order, in the words of the OpenAI decision format."""

    @cached_property
    def question_tokens(self) -> int:
        """Tokens of the questions, by estimate."""
        return windows.tokens("\n".join(q["instructions"] for q in self.questions))

    @cached_property
    def tokens(self) -> int:
        """Tokens of all that is asked beside the trace, by estimate."""
        return self.question_tokens + windows.tokens(self._around(""))

    def input(self, shown: Trace) -> str:
        """The text the questions are about: the trace, fenced as for an LLM judge, and what the rubric means."""
        return self._around(prompt.trace_block(shown))

    def _around(self, trace_block: str) -> str:
        r = self._rubric
        return prompt.fill(
            "decision_input",
            trace=trace_block,
            title=r.title,
            question=_flat(r.question),
            definition=_flat(r.definition),
            judged=prompt.JUDGED[r.judges],
            exclusions=_bullets(r.exclusions),
            hard_negatives=_bullets(r.hard_negatives),
        )

    def read(self, given: Sequence[Given]) -> tuple[dict[str, CriterionAnswer], dict[str, float]]:
        """What the probabilities say.

        Args:
            given: one per question, in order.

        Returns:
            Criterion -> answer, and criterion -> how far it is met by expectation, 0 to 1: the probability of a
            predicate; of a graded criterion, its choices' credit weighted by their probabilities.

        Raises:
            UnreadableReply: something that is no probability.
        """
        answers, met = {}, {}
        for (name, criterion), raw in zip(self._rubric.criteria.items(), given, strict=True):
            probable = _normalised(name, criterion, raw)
            likeliest = max(probable, key=probable.__getitem__)
            answers[name] = CriterionAnswer(answer=likeliest if probable[likeliest] >= SURE else CANNOT_TELL)
            met[name] = min(1.0, sum(criterion.credit(choice) * p for choice, p in probable.items()))
        return answers, met


def _question(name: str, criterion: Criterion, rubric: Rubric) -> dict[str, Any]:
    graded = len(criterion.choices) > 3
    instructions = prompt.fill(
        "decision",
        asked="Which of the choices fits the trace best?" if graded else "Is this true of the trace?",
        criterion=_flat(f"{criterion.text} {criterion.guidance}"),
        where=prompt.place(criterion, rubric.judges),
    )
    if not graded:
        return {"type": "predicate", "name": name, "instructions": instructions}
    options = [{"value": choice} for choice in criterion.choices if choice != CANNOT_TELL]
    return {"type": "choice", "name": name, "instructions": instructions, "choices": options}


def _normalised(name: str, criterion: Criterion, raw: Given) -> dict[str, float]:
    """Every choice but `cannot_tell` with its probability, adding up to 1; rounded, so that 1 - 0.4 is 0.6."""
    given = {criterion.met: raw, criterion.negative: 1.0 - raw} if isinstance(raw, float) else raw
    probable = {choice: given.get(choice, 0.0) for choice in criterion.choices if choice != CANNOT_TELL}
    total = sum(probable.values())
    if not (total and all(0.0 <= p <= 1.0 for p in probable.values())):  # NaN is none, either
        raise UnreadableReply(f"{name}: {raw} is no probability")
    return {choice: round(p / total, 9) for choice, p in probable.items()}


def _flat(text: str) -> str:
    return " ".join(text.split())


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {_flat(line)}" for line in lines) or "(nothing)"
