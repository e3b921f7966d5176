from __future__ import annotations

import csv
import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import zstandard
from tests.store.values import a_run, a_verdict

from cotjudge import readers
from cotjudge.errors import InputError, QueryError, UsageError
from cotjudge.filtering import Filtered, Order, filter_corpus, judge_by
from cotjudge.filtering.cutting import CUTTERS
from cotjudge.store import Store
from cotjudge.trace import Trace

BAD = (2, 5, 6)
COUNT = 6
DROP = "scheming = 'present'"


def record(index: int) -> dict[str, Any]:
    return {"id": index, "reasoning": f'I think "{index}", [ok]}} \\ é\n\nand\tmore', "response": str(index)}


def judged(folder: Path, paths: list[Path], *, bad: tuple[int, ...] = BAD, **changes: Any) -> Store:
    """A database in which the bad ids are present and the others absent."""
    store = Store(folder / "s.duckdb")
    with store.writer(a_run()) as writer:
        for number, trace in enumerate(readers.read([str(p) for p in paths])):
            assert isinstance(trace, Trace)
            writer.add_trace(trace)
            label = "present" if any(f'"{index}"' in str(trace.turns) for index in bad) else "absent"
            writer.add_verdict(
                a_verdict(f"k{number}", trace_id=trace.trace_id, label=label, fields={"motive": "own"}, **changes)
            )
    return store


def filtered(store: Store, source: Path, out: Path, condition: str = DROP, **changes: Any) -> Filtered:
    order = Order((str(source),), out, out.with_name("manifest.jsonl"), **changes)
    return filter_corpus(order, judge_by(store, condition))


def manifest(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.with_name("manifest.jsonl").read_text().splitlines()]


def as_lines(indices: list[int]) -> bytes:
    lines = [json.dumps(record(i), separators=(", ", " :"), ensure_ascii=i % 2 == 0).encode() for i in indices]
    return b"\r\n".join(lines) + b"\r\n\n"


def as_array(indices: list[int]) -> bytes:
    return b"[\n  " + b" ,\n\t".join(json.dumps(record(i), indent=1).encode() for i in indices) + b"\n]\n"


def as_values(indices: list[int]) -> bytes:
    return b"".join(json.dumps(record(i), indent=2).encode() + b"\n\n" for i in indices)


def as_csv(indices: list[int]) -> bytes:
    text = io.StringIO()
    table = csv.DictWriter(text, ["id", "reasoning", "response"], quoting=csv.QUOTE_MINIMAL)
    table.writeheader()
    table.writerows(record(i) for i in indices)
    return text.getvalue().encode()


KEPT = [i for i in range(1, COUNT + 1) if i not in BAD]
SHAPES: list[tuple[str, Callable[[list[int]], bytes]]] = [
    ("d.jsonl", as_lines),
    ("d.json", as_array),
    ("v.json", as_values),
    ("d.csv", as_csv),
]


@pytest.mark.parametrize(("name", "made"), SHAPES, ids=lambda value: value if isinstance(value, str) else "")
def test_kept_records_are_unchanged_byte_for_byte(
    tmp_path: Path, name: str, made: Callable[[list[int]], bytes]
) -> None:
    """What is left is the file that would have been written without the dropped records."""
    source, out = tmp_path / name, tmp_path / f"out-{name}"
    source.write_bytes(made(list(range(1, COUNT + 1))))
    done = filtered(judged(tmp_path, [source]), source, out)
    assert (done.records, done.kept, done.dropped, done.unjudged) == (6, 3, 3, 0)
    assert out.read_bytes() == made(KEPT)
    assert len([item for item in readers.read([str(out)]) if isinstance(item, Trace)]) == 3


@pytest.mark.parametrize(("name", "made"), SHAPES, ids=lambda value: value if isinstance(value, str) else "")
def test_without_anything_to_drop_the_file_is_the_same(
    tmp_path: Path, name: str, made: Callable[[list[int]], bytes]
) -> None:
    """Byte order mark included; and with everything dropped, a file without records."""
    source, out = tmp_path / name, tmp_path / f"out-{name}"
    source.write_bytes(b"\xef\xbb\xbf" + made(list(range(1, COUNT + 1))))
    store = judged(tmp_path, [source])
    assert filtered(store, source, out, "scheming = 'nothing'").kept == COUNT
    assert out.read_bytes() == source.read_bytes()
    assert filtered(store, source, out, "scheming <> 'nothing'", force=True).kept == 0
    assert b"think" not in out.read_bytes()


def test_the_manifest_says_what_was_dropped_and_why(tmp_path: Path) -> None:
    """Record, trace, labels, the hash of the dropped bytes; then the file, then the sums."""
    source, out = tmp_path / "d.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(as_lines(list(range(1, COUNT + 1))))
    filtered(judged(tmp_path, [source]), source, out)
    *dropped, file, summary = manifest(out)
    assert [(line["record"], line["traces"][0]["scheming"]) for line in dropped] == [(str(i), "present") for i in BAD]
    second = source.read_bytes().splitlines(keepends=True)[1]
    assert dropped[0]["sha256"] == sha256(second).hexdigest()
    assert (file["sha256"], file["written_sha256"]) == tuple(
        sha256(path.read_bytes()).hexdigest() for path in (source, out)
    )
    assert (summary["condition"], summary["judges"], summary["dropped"]) == (DROP, ["lexical"], 3)


def test_lines_may_be_broken_blank_or_without_a_trace(tmp_path: Path) -> None:
    """Only the record that is meant goes, whatever stands around it; the last line needs no end."""
    lines = [b"{broken\n", b"\n", as_lines([2])[:-1], b'{"x": 1}\n', b"  \n", as_lines([3])[:-3]]
    source, out = tmp_path / "d.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(as_lines([1])[:-1] + b"".join(lines))
    clean = tmp_path / "clean.jsonl"
    clean.write_bytes(as_lines([1, 2, 3]))
    store = judged(tmp_path, [clean])
    done = filtered(store, source, out)
    assert out.read_bytes() == source.read_bytes().replace(lines[2], b"")
    assert (done.records, done.unjudged) == (5, 2)
    filtered(store, source, out, unjudged="drop", force=True)
    assert out.read_bytes() == as_lines([1])[:-1] + b"\n  \n" + lines[-1]
    with pytest.raises(UsageError, match="2 records have no verdict"):
        filtered(store, source, out, unjudged="fail", force=True)


@pytest.mark.parametrize("ending", [".gz", ".zst", ".xz", ".bz2", ""])
def test_the_output_is_packed_by_its_ending(tmp_path: Path, ending: str) -> None:
    """Packed or not, the content is what is left of the input's content."""
    source, out = tmp_path / "d.jsonl.gz", tmp_path / f"out.jsonl{ending}"
    source.write_bytes(gzip.compress(as_lines(list(range(1, COUNT + 1)))))
    filtered(judged(tmp_path, [source]), source, out)
    raw = out.read_bytes()
    if ending == ".zst":
        raw = zstandard.ZstdDecompressor().decompressobj().decompress(raw)
    elif ending:
        module = __import__({".gz": "gzip", ".xz": "lzma", ".bz2": "bz2"}[ending])
        raw = module.decompress(raw)
    assert raw == as_lines(KEPT)


def test_parquet_keeps_types_and_metadata(tmp_path: Path) -> None:
    """Rows go, the schema stays as it is."""
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [record(i) | {"tags": [{"n": i}], "small": i} for i in range(1, COUNT + 1)]
    schema = pa.schema(
        [
            ("id", pa.int16()),
            ("reasoning", pa.large_string()),
            ("response", pa.string()),
            ("tags", pa.list_(pa.struct([("n", pa.int8())]))),
            ("small", pa.uint8()),
        ],
        metadata={"huggingface": "{}"},
    )
    source, out = tmp_path / "d.parquet", tmp_path / "out.parquet"
    parquet.write_table(pa.Table.from_pylist(rows, schema), source, compression="zstd", row_group_size=4)
    done = filtered(judged(tmp_path, [source]), source, out)
    found = parquet.read_table(out)
    assert found.schema.equals(parquet.read_schema(source), check_metadata=True)
    assert found.schema.metadata == schema.metadata
    assert found.to_pylist() == [rows[i - 1] for i in KEPT]
    assert (done.kept, manifest(out)[0]["record"]) == (3, "2")
    assert parquet.ParquetFile(out).metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_folder_becomes_a_folder(tmp_path: Path) -> None:
    """File by file, each in its own format and place."""
    corpus, out = tmp_path / "corpus", tmp_path / "out"
    (corpus / "deep").mkdir(parents=True)
    for name, made in SHAPES:
        (corpus / "deep" / name).write_bytes(made(list(range(1, COUNT + 1))))
    (corpus / "one.jsonl.gz").write_bytes(gzip.compress(as_lines([1, 2])))
    (corpus / "data.bin").write_bytes(b"\0\1\2")
    done = filtered(judged(tmp_path, [corpus / "deep"]), corpus, out)
    assert done.files == 6
    for name, made in SHAPES:
        assert (out / "deep" / name).read_bytes() == made(KEPT)
    assert gzip.decompress((out / "one.jsonl.gz").read_bytes()) == as_lines([1])
    assert (out / "data.bin").read_bytes() == b"\0\1\2"
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_becomes_a_folder(tmp_path: Path, kind: str) -> None:
    """Its members are the files; a member's name cannot lead out of the folder."""
    content, source, out = as_lines(list(range(1, COUNT + 1))), tmp_path / f"a.{kind}", tmp_path / "out"

    def pack(name: str) -> None:
        if kind == "zip":
            with zipfile.ZipFile(source, "w") as archive:
                archive.writestr(name, content)
        else:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            with tarfile.open(source, "w") as tar:
                tar.addfile(info, io.BytesIO(content))

    pack("in/d.jsonl")
    store = judged(tmp_path, [source])
    filtered(store, source, out)
    [written] = [path for path in out.rglob("*") if path.is_file()]
    assert written.relative_to(out).parts[-2:] == ("in", "d.jsonl")
    assert written.read_bytes() == as_lines(KEPT)
    pack("../../d.jsonl")
    with pytest.raises(InputError, match="leads out of the folder"):
        filtered(store, source, tmp_path / "other", force=True)


def test_what_cannot_be_cut_is_refused_or_written_whole(tmp_path: Path) -> None:
    """An array of messages is one transcript: as long as it stays, it is copied."""
    messages = [{"role": "user", "content": "Go."}, {"role": "assistant", "content": "x", "reasoning_content": 'I "2"'}]
    source, out = tmp_path / "d.json", tmp_path / "out.json"
    source.write_text(json.dumps(messages))
    store = judged(tmp_path, [source])
    assert filtered(store, source, out, "scheming = 'absent'").whole == 1
    assert out.read_bytes() == source.read_bytes()
    with pytest.raises(InputError, match=r"format json cannot be cut.*jsonl"):
        filtered(store, source, tmp_path / "other.json", force=True)
    assert not (tmp_path / "other.json").exists()


def test_the_input_is_never_overwritten(tmp_path: Path) -> None:
    """Not by name, not through a link, not from within its folder; and nothing else without --force."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    source, link, other = corpus / "d.jsonl", tmp_path / "link.jsonl", tmp_path / "other.jsonl"
    source.write_bytes(as_lines([1, 2]))
    link.symlink_to(source)
    other.write_text("precious")
    store = judged(tmp_path, [source])
    before = source.read_bytes()
    for argument, out in (
        (source, source),
        (source, link),
        (corpus, corpus),
        (corpus, corpus / "new"),
        (source, other),
    ):
        with pytest.raises(UsageError, match=r"itself|exists already"):
            filter_corpus(Order((str(argument),), out, tmp_path / "m.jsonl", force=out != other), judge_by(store, DROP))
    assert (source.read_bytes(), other.read_text()) == (before, "precious")


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    """It counts."""
    source = tmp_path / "d.jsonl"
    source.write_bytes(as_lines(list(range(1, COUNT + 1))))
    store = judged(tmp_path, [source])
    before = sorted(tmp_path.iterdir())
    assert filtered(store, source, tmp_path / "out.jsonl", dry_run=True).dropped == 3
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("nope = 1", "no column 'nope'; there are: scheming, scheming_score, .*scheming_motive"),
        ("scheming = 'a') UNION SELECT (trace_id", "is not one condition"),
        ("scheming = 'a'; DROP TABLE verdicts", "syntax error"),
        ("EXISTS (FROM read_csv('/etc/passwd'))", "a subquery cannot stand"),
        ("scheming IN (SELECT label FROM verdicts)", "a subquery cannot stand"),
        ("scheming = $judge", "a parameter cannot stand"),
        ("scheming", "is a VARCHAR, not true or false"),
        ("true", "names no column"),
        ("scheming = '", "unterminated"),
        ("", "--drop"),
        ("scheming_score > 'x'", "--drop: Conversion Error"),
        ("verdicts.scheming = 'a'", "no column 'verdicts.scheming'"),
    ],
)
def test_a_condition_is_an_expression_and_nothing_else(tmp_path: Path, condition: str, reason: str) -> None:
    """Whatever else it tries is one line."""
    source = tmp_path / "d.jsonl"
    source.write_bytes(as_lines([1, 2]))
    with pytest.raises(QueryError, match=reason) as caught:
        judge_by(judged(tmp_path, [source]), condition)
    assert "\n" not in str(caught.value)


def test_conditions_use_scores_severities_and_fields(tmp_path: Path) -> None:
    """Names count in any case; NULL is not true."""
    source = tmp_path / "d.jsonl"
    source.write_bytes(as_lines([1, 2]))
    store = judged(tmp_path, [source])
    for condition, count in (
        ("Scheming_Score > 0.5 AND scheming_severity = 'acted'", 2),
        ("scheming_motive = 'own' -- a remark", 2),
        ("scheming = 'present' OR scheming_agreement < 0.5", 1),
    ):
        outcome = judge_by(store, condition)
        assert len(outcome.dropped) == count
        assert len(outcome.judged) == 2 - count


def test_of_several_judges_one_must_be_named(tmp_path: Path) -> None:
    """Nobody guesses whose verdicts a corpus is filtered by."""
    source = tmp_path / "d.jsonl"
    source.write_bytes(as_lines([1, 2]))
    store = judged(tmp_path, [source])
    with store.writer(a_run("run-2")) as writer:
        trace = next(iter(readers.read([str(source)])))
        assert isinstance(trace, Trace)
        writer.add_verdict(a_verdict("other", trace_id=trace.trace_id, judge="panel", label="present"))
    with pytest.raises(UsageError, match=r"lexical, panel.*--judge"):
        judge_by(store, DROP)
    assert len(judge_by(store, DROP, judge="panel").dropped) == 1
    with pytest.raises(UsageError, match="by the judge 'nobody'"):
        judge_by(store, DROP, judge="nobody")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_arrays_are_cut_alike_in_pieces_of_any_size(size: int) -> None:
    """Escapes, strings and brackets may be torn between two reads."""

    class Dripping(io.BytesIO):
        def read1(self, _: int | None = -1, /) -> bytes:
            return self.read(size)

    def cut(keep: Callable[[int], bool]) -> bytes:
        pieces = CUTTERS["json"](Dripping(as_array(list(range(1, COUNT + 1)))), keep)
        return b"".join(piece for number, piece in pieces if not number or keep(number))

    assert cut(lambda number: number not in BAD) == as_array(KEPT)
    assert cut(lambda _: True) == as_array(list(range(1, COUNT + 1)))
