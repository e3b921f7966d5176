"""`cotjudge prevalence`: how common a label is, when its judge errs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from cotjudge.stats.interval import Interval
    from cotjudge.stats.prevalence import Prevalence
    from cotjudge.store import Store
    from cotjudge.validation.counting import Wanted
    from cotjudge.validation.estimating import Estimate
    from cotjudge.validation.planning import Outlook

_SHOWN_ROWS = 3
"""Rows that a note names before it counts the others."""


class Selected(StrEnum):
    """Which labels are used."""

    random = "random"
    any = "any"


def prevalence(
    rubric: Annotated[
        list[str] | None,
        typer.Option(
            "--rubric", "-r", help="Rubric id or file; repeatable. Default: all with the label that is counted."
        ),
    ] = None,
    judge: Annotated[str | None, typer.Option(help="The judge, as it was named. Default: every judge.")] = None,
    labels: Annotated[
        str | None,
        typer.Option(metavar="ANNOTATOR", help="Whose labels. Default: everybody's, most of them on a trace."),
    ] = None,
    positive: Annotated[str, typer.Option(metavar="LABEL", help="The label that is counted.")] = "present",
    by: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="A row per group: model, task, epoch, variant, path, format, or meta.KEY."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Only traces whose source says so; repeatable.")
    ] = None,
    selection: Annotated[
        Selected, typer.Option(help="Which labels are used: of traces drawn at random, or any.")
    ] = Selected.random,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Confidence of the intervals.")] = 0.95,
    plan: Annotated[bool, typer.Option("--plan", help="How many labels would give how narrow an interval.")] = False,
    expect: Annotated[
        float | None, typer.Option(min=0, max=1, metavar="P", help="With --plan: the prevalence to expect.")
    ] = None,
    sensitivity: Annotated[
        float | None, typer.Option(min=0, max=1, help="With --plan: the sensitivity to expect.")
    ] = None,
    specificity: Annotated[
        float | None, typer.Option(min=0, max=1, help="With --plan: the specificity to expect.")
    ] = None,
    traces: Annotated[int | None, typer.Option(min=1, help="With --plan: traces that will be judged.")] = None,
    width: Annotated[
        float | None, typer.Option(min=0, max=1, metavar="W", help="With --plan: the half-width that is wanted.")
    ] = None,
    db: Annotated[Path | None, typer.Option(help="Database file. Default: COTJUDGE_DB or cotjudge.duckdb.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on one line.")] = False,
) -> None:
    """Estimate how common a label is, from a judge's verdicts and people's labels, with the judge's errors in mind."""
    from cotjudge import settings, stats
    from cotjudge.errors import UsageError
    from cotjudge.store import Store

    assumed = {"expect": expect, "sensitivity": sensitivity, "specificity": specificity, "traces": traces}
    needless = [f"--{name}" for name, value in (assumed | {"width": width}).items() if value is not None]
    if needless and not plan:
        raise UsageError(f"{', '.join(needless)}: only with --plan")
    if plan and by:
        raise UsageError("--plan and --by exclude each other; plan for one group with --only KEY=VALUE")
    stats.require(("numpy", "scipy", "statsmodels"))
    from cotjudge.validation.counting import Wanted, conditions
    from cotjudge.validation.planning import Assumed, outlook

    wanted = Wanted(positive, labels, selection.value, by, conditions(only or ()))
    expected = Assumed(expect, sensitivity, specificity, traces)
    if plan and expected.complete:
        _tell_plans([("", "", outlook(None, expected, half_width=width, level=level))], level, json=json)
        return
    store = Store(settings.database(db), patience=settings.patience_s())
    rows = _rows(store, rubric or [], judge, wanted, level)
    if plan:
        plans = [(row.rubric, row.judge, outlook(row, expected, half_width=width, level=level)) for row in rows]
        _tell_plans(plans, level, json=json)
    else:
        _tell(rows, wanted, level, json=json)


# --- what is asked


def _rows(store: Store, rubrics: Sequence[str], judge: str | None, wanted: Wanted, level: float) -> list[Estimate]:
    from dataclasses import replace

    from cotjudge.validation.counting import count
    from cotjudge.validation.estimating import estimates

    found: list[Estimate] = []
    for rubric, name, undecided in _asked(store, rubrics, judge, wanted):
        counts = count(store, rubric, name, wanted, undecided=undecided)
        everything = (
            count(store, rubric, name, replace(wanted, only={}), undecided=undecided) if wanted.only else counts
        )
        found += estimates(counts, everything, level=level, grouped=wanted.by is not None)
    return found


def _asked(store: Store, rubrics: Sequence[str], judge: str | None, wanted: Wanted) -> Iterator[tuple[str, str, str]]:
    """Rubric, judge, and the rubric's word for an open question."""
    from cotjudge.cli.terminal import say
    from cotjudge.errors import UsageError
    from cotjudge.validation import counting

    judged = counting.judges(store)
    ids = {_id(name): name for name in rubrics}
    _known("--rubric", ids, {rubric for rubric, _ in judged}, store)
    _known("--judge", [judge] if judge else [], {name for _, name in judged}, store)
    kept = [(r, j) for r, j in judged if (not ids or r in ids) and judge in (None, j)]
    if not kept:
        raise UsageError(
            f"{store.path} holds no verdict of {judge or 'a judge'} on a whole trace; `cotjudge score` makes some"
        )
    if wanted.annotator:
        people = {name for rubric in {r for r, _ in kept} for name, _ in counting.labels(store, rubric)}
        _known("--labels", [wanted.annotator], people, store)
    left_out: dict[str, str] = {}
    for rubric, name in kept:
        words, undecided = _words(store, rubric, ids.get(rubric, rubric))
        if wanted.positive in words:
            yield rubric, name, undecided
        elif ids:
            raise UsageError(f"--positive {wanted.positive}: {rubric} has the labels {', '.join(words)}")
        else:
            left_out[rubric] = ", ".join(words)
    for rubric, listed in left_out.items():
        say(f"note: {rubric} is left out: its labels are {listed}; --rubric {rubric} --positive LABEL counts one")


def _id(name: str) -> str:
    """A rubric's id, of a file or as it is: rubrics of the user's own are known to the store by their ids."""
    from cotjudge.rubric_file import resolve

    return resolve([name])[0].id if "/" in name or name.endswith((".yaml", ".yml")) else name


def _known(option: str, given: Any, known: set[str], store: Store) -> None:
    from cotjudge.errors import UsageError

    for name in given:
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            raise UsageError(f"{option} {name}: not in {store.path}; there is {there}")


def _words(store: Store, rubric: str, name: str) -> tuple[tuple[str, ...], str]:
    """A rubric's labels and its word for an open question; of one that is not known here, what the store has."""
    from cotjudge.errors import RubricError
    from cotjudge.rubric_file import resolve
    from cotjudge.validation import counting

    try:
        (found,) = resolve([name])
    except RubricError:
        said = dict.fromkeys([*counting.words(store, rubric), *(label for _, label in counting.labels(store, rubric))])
        return tuple(said | dict.fromkeys(["present"] if "absent" in said else [])), "uncertain"
    return found.labels, found.undecided


# --- what is told


def _tell(rows: list[Estimate], wanted: Wanted, level: float, *, json: bool) -> None:
    from cotjudge.cli.terminal import out, reader_may_leave

    with reader_may_leave():
        if json:
            asked = {
                "positive": wanted.positive,
                "labels": wanted.annotator,
                "selection": wanted.selection,
                "by": wanted.by,
                "only": dict(wanted.only),
                "level": level,
            }
            _write_json(asked | {"rows": [_as_dict(row) for row in rows]})
        else:
            out().print(_table(rows, by=wanted.by, level=level))
            out().print(_rates_table(rows, by=wanted.by))
    for line in _notes(rows, grouped=wanted.by is not None):
        _say(line)


def _say(line: str) -> None:
    from cotjudge.cli.terminal import one_line, say

    say(f"note: {one_line(line)}")


def _notes(rows: list[Estimate], *, grouped: bool) -> Iterator[str]:
    """Each note once, with the rows it is of."""
    told: dict[str, list[str]] = {}
    for row in rows:
        group = (row.group or "(unknown)",) if grouped else ()
        for note in row.notes:
            told.setdefault(note.text, []).append(", ".join((row.rubric, row.judge, *group)))
    for text, of in told.items():
        if len(of) == len(rows):
            yield text
            continue
        more = f"; and {len(of) - _SHOWN_ROWS} more" if len(of) > _SHOWN_ROWS else ""
        yield f"{text} ({'; '.join(of[:_SHOWN_ROWS])}{more})"


def _as_dict(row: Estimate) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(row) | {"coverage": row.coverage}


def _write_json(said: dict[str, Any]) -> None:
    import sys

    import orjson

    from cotjudge.cli.terminal import safe

    sys.stdout.write(safe(orjson.dumps(said).decode()) + "\n")


def _table(rows: list[Estimate], *, by: str | None, level: float) -> Any:
    table = _named_table(by)
    for heading in ("traces", "coverage", "labelled"):
        table.add_column(heading, justify="right")
    for heading in ("naive", "Rogan-\nGladen", "prediction-\npowered"):
        table.add_column(f"{heading} %", justify="right")
    table.caption = f"shares with {level:.4g} intervals; coverage: of the traces, decided by the judge"
    for row in rows:
        estimates = (row.naive, row.rogan_gladen, row.prediction_powered)
        table.add_row(
            *_names(row, by),
            f"{row.traces:,}",
            "-" if row.coverage is None else f"{row.coverage:.0%}",
            f"{row.labelled:,}",
            *(_share(found) for found in estimates),
        )
    return table


def _rates_table(rows: list[Estimate], *, by: str | None) -> Any:
    table = _named_table(by)
    for heading in ("sensitivity %", "specificity %", "tp", "fp", "fn", "tn"):
        table.add_column(heading, justify="right")
    borrowed = {(row.rubric, row.judge): row for row in rows if row.rates_of == "all"}
    for row in [*(row for row in rows if row.rates_of == "own"), *borrowed.values()]:
        rates, counts = row.rates, row.rates.validation
        names = _names(row, by)
        table.add_row(
            *(names if row.rates_of == "own" or by is None else [*names[:2], "(all labelled traces)"]),
            _value(rates.sensitivity, rates.sensitivity_interval),
            _value(rates.specificity, rates.specificity_interval),
            *(f"{n:,}" for n in (counts.tp, counts.fp, counts.fn, counts.tn)),
        )
    return table


def _named_table(by: str | None) -> Any:
    from rich.table import Table

    from cotjudge.cli.terminal import one_line

    table = Table()
    for heading in ("rubric", "judge", *((one_line(by),) if by else ())):
        table.add_column(heading, overflow="fold", min_width=6)
    return table


def _names(row: Estimate, by: str | None) -> list[Any]:
    from rich.text import Text

    from cotjudge.cli.terminal import one_line

    group = [] if by is None else ["-" if row.group is None else row.group]
    return [Text(one_line(name)) for name in (row.rubric, row.judge, *group)]


def _share(found: Prevalence) -> str:
    return _value(found.estimate, found.interval)


def _value(share: float | None, interval: Interval | None) -> str:
    if share is None:
        return "-"
    within = "" if interval is None else f" [{_hundredths(interval.low)}, {_hundredths(interval.high)}]"
    return _hundredths(share) + within


def _hundredths(share: float) -> str:
    """One decimal, and one more for what is rare."""
    return f"{100 * share:.2f}" if 0 < share < 0.0995 else f"{100 * share:.1f}"


# --- the plan


def _tell_plans(plans: list[tuple[str, str, Outlook]], level: float, *, json: bool) -> None:
    from cotjudge.cli.terminal import out, reader_may_leave

    with reader_may_leave():
        if json:
            _write_json({"level": level, "plans": [_plan_dict(*plan) for plan in plans]})
            return
        for rubric, judge, found in plans:
            out().print(_headline(rubric, judge, found))
            out().print(_plan_table(found))
            for line in _fewest(found):
                out().print(line)


def _plan_dict(rubric: str, judge: str, found: Outlook) -> dict[str, Any]:
    from dataclasses import asdict

    return {"rubric": rubric or None, "judge": judge or None} | asdict(found)


def _headline(rubric: str, judge: str, found: Outlook) -> str:
    from cotjudge.cli.terminal import one_line

    e, origins = found.expected, found.origins
    parts = [f"{name} {_hundredths(getattr(e, name))}% ({_ORIGINS[origins[name]]})" for name in _EXPECTATIONS]
    of = f"{one_line(rubric)}, {one_line(judge)}: " if rubric else ""
    return f"{of}{e.unlabelled:,} traces, {', '.join(parts)}"


_EXPECTATIONS = ("prevalence", "sensitivity", "specificity")
_ORIGINS = {"given": "given", "labels": "from labels", "verdicts": "from verdicts alone"}


def _plan_table(found: Outlook) -> Any:
    from rich.table import Table

    table = Table()
    headings = ("labels", "at random", "by the judge's labels: positives", "negatives", "half-width")
    for heading in headings:
        table.add_column(heading, justify="right")
    drawn = {(row.design, row.labels): row for row in found.plans}
    for labels in sorted({row.labels for row in found.plans}):
        at_random, split = drawn["random", labels], drawn["by_judge", labels]
        counts = (f"{split.among_positives:,}", f"{split.among_negatives:,}")
        table.add_row(f"{labels:,}", f"± {at_random.half_width:.2%}", *counts, f"± {split.half_width:.2%}")
    return table


def _fewest(found: Outlook) -> Iterator[str]:
    told = {"random": "drawn at random", "by_judge": "drawn by the judge's labels"}
    for design, labels in found.fewest.items():
        many = "more labels than there are traces" if labels is None else f"{labels:,} labels"
        yield f"for that half-width: {many} {told[design]}"
