"""`cotjudge calibrate`: fit a judge's scores to labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from cotjudge.judges.base import AnyJudge
    from cotjudge.judges.profile import CalibratedProfile
    from cotjudge.validation.calibrating import Aim, Fitted

OBJECTIVES = "mcc, f1, fpr=RATE, recall=RATE"


def calibrate(
    labels: Annotated[str, typer.Option(help="The annotator whose labels are the truth.")],
    judge: Annotated[
        str | None, typer.Option(help="The judge to calibrate; it has judged already. Default: COTJUDGE_JUDGE.")
    ] = None,
    rubric: Annotated[
        list[str] | None,
        typer.Option("--rubric", "-r", help="Rubric id or file; repeatable. Default: the three labels."),
    ] = None,
    objective: Annotated[
        str | None, typer.Option(help=f"What the threshold is chosen for: {OBJECTIVES}. Default: mcc.")
    ] = None,
    isotonic: Annotated[
        bool, typer.Option("--isotonic", help="Fit a map from score to probability, and no threshold.")
    ] = False,
    tune: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Fit on these traces: path=..., model=..., meta.KEY=...; repeatable."),
    ] = None,
    check: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Check on these. Default: all that were not fitted on."),
    ] = None,
    share: Annotated[
        float, typer.Option(min=0.05, max=0.95, help="Without --tune and --check: the share to fit on, at random.")
    ] = 0.5,
    seed: Annotated[int, typer.Option(help="Which traces these are.")] = 0,
    cluster: Annotated[
        str | None, typer.Option(metavar="KEY", help="Traces of one KEY stay together, in sides and in intervals.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the profile. Default: the judge's.")] = None,
    db: Annotated[Path | None, typer.Option(help="Database file. Default: COTJUDGE_DB or cotjudge.duckdb.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on one line.")] = False,
) -> None:
    """Fit a judge's scores to labels on one side of the traces, check it on the other, and store `calibrated:NAME`.

    Nothing is asked: the verdicts are those in the database.
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
    from cotjudge.validation.calibrating import fit
    from cotjudge.validation.given import Split

    aim = _aim(objective, isotonic=isotonic)
    rubrics = resolve(rubric or [])
    chosen = JudgeOptions(judge=judge, db=db).make(rubrics)
    named = profile.check_name(name or default_name(chosen.spec))
    store = Store(settings.database(db), patience=settings.patience_s())
    split = Split(tuple(tune or ()), tuple(check or ()), share, seed, cluster)
    fitted: dict[str, Fitted] = {}
    skipped: list[str] = []
    for asked in rubrics:
        try:
            fitted[asked.id] = fit(store, Question.of(asked, chosen), labels, split, aim)
        except NotFitted as fault:
            skipped.append(str(fault))
    if not fitted:
        raise UsageError("nothing could be fitted: " + "; ".join(skipped))
    for reason in skipped:
        say(f"left out: {reason}")
    made = _profile(named, chosen, labels, fitted)
    path = profile.save(made, settings.profiles(db))
    with reader_may_leave():
        if json:
            maps = {i: {"map": f.calibration.map.model_dump(mode="json"), **f.figures} for i, f in fitted.items()}
            write_json("calibrated", named, str(path), maps, skipped)
        else:
            _print(fitted)
    say(f"calibrated:{named} is in {path}; use it with --judge calibrated:{named}")


def _aim(objective: str | None, *, isotonic: bool) -> Aim:
    from cotjudge.errors import UsageError
    from cotjudge.validation.calibrating import Aim

    if isotonic:
        if objective is not None:
            raise UsageError("--objective and --isotonic exclude each other")
        return Aim(None)
    what, equals, rate = (objective or "mcc").partition("=")
    try:
        limit = float(rate) if equals else None
    except ValueError:
        limit = -1.0
    wants_rate = what in ("fpr", "recall")
    if what not in ("mcc", "f1", "fpr", "recall") or wants_rate != (limit is not None) or not 0 <= (limit or 0) <= 1:
        raise UsageError(f"--objective {objective}: choose from {OBJECTIVES} (RATE from 0 to 1, such as fpr=0.05)")
    return Aim(what, limit)  # type: ignore[arg-type]


def _profile(name: str, judge: AnyJudge, labels: str, fitted: dict[str, Fitted]) -> CalibratedProfile:
    from datetime import UTC, datetime
    from importlib.metadata import version

    from cotjudge.fingerprint import judge_hash
    from cotjudge.judges.profile import CalibratedProfile

    return CalibratedProfile(
        name=name,
        version=version("cotjudge"),
        figures={rubric: f.figures for rubric, f in fitted.items()},
        created_at=datetime.now(UTC),
        judge=judge.spec,
        judge_hash=judge_hash(judge.identity),
        judge_identity=dict(judge.identity),
        prompt_version=judge.prompt_version,
        labels=labels,
        rubrics={rubric: f.calibration for rubric, f in fitted.items()},
    )


def _print(fitted: dict[str, Fitted]) -> None:
    from cotjudge.cli.figures import table

    for rubric, found in fitted.items():
        tuned, checked = found.figures["tune"], found.figures["check"]
        columns: dict[str, dict[str, Any]] = {
            "before": checked["before"],
            "after": checked["after"],
            "tune side, after": tuned["after"],
        }
        table(f"{rubric}: {_told(found)}", columns)


def _told(found: Fitted) -> str:
    from cotjudge.stats.calibration import Threshold

    fitted = found.calibration.map
    if isinstance(fitted, Threshold):
        kept = "" if fitted.limit is None else f"={fitted.limit:g}"
        return f"positive from a score of {fitted.value:.3g} on (chosen for {fitted.objective}{kept})"
    return f"isotonic map with {len(fitted.scores)} knots"
