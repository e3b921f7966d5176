"""`cotjudge agree`: how good a judge is, by the labels of people."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from cotjudge.stats.interval import Interval
    from cotjudge.validation.agreeing import Agreements, Annotators
    from cotjudge.validation.measuring import Measured


def agree(
    rubric: Annotated[
        list[str] | None, typer.Option("--rubric", "-r", help="Only this rubric; repeatable. Default: all with labels.")
    ] = None,
    judge: Annotated[
        list[str] | None, typer.Option("--judge", help="Only this judge, or run:ID; repeatable. Default: all.")
    ] = None,
    against: Annotated[
        str, typer.Option(help="Who counts as right: an annotator, judge:NAME or run:ID. Default: each annotator.")
    ] = "",
    all_pairs: Annotated[
        bool, typer.Option("--all-pairs", help="Also judge against judge, and annotator against annotator.")
    ] = False,
    criteria: Annotated[bool, typer.Option("--criteria", help="Also the answers to each criterion.")] = False,
    by: Annotated[str, typer.Option(metavar="KEY", help="Also by group: model, task, path, ... or meta.KEY.")] = "",
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Only traces of which this holds; * stands for any text; repeatable."),
    ] = None,
    cluster: Annotated[
        str, typer.Option(metavar="KEY", help="What is drawn together in the bootstrap: task, meta.scenario, ...")
    ] = "",
    resamples: Annotated[int, typer.Option(min=1, help="Resamples of the bootstrap.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Where its random numbers start.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on one line.")] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Also write a page with ROC and calibration plots.")
    ] = None,
    db: Annotated[Path | None, typer.Option(help="Database file. Default: COTJUDGE_DB or cotjudge.duckdb.")] = None,
) -> None:
    """Compare judges with labels: agreement, ranking and calibration, each with its 95% interval.

    What is uncertain is no label: it counts in the coverage alone. Exit status: 0; 2 a mistake in what was asked.
    """
    from cotjudge import settings, stats
    from cotjudge.cli.terminal import reader_may_leave, say
    from cotjudge.store import Store

    stats.require()
    if report:
        _check_report(report)
    from cotjudge.stats.bootstrap import Resampling
    from cotjudge.validation.agreeing import Wish
    from cotjudge.validation.agreeing import agree as agreements

    store = Store(settings.database(db), patience=settings.patience_s())
    wish = Wish(
        rubrics=tuple(rubric or ()),
        judges=tuple(judge or ()),
        against=against,
        all_pairs=all_pairs,
        criteria=criteria,
        by=by,
        only=tuple(only or ()),
        cluster=cluster,
        resampling=Resampling(resamples=resamples, seed=seed),
    )
    found = agreements(store, wish)
    for note in found.notes:
        say(f"note: {note}")
    with reader_may_leave():
        if json:
            _write_json(found)
        else:
            _print(found)
    if not found.measured:
        say(f"nothing to compare in {store.path}: it takes verdicts and labels (cotjudge label import) on one trace")
    if report:
        _write_report(report, found, wish)


def _check_report(report: Path) -> None:
    """What is wrong with the wish for a report is said before anything is computed."""
    from cotjudge import report as room
    from cotjudge.errors import UsageError

    room.require()
    if report.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--report {report}: the page is HTML; name a file that ends in .html")
    if not report.parent.is_dir():
        raise UsageError(f"--report {report}: there is no folder {report.parent}")


def _write_report(report: Path, found: Agreements, wish: Any) -> None:
    from cotjudge.cli.terminal import say
    from cotjudge.errors import UsageError
    from cotjudge.report.html import render
    from cotjudge.validation.agreement_page import page

    try:
        report.write_text(render(page(found, wish)), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--report {report}: {error.strerror}") from None
    say(f"report is in {report}")


def _print(found: Agreements) -> None:
    from cotjudge.cli.agreement_tables import lines
    from cotjudge.cli.terminal import out

    for line in lines(found, out().width):
        out().print(line)


def _write_json(found: Agreements) -> None:
    import orjson

    from cotjudge.cli.terminal import safe

    answer = {
        "pairs": [_pair(measured) for measured in found.measured],
        "annotators": [_people(people) for people in found.annotators],
        "notes": list(found.notes),
    }
    sys.stdout.write(safe(orjson.dumps(answer).decode()) + "\n")


def _pair(measured: Measured) -> dict[str, Any]:
    from dataclasses import asdict

    about = measured.about
    values = asdict(measured.agreement)
    values.pop("labels", None)
    return {
        "rubric": about.rubric,
        "rater": {"kind": about.rater.kind, "name": about.rater.name},
        "reference": {"kind": about.reference.kind, "name": about.reference.name},
        "criterion": about.criterion or None,
        "group": about.group or None,
        "traces": measured.traces,
        "reference_undecided": measured.unsettled,
        "clusters": measured.clusters,
        **values,
        "intervals": {name: _ends(interval) for name, interval in measured.intervals.items()},
        "words": measured.words,
        "table": measured.table,
    }


def _people(people: Annotators) -> dict[str, Any]:
    return {
        "rubric": people.rubric,
        "annotators": people.names,
        "traces": people.traces,
        "alpha": people.alpha,
        "interval": _ends(people.interval),
    }


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]
