"""`cotjudge compare`: two runs side by side."""

from __future__ import annotations

import pytest
from tests.cli.command import Cli, columns
from tests.validation.values import a_store, annotate, judge


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A judge that is always right beside one that is right half of the time; one rationale talks to terminals."""
    cli = Cli(tmp_path_factory.mktemp("compared"))
    store, ids = a_store(cli.folder / "cotjudge.duckdb", 40)
    truth = dict(zip(ids, ["present", "absent"] * 20, strict=True))
    annotate(store, "gold", truth)
    judge(store, "half", dict.fromkeys(ids, "absent"), run="aa11", rationale="Nothing.\x1b]0;owned\x07 \u202eback")
    judge(store, "right", truth, run="bb22", rationale="A plan is hidden from the operator. " * 80)
    return cli


def test_the_answer_is_a_sentence(compared: Cli) -> None:
    """Shares, accuracy, McNemar, the table, flipped traces with both rationales, and whether B is better."""
    done = compared.inside("compare", "aa", "bb22", "--show", "1")
    assert (done.code, done.err) == (0, "")
    assert "scheming: A = aa11, B = bb22" in done.out
    assert "40 traces judged by both, 20 flipped" in done.out
    assert "right alone: A 0, B 20; McNemar p = 1.91e-06" in done.out
    assert "Against the labels of gold, B is better: accuracy 0.50 (A) and 1.00 (B) on 40 traces" in done.out
    assert "19 more flipped traces" in done.out
    assert "A: absent" in done.out
    assert "Nothing.<U+001B>]0;owned<U+0007>" in done.out
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out
    assert "…" in done.out


def test_a_narrow_terminal_stays_readable(compared: Cli) -> None:
    """No line is longer than 80 columns."""
    with columns(compared, 80):
        done = compared.inside("compare", "aa", "bb")
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80
    assert "accuracy by gold" in done.out


def test_machines_get_every_flip(compared: Cli) -> None:
    """With both labels and rationales in full."""
    (one,) = compared.inside("compare", "judge:half", "judge:right", "--json").json["comparisons"]
    assert one["a"] == {"kind": "judge", "name": "half"}
    accuracy = one["against"]["accuracy"]
    assert (accuracy["a"], accuracy["b"], accuracy["difference"], accuracy["n"]) == (0.5, 1.0, 0.5, 40)
    assert one["against"]["mcnemar"]["only_b"] == 20
    assert len(one["flips"]) == 20
    assert (one["flips"][0]["a"], one["flips"][0]["b"], one["flips"][0]["truth"]) == ("absent", "present", "present")
    assert len(one["flips"][0]["b_rationale"]) > 2_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["aa", "cc"], "'cc' is no run or judge"),
        (["aa", "judge:half"], "run aa11 made the very verdicts that count for judge:half"),
        (["aa", "bb", "--labels", "bo"], "'annotator:bo' is no annotator in cotjudge.duckdb; it has annotators: gold"),
        (["aa", "bb", "--rubric", "other"], "--rubric other"),
    ],
)
def test_a_mistake_is_named(compared: Cli, arguments: list[str], message: str) -> None:
    """One line and exit code 2."""
    done = compared.inside("compare", *arguments)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
