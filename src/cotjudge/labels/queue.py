"""What to label next: a random share that estimates can rest on, and the traces on which judges need help.

Every trace has a number in [0, 1) that depends on its id and a seed, and on no verdict. The random sample walks the
traces in that order and owns the lower half of it; traces worth a look are taken from the upper half only. So no
verdict has a say in which traces the random sample holds, whoever labels how many of which: a trace of the lower half
that somebody has labelled for another reason is still due in the sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cotjudge.rubric import Rubric
from cotjudge.store import Store

RANDOM_HALF = 0.5
"""Traces below this number are the random sample's."""

_MIDDLE = (0.35, 0.65)

_CANDIDATES = """
WITH seen AS (
    SELECT trace_id, bool_or(annotator = $annotator) AS mine, bool_or(selection = 'random') AS at_random,
        coalesce(any_value(selection ORDER BY created_at) FILTER (selection <> ''), '') AS selection
    FROM labels WHERE rubric = $rubric GROUP BY trace_id
), newest AS (
    SELECT * FROM current_verdicts
    WHERE rubric = $rubric AND segment IS NULL AND ($judge IS NULL OR judge = $judge)
), doubts AS (
    SELECT
        trace_id, bool_or(injection_suspected) AS injection, count(DISTINCT label) > 1 AS disagreement,
        bool_or(agreement < 1) AS split,
        bool_or(label = $undecided OR score BETWEEN $low AND $high) AS uncertain
    FROM newest GROUP BY trace_id
), unverified AS (
    SELECT DISTINCT newest.trace_id FROM newest JOIN evidence USING (key)
    WHERE evidence.stance = 'for' AND NOT evidence.verified
), numbered AS (
    SELECT
        trace_id, (md5_number_lower(concat_ws(chr(0), $seed, trace_id)) >> 11) / 9007199254740992.0 AS place,
        coalesce(seen.selection, '') AS earlier, seen.trace_id IS NOT NULL AS by_others,
        coalesce(seen.at_random, false) AS at_random,
        CASE
            WHEN injection THEN 'injection' WHEN disagreement THEN 'disagreement' WHEN split THEN 'split'
            WHEN uncertain THEN 'uncertain' WHEN unverified.trace_id IS NOT NULL THEN 'unverified' ELSE ''
        END AS doubt
    FROM traces LEFT JOIN seen USING (trace_id) LEFT JOIN doubts USING (trace_id) LEFT JOIN unverified USING (trace_id)
    WHERE NOT coalesce(seen.mine, false) AND traces.turns IS NOT NULL AND (traces.has_reasoning OR NOT $reasoning)
)
"""

_OVERLAP = "SELECT trace_id, earlier FROM numbered WHERE at_random OR (by_others AND place >= $half) ORDER BY place LIMIT $count"
_RANDOM = "SELECT trace_id, 'random' FROM numbered WHERE NOT at_random AND place < $half ORDER BY place LIMIT $count"
_DOUBTED = """
SELECT trace_id, doubt FROM numbered WHERE NOT by_others AND place >= $half AND doubt <> ''
ORDER BY row_number() OVER (PARTITION BY doubt ORDER BY place), doubt, place LIMIT $count
"""
_REST = """
SELECT trace_id, '' FROM numbered WHERE NOT by_others AND place >= $half AND doubt = '' ORDER BY place LIMIT $count
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish for traces to label."""

    rubric: Rubric
    """The question."""
    annotator: str
    """Who will answer; what they have labelled is left out."""
    judge: str | None = None
    """Whose verdicts tell what is worth a look; everybody's where None."""
    count: int = 20
    """How many traces."""
    share_random: float = 0.5
    """Share of the fresh traces that is drawn at random, 0 to 1."""
    overlap: float = 0.3
    """Share of traces that others have labelled already, 0 to 1."""
    seed: int = 0
    """Which random sample; keep it for as long as you label a corpus."""


def queue(store: Store, wish: Wish) -> list[tuple[str, str]]:
    """The traces to label next, each with the reason that is stored as its label's `selection`.

    A trace that others have labelled keeps their reason. Where one kind runs out the others take its place, so the
    shares hold as long as all kinds last; at the end come traces that are neither in the random half nor doubted.

    Raises:
        StoreError: there is no such database, or it cannot be read.
    """
    shared = {
        "annotator": wish.annotator,
        "rubric": wish.rubric.id,
        "judge": wish.judge,
        "undecided": wish.rubric.undecided,
        "low": _MIDDLE[0],
        "high": _MIDDLE[1],
        "seed": str(wish.seed),
        "reasoning": wish.rubric.judges == "reasoning",
        "count": wish.count,
    }
    half = shared | {"half": RANDOM_HALF}
    overlap = _ask(store, _CANDIDATES + _OVERLAP, half)
    fresh = _mixed(
        _ask(store, _CANDIDATES + _RANDOM, half), _ask(store, _CANDIDATES + _DOUBTED, half), wish.share_random
    )
    chosen = list(_mixed(overlap, fresh, wish.overlap))[: wish.count]
    if len(chosen) < wish.count:
        chosen += _ask(store, _CANDIDATES + _REST, half)[: wish.count - len(chosen)]
    return chosen


def _mixed(first: list[tuple[str, str]], second: list[tuple[str, str]], share: float) -> list[tuple[str, str]]:
    """Two lists as one, so that in every stretch of it the first has its share while both last."""
    return list(_mixing(iter(first), iter(second), share))


def _mixing(
    first: Iterator[tuple[str, str]], second: Iterator[tuple[str, str]], share: float
) -> Iterator[tuple[str, str]]:
    owed = 0.0
    while True:
        owed += share
        turns = (first, second) if owed >= 1 - 1e-9 else (second, first)
        if turns[0] is first:
            owed -= 1
        item = next(turns[0], None) or next(turns[1], None)
        if item is None:
            return
        yield item


def _ask(store: Store, sql: str, parameters: dict[str, Any]) -> list[tuple[str, str]]:
    return [(trace_id, reason) for trace_id, reason in store.query(sql, parameters).fetchall()]
