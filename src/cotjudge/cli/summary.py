"""What a run came to: a table for people, one JSON line for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from cotjudge.cli.terminal import safe, say

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from cotjudge.rubric import Rubric
    from cotjudge.run import Run
    from cotjudge.scoring import Tally

NAMED_FILES = 5
"""So many files that hold traces without reasoning are named."""

NAMED_RUNS = 3
"""So many runs are named that left files wholly judged."""


def print_table(console: Console, rubrics: Sequence[Rubric], tally: Tally) -> None:
    """How many traces got which label, by rubric; cached verdicts included."""
    from rich.table import Table
    from rich.text import Text

    table = Table("rubric", "label", "traces", "share")
    for column in table.columns[2:]:
        column.justify = "right"
    for rubric in rubrics:
        counts = tally.labels[rubric.id]
        for label in rubric.labels:
            share = f"{counts[label] / counts.total():.0%}" if counts.total() else ""
            table.add_row(Text(rubric.id), Text(label), f"{counts[label]:,}", share)
        if failed := tally.failures[rubric.id].total():
            table.add_row(Text(rubric.id), Text("(failed)", style="red"), f"{failed:,}", "")
        table.add_section()
    console.print(table)


def say_counts(run: Run, tally: Tally, db: Path) -> None:
    """The counts of a run, and how to go on where something is left to do."""
    say("; ".join((_read(tally), _done(tally, run.seconds), *_spent(tally))))
    if tally.unchanged:
        say(unchanged(tally))
    if tally.settled:
        say(_settled(run, tally))
    if tally.under_way:
        say(f"{tally.under_way:,} are with a provider's batch; `cotjudge batch collect` fetches them")
    if tally.no_reasoning:
        files = ", ".join(f"{count:,} in {path}" for path, count in tally.silent.most_common(NAMED_FILES))
        more = ", ..." if len(tally.silent) > NAMED_FILES else ""
        say(f"not judged, for want of reasoning: {files}{more}; `--judge-text both` judges answers too")
    if tally.failed:
        kinds: Counter[str] = sum(tally.failures.values(), start=Counter())
        by_kind = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
        say(f'failed: {by_kind}; run the same command to ask again, or see: cotjudge sql "FROM current_failures"')
    if run.status == "budget":
        say("the budget is reached: what was judged is kept; the same command with a larger --budget goes on from here")
    if run.status == "interrupted":
        say("interrupted: what was judged is kept; the same command goes on where this one stopped")
    say(f"verdicts are in {db}")


def unchanged(tally: Tally) -> str:
    """Which files were not read."""
    files, runs = tally.unchanged.total(), tally.unchanged.most_common(NAMED_RUNS)
    more = ", ..." if len(tally.unchanged) > len(runs) else ""
    since = ", ".join(run for run, _ in runs) + more
    return (
        f"{files:,} file{'s' * (files != 1)} unchanged since run{'s' * (len(tally.unchanged) != 1)} {since}, "
        "not read again (--read-again would)"
    )


def _read(tally: Tally) -> str:
    parts = [f"{tally.traces:,} traces read"]
    if tally.no_reasoning:
        parts.append(f"{tally.no_reasoning:,} more without the text that is judged")
    if tally.skipped_records:
        parts.append(f"{tally.skipped_records:,} records skipped")
    return ", ".join(parts)


def _done(tally: Tally, seconds: float) -> str:
    return f"{tally.judged:,} judged, {tally.cached:,} cached, {tally.failed:,} failed in {seconds:.1f} s"


def _spent(tally: Tally) -> Iterator[str]:
    usage = tally.usage
    if usage.calls:
        cost = "cost unknown" if usage.cost_usd is None else f"${usage.cost_usd:.4f}"
        yield f"{usage.calls:,} calls, {usage.input_tokens + usage.output_tokens:,} tokens, {cost}"


def _settled(run: Run, tally: Tally) -> str:
    """Who settled how much in a cascade, and what that saved against asking its last tier about everything."""
    tiers = ", ".join(f"{tier} settled {count:,}" for tier, count in tally.settled.most_common())
    saved = saving_usd(run, tally)
    if saved is None:
        return f"cascade: {tiers}"
    return f"cascade: {tiers}; about ${saved:,.4f} less than the last tier alone"


def saving_usd(run: Run, tally: Tally) -> float | None:
    """US dollars that a cascade saved: the last tier's mean cost in this run for all it was spared, less the tiers before.

    None where the last tier was not asked, or its price is not known.
    """
    last = str((run.judge_identity.get("tiers") or [""])[-1])
    asked, cost = tally.asked_by[last], tally.usage.cost_usd
    dear = tally.by_judge[last].cost_usd if asked else None
    if not asked or cost is None or dear is None:
        return None
    return dear / asked * tally.settled.total() - cost


def json_line(run: Run, tally: Tally) -> str:
    """One JSON object on one line."""
    raw: dict[str, Any] = {"run_id": run.run_id, "status": run.status, "judge": run.judge}
    raw |= tally.counts()
    raw["seconds"] = round(run.seconds, 3)
    raw["labels"] = {rubric: dict(counts) for rubric, counts in tally.labels.items()}
    raw["unchanged_files"] = tally.unchanged.total()
    if tally.settled:
        raw |= {"settled": dict(tally.settled), "saved_usd": saving_usd(run, tally)}
    raw["failures"] = {rubric: dict(counts) for rubric, counts in tally.failures.items()}
    return safe(orjson.dumps(raw).decode())
