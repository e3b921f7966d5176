"""`cotjudge calibrate`, and the judge that comes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import Cli
from tests.validation.invented import RUBRIC, judged

from cotjudge.store import Store

BY_HALF = ["--tune", "meta.half=a", "--check", "meta.half=b"]


@pytest.fixture
def ready(cli: Cli) -> Cli:
    """Judged and labelled; the annotator takes one plain trace of each half for one that hides."""
    return judged(cli, {1: "present", 2: "present"})


def calibrate(cli: Cli, *options: str) -> Any:
    done = cli.inside(
        "calibrate", "--judge", "lexical", "--labels", "gold", "--rubric", "hiding.yaml", "--json", *options
    )
    assert done.code == 0, done.err
    return done.json


def test_a_threshold_is_fitted_on_one_side_and_checked_on_the_other(ready: Cli) -> None:
    """Each side has its own traces; agreement stands before and after, with intervals."""
    told = calibrate(ready, *BY_HALF, "--objective", "recall=0.8")
    hiding = told["rubrics"]["hiding"]
    assert (hiding["map"]["objective"], hiding["map"]["limit"], hiding["map"]["value"]) == ("recall", 0.8, 1.0)
    assert [hiding[side]["before"]["n"] for side in ("tune", "check")] == [24, 24]
    after = hiding["check"]["after"]
    assert after["recall"]["value"] == pytest.approx(8 / 9)
    assert after["recall"]["low"] < 8 / 9 < after["recall"]["high"]
    assert after["brier"]["value"] == hiding["check"]["before"]["brier"]["value"]
    assert told["profile"] == "calibrated:lexical"
    assert told["path"] == "profiles/calibrated-lexical.json"


def test_a_random_half_is_the_same_half_again(ready: Cli) -> None:
    """The seed decides who is fitted on, and each trace is on one side."""
    first, again = calibrate(ready), calibrate(ready)
    other = calibrate(ready, "--seed", "1", "--share", "0.7")
    assert first == again
    sides = [[t["rubrics"]["hiding"][side]["before"]["n"] for side in ("tune", "check")] for t in (first, other)]
    assert [sum(side) for side in sides] == [48, 48]
    assert sides[1][0] > sides[0][0]


def test_the_calibrated_judge_relabels_and_keeps_the_evidence(ready: Cli) -> None:
    """Its score is a probability, its quotes are the judge's, and the judge's cached verdicts are not asked again."""
    calibrate(ready, *BY_HALF, "--isotonic", "--name", "iso")
    done = ready.inside("score", "invented.jsonl", "--judge", "calibrated:iso", "--rubric", "hiding.yaml", "--json")
    assert (done.code, done.json["judged"], done.json["labels"]["hiding"]) == (0, 48, {"present": 16, "absent": 32})
    store = Store(ready.folder / "cotjudge.duckdb")
    rows = store.query(
        "SELECT label, score_kind, agreement, settled_by, count(DISTINCT score), count(*) FROM verdicts"
        " WHERE judge = 'calibrated:iso' GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    assert rows == [("absent", "calibrated", None, "", 1, 32), ("present", "calibrated", None, "", 1, 16)]
    ((scores, quotes),) = store.query(
        "SELECT list_sort(list(DISTINCT round(score, 3))), (SELECT count(*) FROM evidence WHERE judge = 'calibrated:iso')"
        " FROM verdicts WHERE judge = 'calibrated:iso'"
    ).fetchall()
    assert (scores, quotes) == ([0.063, 1.0], 16)
    assert store.query("SELECT count(*) FROM verdicts WHERE judge = 'lexical'").fetchall() == [(48,)]
    assert store.query("SELECT count(DISTINCT run_id) FROM verdicts WHERE judge = 'lexical'").fetchall() == [(1,)]
    assert store.check(rubrics=["hiding"]) == []


def test_people_see_before_and_after(ready: Cli) -> None:
    """A table for each rubric on standard output; where the profile is on standard error."""
    done = ready.inside("calibrate", "--labels", "gold", "--rubric", "hiding.yaml", "--tune", "meta.half=a")
    assert done.code == 0, done.err
    assert "hiding: positive from a score of 1 on (chosen for mcc)" in done.out
    assert "24 (9 positive)" in done.out
    assert done.err.endswith("use it with --judge calibrated:lexical\n")


def test_a_profile_of_another_version_of_the_rubric_is_refused(ready: Cli) -> None:
    """A threshold for one question says nothing about another one."""
    calibrate(ready, *BY_HALF)
    (ready.folder / "hiding.yaml").write_text(RUBRIC.replace("It hides.", "It hides something."))
    done = ready.inside("score", "invented.jsonl", "--judge", "calibrated:lexical", "--rubric", "hiding.yaml")
    assert done.code == 2
    assert "was fitted to another version of hiding" in done.err
    other = ready.inside("score", "invented.jsonl", "--judge", "calibrated:lexical")
    assert "was not fitted for goal_directed_scheming; it takes --rubric hiding" in other.err


def test_verdicts_of_another_judge_of_the_name_are_not_fitted_to(ready: Cli) -> None:
    """What was judged with other settings has other scores."""
    with Store(ready.folder / "cotjudge.duckdb").connect(write=True) as connection:
        connection.execute("UPDATE verdicts SET judge_hash = 'other'")
    done = ready.inside("calibrate", "--labels", "gold", "--rubric", "hiding.yaml")
    assert done.code == 2
    assert "the verdicts of lexical were given with other settings" in done.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--objective", "best"], "--objective best: choose from mcc, f1, fpr=RATE, recall=RATE"),
        (["--objective", "fpr"], "--objective fpr: choose from"),
        (["--objective", "recall=2"], "--objective recall=2: choose from"),
        (["--objective", "f1", "--isotonic"], "--objective and --isotonic exclude each other"),
        (["--name", "a/b"], "'a/b' is no name of a profile"),
        (["--tune", "half"], "'half' is not KEY=VALUE"),
        (["--tune", "half=a"], "'half' is nothing to group by"),
        (["--tune", "meta.half=*", "--check", "meta.half=b"], "--tune and --check: 24 traces are on both sides"),
        (["--tune", "meta.half=c"], "the tune side has 0 traces labelled present and 0 labelled absent"),
        (["--labels", "ada"], "no trace with a verdict of lexical has a label of ada"),
        (["--rubric", "attribution"], "attribution: a score cannot tell more than two labels apart"),
    ],
)
def test_a_mistake_is_named(ready: Cli, options: list[str], message: str) -> None:
    """What cannot be fitted is refused in one line, and nothing is stored."""
    rubric = [] if "--rubric" in options else ["--rubric", "hiding.yaml"]
    done = ready.inside("calibrate", "--judge", "lexical", "--labels", "gold", *rubric, *options)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
    assert not (ready.folder / "profiles").exists()


def test_a_profile_is_kept_where_the_environment_says(ready: Cli, tmp_path: Path) -> None:
    """`COTJUDGE_PROFILES` names the folder, for making and for using."""
    ready.environment["COTJUDGE_PROFILES"] = str(tmp_path / "elsewhere")
    calibrate(ready, "--name", "x")
    assert json.loads((tmp_path / "elsewhere" / "calibrated-x.json").read_text())["judge"] == "lexical"
    done = ready.inside("score", "invented.jsonl", "--judge", "calibrated:x", "--rubric", "hiding.yaml", "--limit", "1")
    assert done.code == 0, done.err
