from __future__ import annotations

import pytest
from tests.cli.command import Cli

CONDITION = "goal_directed_scheming = 'absent'"


@pytest.fixture
def scored(cli: Cli) -> Cli:
    assert cli("score", cli.dump(count=4)).code == 0
    return cli


def test_a_corpus_is_filtered(scored: Cli) -> None:
    """The counts are the answer; the manifest lies beside the output."""
    done = scored("filter", "d.jsonl", "--drop", CONDITION, "-o", "clean.jsonl")
    assert (done.code, done.out) == (0, "4 records in 1 files: 0 kept, 4 dropped\n")
    assert (scored.folder / "clean.jsonl").read_bytes() == b""
    assert (scored.folder / "clean.jsonl.manifest.jsonl").exists()


def test_records_without_a_verdict_are_said(scored: Cli) -> None:
    """Kept unless asked otherwise."""
    (scored.folder / "d.jsonl").write_text('{"reasoning": "New.", "response": "x"}\n')
    done = scored("filter", "d.jsonl", "--drop", CONDITION, "-o", "clean.jsonl", "--dry-run")
    assert done.out == "1 records in 1 files: 1 would be kept, 0 would be dropped\n"
    assert "1 records have no verdict on this and were kept" in done.err


def test_a_mistake_is_one_line(scored: Cli) -> None:
    """Exit status 2, and nothing is written."""
    for arguments in (
        ("d.jsonl", "--drop", "x = 1", "-o", "c.jsonl"),
        ("d.jsonl", "--drop", CONDITION, "-o", "d.jsonl"),
        ("gone.jsonl", "--drop", CONDITION, "-o", "c.jsonl"),
        ("-", "--drop", CONDITION, "-o", "c.jsonl"),
    ):
        done = scored("filter", *arguments)
        assert (done.code, done.err.count("\n")) == (2, 1), done.err
    assert not (scored.folder / "c.jsonl").exists()
