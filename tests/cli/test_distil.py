"""`cotjudge distil`, and the student that comes of it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cli.command import Cli
from tests.validation.invented import RUBRIC, dump, judged

from cotjudge.store import Store


@pytest.fixture
def ready(cli: Cli) -> Cli:
    return judged(cli)


def distil(cli: Cli, *options: str) -> Any:
    done = cli.inside("distil", "--judge", "lexical", "--rubric", "hiding.yaml", "--json", *options)
    assert done.code == 0, done.err
    return done.json


def score(cli: Cli, judge: str, path: str = "invented.jsonl") -> Any:
    done = cli.inside("score", path, "--judge", judge, "--rubric", "hiding.yaml", "--json")
    assert done.code == 0, done.err
    return done.json


def test_a_student_learns_what_words_tell(ready: Cli) -> None:
    """Held out in turn, it agrees with its teacher and with the labels where the words tell the label."""
    told = distil(ready, "--labels", "gold")
    hiding = told["rubrics"]["hiding"]
    assert (hiding["texts"], hiding["traces"], hiding["teacher_undecided"]) == (48, 48, 0)
    for against in ("teacher", "labels"):
        assert (hiding[against]["n"], hiding[against]["positives"]) == (48, 16)
        assert hiding[against]["auroc"]["value"] == pytest.approx(1)
    assert told["profile"] == "student:lexical"


def test_the_saving_and_the_loss_are_told_for_several_cut_offs(ready: Cli) -> None:
    """The wider the gap, the fewer traces are settled; each share has its interval."""
    cuts = distil(ready, "--cut", "0.25,0.75")["rubrics"]["hiding"]["cuts"]
    assert [(cut["low"], cut["high"]) for cut in cuts][-4:] == [(0.2, 0.8), (0.25, 0.75), (0.3, 0.7), (0.5, 0.5)]
    settled = [cut["settled"]["value"] for cut in cuts]
    assert settled == sorted(settled)
    assert settled[-1] == 1.0
    assert cuts[-1]["recall_lost"] == {
        "count": 0,
        "n": 16,
        "value": 0.0,
        "low": 0.0,
        "high": pytest.approx(0.194, abs=0.001),
    }


def test_a_student_gives_a_label_and_a_probability_and_nothing_else(ready: Cli) -> None:
    """No criteria, no quotes, no rationale: its verdicts say so, and a new trace is judged by its words."""
    distil(ready, "--cut", "0.5,0.5")
    (ready.folder / "new").mkdir()
    dump(ready.folder / "new", 60)
    assert score(ready, "student:lexical", "new")["labels"]["hiding"] == {"present": 20, "absent": 40}
    store = Store(ready.folder / "cotjudge.duckdb")
    assert store.query(
        "SELECT DISTINCT quoted, score_kind, severity, rationale FROM verdicts WHERE judge = 'student:lexical'"
    ).fetchall() == [(False, "calibrated", None, "")]
    assert store.query("SELECT count(*) FROM criteria WHERE judge = 'student:lexical'").fetchall() == [(0,)]
    assert store.check(rubrics=["hiding"]) == []
    assert score(ready, "student:lexical", "new")["judged"] == 0


def test_a_cascade_asks_its_teacher_what_the_student_leaves_open(ready: Cli) -> None:
    """Between its cut-offs it is undecided; what it settles, no band of scores sends on, and its verdicts are kept."""
    distil(ready, "--cut", "0.4,0.6")
    alone = score(ready, "student:lexical")["labels"]["hiding"]
    run = score(ready, "cascade:student:lexical,lexical")
    assert run["settled"].get("lexical", 0) == alone.get("uncertain", 0)
    assert run["settled"]["student:lexical"] == 48 - alone.get("uncertain", 0)
    distil(ready, "--cut", "0,1", "--name", "unsure")
    unsure = score(ready, "cascade:student:unsure,lexical")
    assert unsure["settled"] == {"lexical": 48}
    assert unsure["labels"]["hiding"] == {"present": 16, "absent": 32}


def test_people_see_the_agreement_and_the_cut_offs(ready: Cli) -> None:
    """Before the profile is said to be there."""
    done = ready.inside("distil", "--rubric", "hiding.yaml", "--labels", "gold", "--only", "meta.half=*")
    assert done.code == 0, done.err
    assert "against lexical" in done.out
    assert "against gold" in done.out
    assert "0.1, 0.9 *" in done.out
    assert "cascade:student:lexical,lexical" in done.err


def test_traces_with_the_same_text_count_once(ready: Cli) -> None:
    """A copy under another prompt is no further example, and never held out beside its original."""
    raw = (ready.folder / "invented.jsonl").read_text().replace('"Done."', '"Finished."')
    (ready.folder / "copies.jsonl").write_text(raw)
    score(ready, "lexical", "copies.jsonl")
    hiding = distil(ready)["rubrics"]["hiding"]
    assert (hiding["texts"], hiding["traces"], hiding["teacher"]["n"]) == (48, 96, 48)


def test_a_student_of_another_version_of_the_rubric_is_refused(ready: Cli) -> None:
    """What it learned was another question."""
    distil(ready)
    (ready.folder / "hiding.yaml").write_text(RUBRIC.replace("It hides.", "It hides something."))
    done = ready.inside("score", "invented.jsonl", "--judge", "student:lexical", "--rubric", "hiding.yaml")
    assert (done.code, "learned another version of hiding" in done.err) == (2, True)
    done = ready.inside("score", "invented.jsonl", "--judge", "student:lexical")
    assert "learned nothing of goal_directed_scheming; it takes --rubric hiding" in done.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cut", "0.9,0.1"], "--cut 0.9,0.1: give two probabilities, the lower one first"),
        (["--cut", "x"], "--cut x: give two probabilities"),
        (["--only", "meta.half=c"], "none of the traces that lexical judged is there with its text"),
        (["--only", "path=other.jsonl"], "none of the traces"),
        (["--judge", "student:lexical"], "there is no profile student:lexical in profiles; none yet"),
        (["--cluster", "meta.half"], "5 texts (or clusters) of each class are wanted at least, there are 2"),
    ],
)
def test_a_mistake_is_named(ready: Cli, options: list[str], message: str) -> None:
    """What cannot be learned is refused in one line, and nothing is stored."""
    judge = [] if "--judge" in options else ["--judge", "lexical"]
    done = ready.inside("distil", *judge, "--rubric", "hiding.yaml", *options)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
    assert not (ready.folder / "profiles").exists()


def test_too_few_examples_are_too_few(cli: Cli) -> None:
    """A teacher who hardly ever says present teaches nothing."""
    (cli.folder / "hiding.yaml").write_text(RUBRIC)
    dump(cli.folder, 12)
    score(cli, "lexical")
    done = cli.inside("distil", "--rubric", "hiding.yaml")
    assert (done.code, "lexical said present of 4 different texts and absent of 8" in done.err) == (2, True)
