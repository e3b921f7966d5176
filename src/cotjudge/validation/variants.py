"""A judge once more, or a little otherwise: judges of their own, whose verdicts shadow nobody's."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from cotjudge.answer import Answers
from cotjudge.fingerprint import judge_hash
from cotjudge.judges.base import AnyJudge, Bench, BundleJudge, Judge
from cotjudge.prompt import Wording
from cotjudge.rubric import Rubric
from cotjudge.trace import Trace

Varied = Literal["repeats", "rubric_order", "paraphrase", "temperature"]
"""What is varied: nothing, the order of rubrics asked together, the prompt's words, or the sampling temperature."""
VARIED: tuple[Varied, ...] = get_args(Varied)

Make = Callable[[Sequence[Rubric], Mapping[str, Any]], AnyJudge]
"""Makes the judge anew: with rubrics that it asks together (none: one by one), and with settings of `LLMSettings`."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user wants varied."""

    varied: tuple[Varied, ...] = VARIED
    """Which things."""
    repeats: int = 3
    """How often the same question is asked in all; at least 2."""
    temperatures: tuple[float, ...] = (0.7, 1.0)
    """Sampling temperatures to try."""


@dataclass(frozen=True)
class Comparison:
    """Judges whose labels ought to be the same."""

    varied: Varied
    """What tells them apart."""
    name: str
    """The same for people, in a word or two."""
    judges: Mapping[str, AnyJudge]
    """Name of each -> the judge."""


@dataclass(frozen=True)
class Design:
    """All that is to be asked."""

    comparisons: tuple[Comparison, ...]
    """What is compared."""
    left_out: tuple[str, ...]
    """What is not, a sentence each: it would make no difference to this judge."""

    @property
    def judges(self) -> tuple[AnyJudge, ...]:
        """Every judge once; the plain one first."""
        found = {j.spec: j for comparison in self.comparisons for j in comparison.judges.values()}
        return tuple(found.values())


PLAIN = "plain"
"""What the judge as it is goes by in a comparison."""


def design(plain: AnyJudge, rubrics: Sequence[Rubric], wish: Wish, make: Make) -> Design:
    """What to ask to see how stable a judge is.

    A variant whose key would be the plain judge's own (a temperature for a judge without one) is left out, for its
    verdicts would be copies.

    Args:
        plain: the judge as it is.
        rubrics: what it is asked.
        wish: what is varied.
        make: makes the judge anew.
    """
    comparisons: list[Comparison] = []
    left_out: list[str] = []
    for varied in dict.fromkeys(wish.varied):
        for found in _KINDS[varied](plain, rubrics, wish, make):
            if isinstance(found, str):
                left_out.append(found)
            else:
                comparisons.append(found)
    return Design(tuple(comparisons), tuple(left_out))


def _repeats(plain: AnyJudge, rubrics: Sequence[Rubric], wish: Wish, make: Make) -> Iterator[Comparison | str]:
    del rubrics, make
    again = {f"repeat {n}": called(plain, f"repeat {n}", repeat=n) for n in range(2, wish.repeats + 1)}
    yield Comparison("repeats", "asked again", {PLAIN: plain, **again})


def _rubric_order(plain: AnyJudge, rubrics: Sequence[Rubric], wish: Wish, make: Make) -> Iterator[Comparison | str]:
    del wish
    if len(rubrics) < 2:
        yield "rubric_order: it takes at least two rubrics"
        return
    if isinstance(plain, Bench):
        yield "rubric_order: a panel or a cascade does not ask rubrics together"
        return
    together, reversed_ = (make(order, {}) for order in (rubrics, rubrics[::-1]))
    if not getattr(together, "bundles", False):
        yield f"rubric_order: {plain.spec} does not ask rubrics together"
        return
    forth, back = called(together, "together"), called(reversed_, "together, reversed")
    yield Comparison("rubric_order", "order of rubrics", {"together": forth, "together, reversed": back})
    yield Comparison("rubric_order", "alone or together", {PLAIN: plain, "together": forth})


def _paraphrase(plain: AnyJudge, rubrics: Sequence[Rubric], wish: Wish, make: Make) -> Iterator[Comparison | str]:
    del rubrics, wish
    wordings = [wording for wording in get_args(Wording) if wording]
    others = {f"wording {wording}": make((), {"wording": wording}) for wording in wordings}
    told_apart = {name: called(judge, name) for name, judge in others.items() if not _same(judge, plain)}
    if told_apart:
        yield Comparison("paraphrase", "other words", {PLAIN: plain, **told_apart})
    else:
        yield f"paraphrase: {plain.spec} has no prompt of ours to paraphrase"


def _temperature(plain: AnyJudge, rubrics: Sequence[Rubric], wish: Wish, make: Make) -> Iterator[Comparison | str]:
    del rubrics
    for value in dict.fromkeys(wish.temperatures):
        name = f"temperature {value:g}"
        other = make((), {"temperature": value})
        if _same(other, plain):
            yield f"{name}: it makes no difference to {plain.spec}"
        else:
            yield Comparison("temperature", name, {PLAIN: plain, name: called(other, name)})


_KINDS: Mapping[Varied, Callable[[AnyJudge, Sequence[Rubric], Wish, Make], Iterator[Comparison | str]]] = {
    "repeats": _repeats,
    "rubric_order": _rubric_order,
    "paraphrase": _paraphrase,
    "temperature": _temperature,
}


def _same(one: AnyJudge, other: AnyJudge) -> bool:
    """Whether their judgement keys are the same."""
    hashes = [(judge_hash(judge.identity), judge.prompt_version) for judge in (one, other)]
    return hashes[0] == hashes[1]


def called(judge: AnyJudge, name: str, *, repeat: int = 1) -> AnyJudge:
    """The judge under the name `JUDGE (NAME)`; of a bench, its members too.

    Args:
        judge: the judge.
        name: what is special about it.
        repeat: the how-manieth time it is asked the same; from 2 on it is part of the identity, so of every key.
    """
    if isinstance(judge, Bench):
        bench = copy.copy(judge)
        bench.members = tuple(called(member, name, repeat=repeat) for member in judge.members)
        bench.spec = _named(judge, name)
        return bench
    return Variant(cast("Judge", judge), _named(judge, name), repeat)


def _named(judge: AnyJudge, name: str) -> str:
    return f"{judge.spec} ({name})"


class Variant:
    """A judge under another name; implements `cotjudge.judges.base.BundleJudge`.

    Args:
        judge: the judge that answers.
        spec: the other name.
        repeat: the how-manieth time it is asked the same.
    """

    def __init__(self, judge: Judge, spec: str, repeat: int) -> None:
        self.spec = spec
        self._judge = judge
        self._repeat = repeat

    @property
    def identity(self) -> Mapping[str, Any]:
        """The judge's, and the repeat where it is one."""
        return {**self._judge.identity, **({"repeat": self._repeat} if self._repeat > 1 else {})}

    @property
    def prompt_version(self) -> str:
        """The judge's."""
        return self._judge.prompt_version

    @property
    def notice(self) -> str:
        """The judge's."""
        return self._judge.notice

    @property
    def bundles(self) -> bool:
        """Whether the judge asks rubrics together."""
        return bool(getattr(self._judge, "bundles", False))

    def rubric_hash(self, rubric: Rubric) -> str:
        """The judge's."""
        return self._judge.rubric_hash(rubric)

    def view(self, trace: Trace) -> Trace:
        """The trace as the judge is shown it."""
        return self._judge.view(trace)

    async def answer(self, trace: Trace, rubric: Rubric) -> Answers:
        """What the judge answers; raises as it does."""
        return await self._judge.answer(trace, rubric)

    async def answer_together(self, trace: Trace, rubrics: Sequence[Rubric]) -> Mapping[str, Answers]:
        """What the judge answers to several rubrics at once; raises as it does."""
        return await cast("BundleJudge", self._judge).answer_together(trace, rubrics)

    async def aclose(self) -> None:
        """Let go of the judge's connections."""
        await self._judge.aclose()
