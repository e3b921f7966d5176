"""Runs as raters: a run counts for what it judged itself, and not for what it found judged already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cotjudge.errors import UsageError
from cotjudge.store import Store
from cotjudge.validation.ratings import Rater


def with_verdicts(store: Store, given: Sequence[Rater]) -> tuple[list[Rater], list[str]]:
    """The two raters that a user means by two raters.

    Args:
        store: the database.
        given: as they were named. A run that found all its verdicts in the database becomes its judge.

    Returns:
        The raters, and what a run does not count, one line each.

    Raises:
        UsageError: both come down to the same verdicts, or there are none.
    """
    pair, notes = [], []
    for rater in given:
        run = _run(store, rater) if rater.kind == "run" else None
        if run and not run["own"]:
            notes.append(
                f"run {rater} judged nothing itself ({run['cached']:,} of {run['judgements']:,} judgements were there "
                f"already), so what {run['judge']} says now stands for it"
            )
            pair.append(_judge_of(rater, run))
            continue
        if run and run["cached"]:
            notes.append(
                f"run {rater} counts only the {run['own']:,} verdicts that it made itself; {run['cached']:,} were there "
                f"already (judge:{run['judge']} counts all)"
            )
        pair.append(rater)
    if pair[0] == pair[1]:
        raise UsageError(
            f"{given[0]} and {given[1]} come down to the same verdicts, those of judge:{pair[0]}, because a run judged "
            "nothing itself; name two runs that judged, or two judges"
        )
    if {rater.kind for rater in pair} == {"run", "judge"}:
        _refuse_oneself(store, pair)
    return pair, notes


def _refuse_oneself(store: Store, pair: list[Rater]) -> None:
    """A run and the current verdicts of its judge are the same thing, unless something was judged anew since."""
    run, judge = sorted(pair, key=lambda rater: rater.kind == "judge")
    sql = """
        SELECT count(*), count(*) FILTER (v.run_id = $run) FROM current_verdicts AS v WHERE judge = $judge
        AND (trace_id, rubric) IN (SELECT (trace_id, rubric) FROM verdicts WHERE run_id = $run AND judge = $judge)
    """
    with store.query(sql, {"run": run.name, "judge": judge.name}) as found:
        ((there, own),) = found.fetchall()
    if there and there == own:
        raise UsageError(
            f"run {run} made the very verdicts that count for judge:{judge}; there is nothing to compare between them"
        )


def _judge_of(rater: Rater, run: Mapping[str, Any]) -> Rater:
    if not run["there"]:
        raise UsageError(f"run {rater} has no verdict, nor has its judge {run['judge']}; name another one")
    return Rater("judge", run["judge"])


def _run(store: Store, rater: Rater) -> dict[str, Any]:
    sql = """
        SELECT judge, judgements, cached,
            (SELECT count(*) FROM verdicts AS v WHERE v.run_id = r.run_id AND v.judge = r.judge) AS own,
            (SELECT count(*) FROM current_verdicts AS v WHERE v.judge = r.judge) AS there
        FROM runs AS r WHERE run_id = $run
    """
    with store.query(sql, {"run": rater.name}) as found:
        return dict(zip(found.columns, found.fetchall()[0], strict=True))
