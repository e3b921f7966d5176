"""`cotjudge agree`: judges beside labels."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.command import Cli, columns
from tests.validation.values import RUBRIC, a_store, annotate, judge, table

HOSTILE = "gold\x1b[31m<script>\u202e"


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A published table of one judge, with scores, and a second annotator of hostile name for a few of the traces."""
    cli = Cli(tmp_path_factory.mktemp("rated"))
    store, ids = a_store(cli.folder / "cotjudge.duckdb", 106, scenario=[at // 2 for at in range(106)])
    truth, said = table(ids, 34, 1, 17, 54)
    annotate(store, "gold", truth)
    annotate(store, HOSTILE, dict.fromkeys(ids[:4], "present") | {ids[-1]: "absent"})
    judge(store, "lexical", said, scores={i: 0.875 if said[i] == "present" else 0.25 for i in ids})
    return cli


def test_a_published_table_comes_out_of_the_command(rated: Cli) -> None:
    """TP 34, FP 1, FN 17, TN 54: accuracy .83, precision .97, recall .67, kappa .66, MCC .69."""
    answer = rated.inside("agree", "--against", "gold", "--judge", "lexical", "--json").json
    (pair,) = answer["pairs"]
    assert [pair[name] for name in ("tp", "fp", "fn", "tn", "n", "coverage")] == [34, 1, 17, 54, 106, 1.0]
    assert {name: round(pair[name], 2) for name in ("accuracy", "precision", "recall", "kappa", "mcc")} == {
        "accuracy": 0.83,
        "precision": 0.97,
        "recall": 0.67,
        "kappa": 0.66,
        "mcc": 0.69,
    }
    low, high = pair["intervals"]["kappa"]
    assert low < pair["kappa"] < high
    assert pair["distinct_scores"] == 2
    assert (pair["words"], pair["table"]) == (["present", "absent"], [[34, 17], [1, 54]])
    assert (pair["criterion"], pair["group"], pair["clusters"]) == (None, None, 106)


def test_a_seed_gives_the_same_intervals_and_clusters_others(rated: Cli) -> None:
    """Intervals are drawn, and can be drawn again."""
    asked = ("agree", "--against", "gold", "--judge", "lexical", "--resamples", "200", "--json")
    first, again, other = (rated.inside(*asked, "--seed", seed).json["pairs"][0] for seed in ("1", "1", "2"))
    assert first["intervals"] == again["intervals"] != other["intervals"]
    clustered = rated.inside(*asked, "--cluster", "meta.scenario").json["pairs"][0]
    assert clustered["clusters"] == 53


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_shows_every_metric_with_its_interval(rated: Cli, width: int) -> None:
    """Nothing is cut at 80 columns, and what a name holds is shown and not obeyed."""
    with columns(rated, width):
        done = rated.inside("agree", "--criteria", "--by", "path")
    assert (done.code, done.err) == (0, "")
    assert max(map(len, done.out.splitlines())) <= width
    for word in ("F1", "specificity", "Cohen's kappa", "MCC", "Gwet's AC1", "Kripp. alpha", "AUROC", "avg. precision"):
        assert word in done.out
    for word in ("TPR at 1% FPR", "TPR at 5% FPR", "Brier score", "ECE", "distinct scores", "dump.jsonl"):
        assert word in done.out
    assert "…" not in done.out.split("All annotators")[0].split("gold<U+001B>")[0]
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out
    assert "106 traces" in done.out


def test_a_report_is_one_page_with_curves(rated: Cli) -> None:
    """Tables, a ROC curve and a calibration plot for each judge and annotator; a hostile name is text there, too."""
    done = rated.inside("agree", "--report", "r.html", "--resamples", "50")
    assert done.err == "report is in r.html\n"
    page = (rated.folder / "r.html").read_text(encoding="utf-8")
    assert page.count("ROC curve.") == 2
    assert page.count("Calibration:") == 2
    assert page.count("<svg") == 4
    assert "<script" not in page
    assert "\x1b" not in page
    assert "http://" not in page.replace("http://www.w3.org/", "")
    assert "https://" not in page


def test_nothing_to_compare_is_one_clear_line(cli: Cli) -> None:
    """A database without labels; that is no error."""
    store, ids = a_store(cli.folder / "cotjudge.duckdb", 1)
    judge(store, "lexical", {ids[0]: "present"})
    done = cli.inside("agree")
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("nothing to compare in cotjudge.duckdb: it takes verdicts and labels")
    assert cli.inside("agree", "--json").json == {"pairs": [], "annotators": [], "notes": []}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rubric", "other"], f"--rubric other: no verdict and no label in cotjudge.duckdb has this rubric; there are {RUBRIC}"),
        (["--judge", "nobody"], "'nobody' is no judge or run"),
        (["--by", "nothing"], "take one of model"),
        (["--report", "r.txt"], "--report r.txt: the page is HTML"),
        (["--report", "none/r.html"], "--report none/r.html: there is no folder none"),
        (["--db", "none.duckdb"], "none.duckdb"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(rated: Cli, arguments: list[str], message: str) -> None:
    """One line, exit code 2, no escape sequence."""
    done = rated.inside("agree", *arguments)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
    assert "\x1b" not in done.err


def test_gold_is_read_by_two(cli: Cli) -> None:
    """The embedded judge on the gold traces: scored, labelled, compared, rubric by rubric."""
    gold = Path(__file__).parents[2] / "data" / "gold"
    assert cli.inside("score", gold / "traces", "--judge", "lexical").code == 0
    assert cli.inside("label", "import", gold / "labels.jsonl").code == 0
    answer = cli.inside("agree", "--json", "--resamples", "50", "--only", "path=*/test.jsonl").json
    rubrics = {pair["rubric"] for pair in answer["pairs"]}
    assert rubrics == {"goal_directed_scheming", "persona_consistent_roleplay", "stereotyped_ethical_phrasing"}
    for pair in answer["pairs"]:
        assert pair["auroc"] > 0.5
        assert pair["traces"] == 120
