"""What was asked and paid for: the requests of a judgement, summed, shared out, or written off."""

from __future__ import annotations

from collections.abc import Iterable

from cotjudge.answer import Answers
from cotjudge.verdict import Call, Usage

Ledger = tuple[Call, ...]
"""Answered requests, in the order of their answers."""

_COUNTED = ("calls", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")


def total(ledger: Iterable[Call]) -> Usage:
    """What the requests cost together."""
    return sum((call.usage for call in ledger), start=Usage())


def wasted(ledger: Iterable[Call]) -> Ledger:
    """The requests of an attempt that was given up: none of their answers is used."""
    return tuple(
        call if call.outcome == "unusable" else call.model_copy(update={"outcome": "unusable"}) for call in ledger
    )


def shares(ledger: Ledger, count: int) -> tuple[Ledger, ...]:
    """The requests as each of `count` judgements that share them carries them; together they are the whole.

    A request counts as a call of the first one. Tokens that cannot be divided go to the first ones.
    """
    if count == 1:
        return (ledger,)
    return tuple(tuple(_share(call, nth, count) for call in ledger) for nth in range(count))


def _share(call: Call, nth: int, count: int) -> Call:
    whole = call.usage
    counted = {name: _part(getattr(whole, name), nth, count) for name in _COUNTED}
    cost = None if whole.cost_usd is None else whole.cost_usd / count
    return call.model_copy(update={"usage": Usage(**counted, cost_usd=cost), "shared_by": count})


def _part(number: int, nth: int, count: int) -> int:
    each, left = divmod(number, count)
    return each + (nth < left)


def charge(answers: Answers, ledger: Ledger) -> Answers:
    """Answers that carry these requests besides their own."""
    if not ledger:
        return answers
    return answers.model_copy(update={"ledger": (*ledger, *answers.ledger), "usage": total(ledger) + answers.usage})
