"""Every mistake a user can make: one clear line, the right exit code, nothing lost."""

from __future__ import annotations

import gzip
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from tests.cli.command import Cli, Done


def errors(done: Done) -> list[str]:
    return [line for line in done.err.splitlines() if line.startswith("error:")]


GOOD = json.dumps({"reasoning": "I add one and one.", "response": "2"}).encode() + b"\n"


def _file(name: str, content: bytes) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return make


def _folder_as_database(folder: Path) -> None:
    (folder / "x.duckdb").mkdir()
    (folder / "d.jsonl").write_bytes(GOOD)


def _text_as_database(folder: Path) -> None:
    (folder / "x.duckdb").write_bytes(b"hello " * 999)
    (folder / "d.jsonl").write_bytes(GOOD)


def _empty_folder(folder: Path) -> None:
    (folder / "void").mkdir()


def _nothing(folder: Path) -> None:
    del folder


REFUSED: list[tuple[str, Callable[[Path], None], tuple[str, ...], str]] = [
    ("a missing file", _nothing, ("score", "none.jsonl"), "none.jsonl"),
    ("an empty file", _file("e.jsonl", b""), ("score", "e.jsonl"), "empty"),
    ("binary junk", _file("j.bin", bytes(range(256)) * 40), ("score", "j.bin"), "j.bin"),
    ("a text nobody knows", _file("t.txt", b"Dear diary,\n"), ("score", "t.txt"), "t.txt"),
    ("an empty folder", _empty_folder, ("score", "void"), "void"),
    ("an unknown format", _file("d.jsonl", GOOD), ("score", "d.jsonl", "--format", "nope"), "nope"),
    ("an unknown rubric", _file("d.jsonl", GOOD), ("score", "d.jsonl", "--rubric", "nope"), "nope"),
    ("a faulty rubric", _file("r.yaml", b"id: X\n"), ("score", "r.yaml", "--rubric", "r.yaml"), "r.yaml"),
    ("an unknown option", _nothing, ("score", "d.jsonl", "--nope"), "--nope"),
    ("an unknown command", _nothing, ("scroe",), "scroe"),
    ("no path", _nothing, ("score",), "PATH"),
    ("a limit of nothing", _nothing, ("score", "d.jsonl", "--limit", "0"), "--limit"),
    ("a parameter without a value", _file("d.jsonl", GOOD), ("score", "d.jsonl", "--param", "x"), "NAME=VALUE"),
    ("a parameter of the wrong type", _file("d.jsonl", GOOD), ("score", "d.jsonl", "--param", "reasks=x"), "reasks"),
    ("an empty judge", _file("d.jsonl", GOOD), ("score", "d.jsonl", "--judge", " "), "--judge"),
    (
        "a database that is a folder",
        _folder_as_database,
        ("score", "d.jsonl", "--db", "x.duckdb"),
        "x.duckdb",
    ),
    ("a database in no folder", _file("d.jsonl", GOOD), ("score", "d.jsonl", "--db", "no/where/x.duckdb"), "no/where"),
    (
        "a database that is text",
        _text_as_database,
        ("score", "d.jsonl", "--db", "x.duckdb"),
        "x.duckdb",
    ),
    ("a query without a database", _nothing, ("sql", "SELECT 1"), "cotjudge.duckdb"),
    ("a trace nobody knows", _nothing, ("show", "abc"), "cotjudge.duckdb"),
]


@pytest.mark.parametrize(("make", "command", "named"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_a_mistake_is_one_clear_line_and_exit_2(
    cli: Cli, make: Callable[[Path], None], command: tuple[str, ...], named: str
) -> None:
    """The line names what is wrong; there is no traceback, and no database is left behind where none was."""
    make(cli.folder)
    done = cli(*command)
    assert done.code == 2, done.err
    assert len(errors(done)) == 1, done.err
    assert named in done.err
    assert "Traceback" not in done.err + done.out


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (b'{"reasoning": "cut off\n', "2"),
        (b'{"reasoning": "caf\xe9"}\n', "2"),
        (b"\x00\x01\x02\n", "2"),
        (b"[1, 2]\n", "2"),
    ],
    ids=["broken JSON", "not UTF-8", "NUL bytes", "no record"],
)
def test_a_broken_record_is_named_counted_and_passed_over(cli: Cli, bad: bytes, says: str) -> None:
    """Its neighbours are judged; the run succeeds."""
    (cli.folder / "d.jsonl").write_bytes(GOOD + bad + GOOD.replace(b"one", b"two"))
    done = cli("score", "d.jsonl", "--json")
    assert (done.code, done.json["traces"], done.json["skipped_records"]) == (0, 2, 1), done.err
    assert f"d.jsonl: record {says}:" in done.err


def test_a_cut_archive_gives_what_it_holds(cli: Cli) -> None:
    """The records before the cut are judged, the cut is named."""
    lines = b"".join(GOOD.replace(b"one", str(i).encode()) for i in range(5000))
    packed = gzip.compress(lines)
    (cli.folder / "d.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    done = cli("score", "d.jsonl.gz", "--json", "--rubric", "goal_directed_scheming")
    assert done.code == 0
    assert done.json["traces"] > 100
    assert done.json["skipped_records"] == 1
    assert "d.jsonl.gz" in done.err


PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Peak memory of one command, kB: by a process that has no other children."""


def test_a_line_of_200_mb_is_passed_over_in_bounded_memory(cli: Cli) -> None:
    """It is named; its neighbours are judged; the process stays far below the size of the line."""
    with (cli.folder / "d.jsonl").open("wb") as file:
        file.write(GOOD + b'{"reasoning": "')
        for _ in range(200):
            file.write(b"a" * 1_000_000)
        file.write(b'"}\n' + GOOD.replace(b"one", b"two"))
    done = cli("read", "d.jsonl")
    assert (done.code, len(done.rows)) == (1, 2)
    assert "d.jsonl: record 2:" in done.err
    command = [sys.executable, "-c", PEAK, sys.executable, "-m", "cotjudge", "read", "d.jsonl"]
    measured = subprocess.run(command, cwd=cli.folder, stdout=subprocess.PIPE, text=True, check=True)
    assert int(measured.stdout) / 1024 < 600


def test_a_locked_database_is_waited_for_and_then_named(cli: Cli) -> None:
    """A process that holds the file makes `sql` wait, then say who is in the way; nothing is lost."""
    cli.dump()
    assert cli("score", "d.jsonl").code == 0
    holder = duckdb.connect(str(cli.folder / "cotjudge.duckdb"))
    try:
        done = cli("sql", "SELECT 1", COTJUDGE_PATIENCE="1")
        assert done.code == 2
        assert "cotjudge.duckdb" in errors(done)[0]
    finally:
        holder.close()
    assert cli("sql", "SELECT 1").code == 0


def test_a_scorer_never_loses_verdicts_to_a_locked_database(cli: Cli) -> None:
    """If the file stays locked to the end, the verdicts wait in the journal for the next command."""
    cli.dump()
    assert cli("score", "d.jsonl", "--limit", "1").code == 0
    reader = duckdb.connect(str(cli.folder / "cotjudge.duckdb"), read_only=True)
    try:
        locked = cli("score", "d.jsonl", COTJUDGE_PATIENCE="1")
        assert locked.code in (0, 2), locked.err
        assert "Traceback" not in locked.err
    finally:
        reader.close()
    final = cli("score", "d.jsonl", "--json")
    assert final.code == 0
    assert cli("sql", "SELECT count(*) AS n FROM verdicts", "--format", "jsonl").rows == [{"n": 9}]


def test_a_full_disk_is_named_and_what_was_kept_is_kept(cli: Cli) -> None:
    """A limit on file size stands in for the disk: one line, exit 2, and the next run goes on."""
    cli.dump(count=3000)
    limit = 2_000_000
    done = subprocess.run(
        cli.command("score", "d.jsonl", "--rubric", "goal_directed_scheming"),
        cwd=cli.folder,
        env=cli.environment,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("error:")]) == 1
    after = cli("score", "d.jsonl", "--rubric", "goal_directed_scheming", "--json")
    assert after.code == 0, after.err
    assert after.json["judged"] + after.json["cached"] == 3000


def test_a_folder_one_may_not_write_to_is_named(cli: Cli) -> None:
    """/proc is such a folder even for root."""
    cli.dump()
    done = cli("score", "d.jsonl", "--db", "/proc/cotjudge.duckdb")
    assert done.code == 2
    assert "/proc/cotjudge.duckdb" in errors(done)[0] or "/proc" in errors(done)[0]


def test_a_folder_of_dumps_names_what_no_reader_knows_and_goes_on(cli: Cli) -> None:
    """Found files that nobody can read are counted; a file the user named would be an error."""
    cli.dump("sub.jsonl")
    os.mkdir(cli.folder / "dumps")  # noqa: PTH102
    (cli.folder / "sub.jsonl").rename(cli.folder / "dumps" / "a.jsonl")
    (cli.folder / "dumps" / "notes.txt").write_text("Dear diary,\n")
    done = cli("score", "dumps", "--json")
    assert (done.code, done.json["traces"], done.json["skipped_records"]) == (0, 3, 1)
    assert "notes.txt" in done.err


def test_the_first_skips_are_named_however_many_records_each_stands_for(cli: Cli) -> None:
    """A reason shared by fifty records is named once with its file; past twenty skips one line says so."""
    (cli.folder / "a.jsonl").write_bytes(GOOD + b'{"colour": "red"}\n' * 50)
    (cli.folder / "b.jsonl").write_bytes(GOOD.replace(b"one", b"two") + b'{"reasoning": \n' * 30)
    done = cli("score", "a.jsonl", "b.jsonl", "--json")
    named = [line for line in done.err.splitlines() if line.startswith("skipped: ")]
    assert done.json["skipped_records"] == 80
    assert named[0].startswith("skipped: a.jsonl: record 2:")
    assert len(named) == 21
    assert "only counted" in named[-1]
