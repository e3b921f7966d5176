"""`cotjudge score --dry-run`: what would be asked, and what it would cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from cotjudge.cli.summary import unchanged
from cotjudge.cli.terminal import say

if TYPE_CHECKING:
    from cotjudge.estimate import Estimate, Estimator
    from cotjudge.judges.base import AnyJudge
    from cotjudge.judges.llm import LLMJudge
    from cotjudge.scoring import Job, Tally
    from cotjudge.store import Store

_NAMES = ("traces", "no_reasoning", "skipped_records", "judgements", "cached", "under_way")


class Forecast:
    """Adds up what the LLM judges among a judge's members would be asked.

    Args:
        judge: who would be asked.
        store: where earlier answers tell how long answers are.
        batch: whether it would be through the provider's batch interface.
    """

    def __init__(self, judge: AnyJudge, store: Store, *, batch: bool = False) -> None:
        self._estimators = [_estimator(llm, store, batch=batch) for llm in _llms(judge)]
        self._at_most = len(self._estimators) > 1 or type(judge).__name__ == "Cascade"

    def add(self, job: Job) -> None:
        """One more job."""
        rubrics = [ask.question.rubric for ask in job.asks]
        segments = {ask.segment for ask in job.asks}
        trace = (
            job.trace if None in segments else job.trace.excerpt(s for s in job.trace.segments if s.index in segments)
        )
        for estimator in self._estimators:
            estimator.add(trace, rubrics)

    def result(self) -> Estimate | None:
        """What it comes to; None where no LLM would be asked."""
        if not self._estimators:
            return None
        first, *others = (estimator.result() for estimator in self._estimators)
        return sum(others, start=first)

    @property
    def at_most(self) -> bool:
        """Whether less may be asked: a cascade's later tiers only see what is in doubt, a member's verdict may be there."""
        return self._at_most


def _llms(judge: AnyJudge) -> Iterator[LLMJudge]:
    from cotjudge.judges.base import Bench
    from cotjudge.judges.llm import LLMJudge

    if isinstance(judge, Bench):
        for member in judge.members:
            yield from _llms(member)
    elif isinstance(judge, LLMJudge):
        yield judge


def _estimator(judge: LLMJudge, store: Store, *, batch: bool) -> Estimator:
    from cotjudge.estimate import Estimator

    seen = store.mean_output_tokens(judge.identity)
    return Estimator(judge.model, judge.settings, judge.bundle, seen, batch=batch)


def tell(tally: Tally, forecast: Forecast, *, json: bool) -> None:
    """The plan in a line, the price in another; on standard output as JSON where wanted."""
    asked = tally.judgements - tally.cached - tally.under_way
    waiting = f", {tally.under_way:,} with a provider's batch" if tally.under_way else ""
    say(
        f"{tally.traces:,} traces, {tally.no_reasoning:,} without reasoning, {tally.skipped_records:,} records skipped; "
        f"{tally.judgements:,} judgements, {tally.cached:,} already there{waiting}, {asked:,} would be asked; nothing was sent"
    )
    if tally.unchanged:
        say(unchanged(tally))
    estimate = forecast.result()
    if estimate is not None:
        say("; ".join(_priced(estimate, at_most=forecast.at_most)))
    if json:
        raw: dict[str, Any] = {name: getattr(tally, name) for name in _NAMES} | {"would_ask": asked}
        raw["unchanged_files"] = tally.unchanged.total()
        if estimate is not None:
            raw |= estimate.model_dump(exclude={"judgements"})
        import typer

        typer.echo(orjson.dumps(raw).decode())


def _priced(estimate: Estimate, *, at_most: bool) -> Sequence[str]:
    about = "at most about " if at_most else "about "
    price = "price unknown" if estimate.cost_usd is None else f"{about}${estimate.cost_usd:,.2f}"
    tokens = f"{about}{estimate.input_tokens:,} tokens in and {estimate.output_tokens:,} out"
    parts = [f"{estimate.calls:,} calls, {tokens}, {price}"]
    if estimate.cost_usd is None:
        parts.append(
            "litellm's table has no price for this model; give it with --param price=[IN,OUT] (USD per million tokens)"
        )
    return [*parts, *([estimate.basis] if estimate.basis else [])]
