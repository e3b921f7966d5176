"""A judge with its answers given, for tests of what lies above judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cotjudge.answer import Answers, CriterionAnswer
from cotjudge.rubric import Rubric
from cotjudge.trace import Trace

Reply = Answers | Exception
Replies = Reply | Mapping[str, Reply] | Callable[[Trace, Rubric], Reply]


class ScriptedJudge:
    """Implements `cotjudge.judges.base.Judge` without asking anybody.

    Args:
        replies: one reply for everything, one per rubric id, or a function of trace and rubric. An exception
            as a reply is raised. Left out, every criterion gets its negative answer.
        spec: the judge's name; part of its identity.
    """

    prompt_version = ""
    notice = ""

    def __init__(self, replies: Replies | None = None, *, spec: str = "scripted") -> None:
        self.spec = spec
        self.asked: list[tuple[str, str]] = []
        """(trace id, rubric id) of every question so far, in order."""
        self.closed = False
        """Whether it was told to let go."""
        self._replies = all_negative if replies is None else replies

    @property
    def identity(self) -> Mapping[str, Any]:
        """Its name."""
        return {"judge": self.spec}

    def rubric_hash(self, rubric: Rubric) -> str:
        """Hash of all but cues and examples."""
        return rubric.question_hash

    def view(self, trace: Trace) -> Trace:
        """The trace as it is."""
        return trace

    async def answer(self, trace: Trace, rubric: Rubric) -> Answers:
        """The scripted answer, or the scripted exception."""
        self.asked.append((trace.trace_id, rubric.id))
        reply = self._reply(trace, rubric)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def _reply(self, trace: Trace, rubric: Rubric) -> Reply:
        if isinstance(self._replies, Mapping):
            return self._replies[rubric.id]
        return self._replies(trace, rubric) if callable(self._replies) else self._replies

    async def aclose(self) -> None:
        """Remember that it was closed."""
        self.closed = True


def all_negative(trace: Trace, rubric: Rubric) -> Answers:
    """Every criterion's negative answer, without a quote."""
    del trace
    criteria = {name: CriterionAnswer(answer=c.negative) for name, c in rubric.criteria.items()}
    return Answers(rationale="Nothing of the kind.", criteria=criteria)
