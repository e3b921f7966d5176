"""`cotjudge distil`: teach a text classifier what a judge said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from cotjudge.judges.profile import StudentProfile
    from cotjudge.stats.texts import Grams
    from cotjudge.validation.distilling import Taught


def distil(
    judge: Annotated[
        str | None, typer.Option(help="The teacher: a judge whose verdicts are stored. Default: COTJUDGE_JUDGE.")
    ] = None,
    rubric: Annotated[
        list[str] | None,
        typer.Option("--rubric", "-r", help="Rubric id or file; repeatable. Default: the three labels."),
    ] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="ANNOTATOR", help="Check against this annotator's labels, too.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE", help="Learn from these traces: path=..., model=..., meta.KEY=...; repeatable."
        ),
    ] = None,
    cut: Annotated[
        str,
        typer.Option(metavar="LOW,HIGH", help="Probabilities between these are undecided, and go on in a cascade."),
    ] = "0.1,0.9",
    cluster: Annotated[
        str | None, typer.Option(metavar="KEY", help="Traces of one KEY stay on one side of every fold.")
    ] = None,
    seed: Annotated[int, typer.Option(help="How traces are dealt to folds.")] = 0,
    max_features: Annotated[
        int, typer.Option(min=256, max=1 << 22, help="Hashed features, half for words and half for letters.")
    ] = 1 << 16,
    name: Annotated[str | None, typer.Option(help="Name of the profile. Default: the teacher's.")] = None,
    db: Annotated[Path | None, typer.Option(help="Database file. Default: COTJUDGE_DB or cotjudge.duckdb.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on one line.")] = False,
) -> None:
    """Teach a small text classifier what a judge said, tell its held-out agreement, and store `student:NAME`.

    Nothing is asked and nothing is fetched: it learns from the verdicts and texts in the database.
    """
    from cotjudge import settings, stats
    from cotjudge.cli.figures import default_name, write_json
    from cotjudge.cli.judge_options import JudgeOptions
    from cotjudge.cli.terminal import reader_may_leave, say
    from cotjudge.errors import NotFitted, UsageError
    from cotjudge.judgement import Question
    from cotjudge.rubric_file import resolve
    from cotjudge.store import Store

    stats.require()
    from cotjudge.judges import profile
    from cotjudge.stats.texts import Grams
    from cotjudge.validation.distilling import Course, teach

    course = Course(Grams(buckets=max_features), tuple(only or ()), _cut(cut), labels, cluster, seed)
    rubrics = resolve(rubric or [])
    teacher = JudgeOptions(judge=judge, db=db).make(rubrics)
    named = profile.check_name(name or default_name(teacher.spec))
    store = Store(settings.database(db), patience=settings.patience_s())
    taught: dict[str, Taught] = {}
    skipped: list[str] = []
    for asked in rubrics:
        try:
            taught[asked.id] = teach(store, Question.of(asked, teacher), course)
        except NotFitted as fault:
            skipped.append(str(fault))
    if not taught:
        raise UsageError("nothing could be learned: " + "; ".join(skipped))
    for reason in skipped:
        say(f"left out: {reason}")
    with reader_may_leave():
        if not json:
            _print(taught, teacher.spec, labels, course.cut)
        path = profile.save(_profile(named, teacher.spec, course.grams, taught), settings.profiles(db))
        if json:
            write_json("student", named, str(path), {i: t.figures for i, t in taught.items()}, skipped)
    say(f"student:{named} is in {path}; use it with --judge student:{named}, or cascade:student:{named},{teacher.spec}")


def _cut(raw: str) -> tuple[float, float]:
    from cotjudge.errors import UsageError

    try:
        low, high = map(float, raw.split(","))
    except ValueError:
        low = high = -1.0
    if not 0 <= low <= high <= 1:
        raise UsageError(f"--cut {raw}: give two probabilities, the lower one first, such as 0.1,0.9")
    return low, high


def _profile(name: str, teacher: str, grams: Grams, taught: dict[str, Taught]) -> StudentProfile:
    from datetime import UTC, datetime
    from importlib.metadata import version

    from cotjudge.judges.profile import StudentProfile
    from cotjudge.stats import texts

    return StudentProfile(
        name=name,
        version=version("cotjudge"),
        figures={rubric: t.figures for rubric, t in taught.items()},
        created_at=datetime.now(UTC),
        teacher=teacher,
        sklearn=texts.version(),
        grams=grams,
        rubrics={rubric: t.lesson for rubric, t in taught.items()},
    )


def _print(taught: dict[str, Taught], teacher: str, labels: str | None, cut: tuple[float, float]) -> None:
    from cotjudge.cli.figures import table

    for rubric, found in taught.items():
        columns: dict[str, Any] = {f"against {teacher}": found.figures["teacher"]}
        if labels is not None:
            columns[f"against {labels}"] = found.figures["labels"]
        told = f"{found.figures['texts']} texts, held out in turn; undecided between {cut[0]:g} and {cut[1]:g}"
        table(f"{rubric}: {told}", columns)
        _print_cuts(rubric, found.figures["cuts"], cut)


def _print_cuts(rubric: str, cuts: list[dict[str, Any]], chosen: tuple[float, float]) -> None:
    from rich.table import Table

    from cotjudge.cli.figures import cell
    from cotjudge.cli.terminal import one_line, out

    shown = Table(title=one_line(f"{rubric}: as the first tier before its teacher"), title_justify="left")
    for heading in ("cut-offs", "calls saved", "recall lost", "precision lost"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in cuts:
        mark = " *" if (row["low"], row["high"]) == chosen else "  "
        figures = (cell(row[what], percent=True) for what in ("settled", "recall_lost", "precision_lost"))
        shown.add_row(f"{row['low']:g}, {row['high']:g}{mark}", *figures)
    out().print(shown)
