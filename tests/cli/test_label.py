from __future__ import annotations

import json

import pytest
from tests.cli.command import Cli

ASK = ("label", "next", "--rubric", "goal_directed_scheming", "--annotator", "ada", "--count", "3")


@pytest.fixture
def scored(cli: Cli) -> Cli:
    assert cli("score", cli.dump(count=4)).code == 0
    return cli


def labels(cli: Cli) -> list[dict[str, object]]:
    return cli("sql", "FROM labels ORDER BY created_at", "--format", "jsonl").rows


def test_a_bad_row_stops_an_import(scored: Cli) -> None:
    """Every bad row is a line, nothing is imported, and --skip-bad imports the rest, once."""
    (scored.folder / "l.csv").write_text("path,record,label\nd.jsonl,1,present\nd.jsonl,9,absent\nd.jsonl,2,perhaps\n")
    command = ("label", "import", "l.csv", "--rubric", "goal_directed_scheming", "--annotator", "ada")
    refused = scored(*command)
    assert refused.code == 2
    assert [line.split(":")[2].strip() for line in refused.err.splitlines()[:2]] == ["row 2", "row 3"]
    assert not labels(scored)
    assert "1 labels imported" in scored(*command, "--skip-bad").out
    assert "1 there already" in scored(*command, "--skip-bad").out
    assert [row["label"] for row in labels(scored)] == ["present"]


def test_a_dry_import_changes_nothing(scored: Cli) -> None:
    """It counts what would be imported."""
    (scored.folder / "l.csv").write_text("path,record,label\nd.jsonl,1,present\n")
    done = scored("label", "import", "l.csv", "-r", "goal_directed_scheming", "--annotator", "ada", "--dry-run")
    assert "1 labels would be imported" in done.out
    assert not labels(scored)


def test_labelling_goes_trace_by_trace(scored: Cli) -> None:
    """Keys give labels, notes and criteria; a label given again replaces the first; the verdict comes after."""
    done = scored(*ASK, stdin="?\np\nb\nn\nI was hasty.\na\nc\ny\nq\nu\nq\n")
    assert done.code == 0, done.err
    assert "2 traces labelled by ada" in done.err
    first, second = labels(scored)
    assert (first["label"], first["note"]) == ("absent", "I was hasty.")
    assert (second["label"], json.loads(str(second["criteria"]))) == ("uncertain", {"goal_as_reason": "yes"})
    assert done.out.index("I add") < done.out.index("kept: present") < done.out.index("by lexical")


def test_verdicts_are_shown_as_asked_for(scored: Cli) -> None:
    """--blind never shows one, --no-blind from the start."""
    assert "by lexical" not in scored(*ASK, "--blind", stdin="p\n").out
    seen = scored(*ASK, "--no-blind", stdin="p\n").out
    assert seen.index("by lexical") < seen.index("kept")


def test_the_end_of_the_input_keeps_what_was_given(scored: Cli) -> None:
    """What was labelled is stored at once, with the reason why it was asked."""
    assert scored(*ASK, stdin="p\n").code == 0
    [row] = labels(scored)
    assert row["source"] == "cotjudge label next"
    queue = scored(*ASK, "--list").rows
    assert row["trace_id"] not in [item["trace_id"] for item in queue]


def test_hostile_text_is_shown_and_not_obeyed(cli: Cli) -> None:
    """Escape sequences of a trace do not reach the terminal."""
    (cli.folder / "d.jsonl").write_text(json.dumps({"reasoning": "\x1b[2J\u202eboo", "response": "x"}) + "\n")
    cli("score", "d.jsonl")
    done = cli(*ASK, stdin="q\n")
    assert "<U+001B>[2J<U+202E>boo" in done.out
    assert "\x1b[2J" not in done.out


def test_nothing_left_to_label_is_said(scored: Cli) -> None:
    """One line, no error."""
    scored(*ASK, "--count", "9", stdin="p\np\np\np\n")
    done = scored(*ASK)
    assert done.code == 0
    assert "ada has labelled every one of 4 traces" in done.err


def test_labels_are_counted(scored: Cli) -> None:
    """By rubric, annotator and label."""
    scored(*ASK, stdin="p\np\n")
    assert "ada" in scored("label", "list").out
