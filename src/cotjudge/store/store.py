"""The store's public face."""

from __future__ import annotations

import logging
import secrets
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cotjudge.errors import InputError, QueryError, StoreBusyError, StoreError
from cotjudge.fingerprint import judge_hash
from cotjudge.run import Run
from cotjudge.store import (
    caring,
    dump,
    exporting,
    foreign,
    importing,
    lines,
    migrating,
    named,
    overlay,
    reading,
    records,
)
from cotjudge.store.caring import Finding, Stats, Vacuumed
from cotjudge.store.dump import Found, Holding, Judged, JudgedDump
from cotjudge.store.journal import Journal, orphans
from cotjudge.store.known import Known
from cotjudge.store.label import Label
from cotjudge.store.merging import drain, merge
from cotjudge.store.migrating import Migrated
from cotjudge.store.named import NamedQuery
from cotjudge.store.result import Parameters, Result
from cotjudge.store.sandbox import Sandbox
from cotjudge.store.sandbox import run as sandboxed
from cotjudge.store.warehouse import (
    PATIENCE_S,
    ROW_GROUP_SIZE,
    ROW_GROUP_SIZE_WITHOUT_TEXT,
    OutdatedError,
    Warehouse,
    refusals,
)
from cotjudge.store.writer import Writer
from cotjudge.verdict import Verdict

if TYPE_CHECKING:
    from cotjudge.store.export_folder import Manifest
    from cotjudge.store.warehouse import Connection

_log = logging.getLogger(__name__)
_BATCH = 10_000
_TIDY_PATIENCE_S = 0.1
"""What cannot be merged at once is read where it is."""


class Store:
    """One DuckDB file and the journals beside it. Nothing is opened until it is needed, nor for longer.

    Args:
        path: the DuckDB file.
        keep_text: whether traces are stored with their text; without it, only with hashes, lengths and sources.
        patience: seconds to wait for a database in use.
    """

    def __init__(self, path: Path, *, keep_text: bool = True, patience: float = PATIENCE_S) -> None:
        self.path = path
        self.keep_text = keep_text
        self.journals = path.with_name(path.name + ".journal")
        row_group = ROW_GROUP_SIZE if keep_text else ROW_GROUP_SIZE_WITHOUT_TEXT
        self._warehouse = Warehouse(path, patience=patience, row_group=row_group)

    def ensure(self) -> None:
        """Create the database, or verify that it is one of ours and can be written.

        One of an older version is brought to today's and kept as it was beside it; the log says so.

        Raises:
            StoreError: it cannot be made or written, is no database, or is of a newer version.
        """
        try:
            self._warehouse.create()
        except OutdatedError:
            _log.warning("%s", self.migrate() or f"{self.path}: brought up to date by another process")

    def migrate(self) -> Migrated | None:
        """Bring a database of an older version to today's; the file as it was is kept beside it.

        Returns:
            What was done; None where there was nothing to do.

        Raises:
            StoreError: there is no such database, or it cannot be written; it is unchanged then.
        """
        migrated = migrating.migrate(self._warehouse)
        self.recover()
        with self._warehouse.session(write=True) as connection:
            migrating.fill(connection)  # what lines of an older version lack
            migrating.renew_views(connection)
        return migrated

    def check(self, *, rubrics: Collection[str] = ()) -> list[Finding]:
        """What is wrong with the database, its journals and what lies beside them; changes nothing.

        Args:
            rubrics: ids of rubrics that are known elsewhere.

        Raises:
            StoreError: there is no such database, or it cannot be opened.
        """
        return caring.check(self._warehouse, self.journals, rubrics=rubrics)

    def vacuum(self) -> Vacuumed:
        """Merge what dead processes left, and rewrite the file compactly.

        Raises:
            StoreBusyError: somebody writes or reads.
            StoreError: it could not be rewritten; it is unchanged.
        """
        return caring.vacuum(self._warehouse, self.journals, merged=self.recover())

    def stats(self) -> Stats:
        """What is in the database, and how large it is.

        Raises:
            StoreError: there is no such database, or it cannot be used.
        """
        return caring.stats(self._warehouse, self.journals)

    def recover(self, *, patience: float | None = None) -> int:
        """Merge the journals whose owner is gone.

        Args:
            patience: seconds to wait for a database in use; the store's own where absent.

        Returns:
            Lines merged.

        Raises:
            StoreError: the database cannot be written; what is not merged stays in the journal.
        """
        merged = 0
        for journal in orphans(self.journals):
            try:
                merged += drain(self._warehouse, journal, patience=patience)
                with self._warehouse.session(write=True, patience=patience) as connection:
                    connection.execute(
                        "UPDATE runs SET status = 'interrupted' WHERE run_id = ? AND status = 'running'",
                        [journal.folder.name],
                    )
            finally:
                journal.close()
        return merged

    def judged(self, rubric_hashes: Collection[str], judge_hash: str) -> Judged:
        """The judgements that exist by this judge and these rubrics; none if there is no database."""
        # Joined by the database: a row for each of millions of keys would be a tuple each, and work for the collector.
        verdicts: dict[str, Found | None] = {}
        runs: defaultdict[str, Holding] = defaultdict(Holding)
        for label, run, keys, *held in self._rows(
            "SELECT label, run_id, string_agg(key, chr(10)), count(*), sum(key_number)::BIGINT FROM verdicts "
            "WHERE judge_hash = ? AND list_contains(?, rubric_hash) GROUP BY label, run_id, key[1:2]",
            [judge_hash, list(rubric_hashes)],
        ):
            verdicts |= dict.fromkeys(keys.split("\n"), Found(label, run))
            runs[run] += Holding(*held)
        return Judged(verdicts, dict(runs))

    def unchanged(
        self, paths: Sequence[str], *, reading: str, asked: str, judge_hash: str, rubric_hashes: Collection[str]
    ) -> dict[tuple[str, str], JudgedDump]:
        """The dumps whose verdicts are all there still, by path and hash of content; see `dump.unchanged`."""
        self._tidy()
        if not self.path.exists():
            return {}
        with self._reading() as connection:
            return dump.unchanged(
                connection, paths, reading=reading, asked=asked, judge_hash=judge_hash, rubric_hashes=rubric_hashes
            )

    def verdicts(self, keys: Collection[str]) -> dict[str, Verdict]:
        """The verdicts that have these judgement keys, whole but for their ledger; none if there is no database."""
        if not keys or not self.path.exists():
            return {}
        with self._reading() as connection:
            return reading.verdicts(connection, list(keys))

    def mean_output_tokens(self, identity: Mapping[str, Any]) -> float | None:
        """Output tokens of a usable answer by this judge, on average; None where it has given none."""
        sql = "SELECT avg(output_tokens / calls) FROM verdicts WHERE judge_hash = ? AND calls > 0"
        return next((mean for (mean,) in self._rows(sql, [judge_hash(identity)])), None)

    def known_traces(self) -> Known:
        """Ids of the traces stored already."""
        return self._known("SELECT md5_number_lower(trace_id) FROM traces ORDER BY ALL")

    def known_sources(self) -> Known:
        """(trace id, path, record) of the sources stored already."""
        return self._known(
            "SELECT md5_number_lower(concat_ws(chr(0), trace_id, path, record)) FROM sources ORDER BY ALL"
        )

    def writer(self, run: Run, *, traces: bool = True) -> Writer:
        """A writer for one run, to be used in a `with`.

        Args:
            run: the run.
            traces: whether it will be given traces, so that it must know which are stored already.

        Raises:
            StoreError: the database or its journal cannot be written.
        """
        self.ensure()
        known = (self.known_traces(), self.known_sources()) if traces else (Known(), Known())
        journal = Journal.create(self.journals, run.run_id)
        return Writer(
            self._warehouse,
            journal,
            run,
            traces=known[0],
            sources=known[1],
            keep_text=self.keep_text,
        )

    def query(
        self, sql: str, parameters: Parameters = None, *, write: bool = False, sandbox: Sandbox | None = None
    ) -> Result:
        """Run one statement.

        Args:
            sql: the statement, in DuckDB's SQL.
            parameters: values for `?` (a sequence) or `$name` (a mapping).
            write: whether it may change the database.
            sandbox: limits for a statement of somebody else's; it runs in a process of its own, and reads only.

        Raises:
            QueryError: DuckDB refuses the statement, it would change the database, or it passed a limit.
            StoreError: there is no such database, or it cannot be used.
        """
        if sandbox:
            if write:
                raise QueryError("a statement in a sandbox cannot change the database")
            return sandboxed(self.path, self.journals, sql, parameters, sandbox, patience=self._warehouse.patience)
        prepare = _use_the_file if write else partial(overlay.lay, journals=self.journals, sql=sql)
        return Result(self._connect(sql, write=write), self.path, sql, parameters, write=write, prepare=prepare)

    @staticmethod
    def named(
        name: str, given: Mapping[str, str] | None = None, *, folder: Path | None = None
    ) -> tuple[str, dict[str, Any]]:
        """A named query as a statement and its parameters, for `query`.

        Args:
            name: its name, with or without `@`.
            given: values for its parameters, as text; the others have their defaults.
            folder: a folder with queries of the user's, which stand before ours.

        Raises:
            QueryError: there is no such query, its file is none, or a parameter is unknown, missing or unusable.
        """
        found = named.query(name, folder)
        return found.sql, found.bind(given or {})

    @staticmethod
    def queries(folder: Path | None = None) -> dict[str, NamedQuery | QueryError]:
        """Every named query by name, or what is wrong with its file.

        Raises:
            QueryError: the user's folder cannot be read.
        """
        return named.queries(folder)

    def connect(self, *, write: bool = False) -> Connection:
        """A DuckDB connection, for callers who know DuckDB; writers wait until it is closed.

        It sees what is stored now, also what is still in the journals of scorers at work; what they store later is
        seen by the next connection. A `cursor()` of it is another connection, which sees the file alone.

        Args:
            write: whether it may change the database; what is in the journals is merged first.

        Raises:
            StoreError: there is no such database, or it cannot be used.
        """
        return self._connect(None, write=write)

    def _connect(self, sql: str | None, *, write: bool) -> Connection:
        with suppress(StoreError):
            self._tidy()
        connection = self._warehouse.connect(write=write)
        try:
            with refusals(self.path):
                if not write:
                    overlay.lay(connection, self.journals, sql)
                elif waiting := overlay.segments(self.journals):
                    merge(connection, waiting)  # their owners will merge them again, which changes nothing
        except BaseException:
            connection.close()
            raise
        return connection

    def import_labels(self, rows: Iterable[Label | Mapping[str, Any]]) -> int:
        """Keep labels; of one annotator's labels for a trace and a rubric the newest counts.

        Returns:
            Labels read.

        Raises:
            InputError: a row that is no label; nothing is kept then.
            StoreError: the database cannot be written.
        """
        labels = [_label(number, row) for number, row in enumerate(rows, 1)]
        self.ensure()
        journal = Journal.create(self.journals, f"labels-{secrets.token_hex(8)}")
        try:
            for label in labels:
                journal.append(lines.label_line(label))
            journal.rotate()
            return drain(self._warehouse, journal)
        finally:
            journal.close()

    def export(self, folder: Path, *, keep_text: bool = True) -> Manifest:
        """Write every table into a folder of parquet files, journals included; `import_export` reads them back.

        Raises:
            UsageError: the folder holds something that is no export, or cannot be written.
            StoreError: there is no such database, or it cannot be used.
        """
        with self.connect() as connection:
            return exporting.export(connection, folder, keep_text=keep_text)

    def import_export(self, folder: Path) -> importing.Gained:
        """Add the rows of an export that are not here yet; returns how many, by table.

        Raises:
            InputError: it is no export, or not a whole one; nothing is kept then.
            StoreError: the database cannot be written.
        """
        return importing.import_folder(self._warehouse, folder)

    def merge_database(self, path: Path) -> importing.Gained:
        """Add the rows of another database and its journals that are not here yet; returns how many, by table.

        Raises:
            StoreError: one of the two cannot be used, or is of another version.
        """
        self.ensure()
        self.recover()
        return importing.merge_database(self._warehouse, path, Store(path).journals)

    def precomputed_scores(
        self, *, rubric: str | None = None, judge: str | None = None, path: str | None = None
    ) -> Iterator[records.Record]:
        """Records that Inspect's `precomputed_scores` reads, one for each sample and epoch; see `records.precomputed`."""
        with self.connect() as connection, refusals(self.path):
            yield from records.precomputed(connection, rubric=rubric, judge=judge, path=path)

    def flat_records(self, *, judge: str | None = None) -> Iterator[records.Record]:
        """One flat record for each trace, with every rubric's verdict; see `records.flat`."""
        with self.connect() as connection, refusals(self.path):
            yield from records.flat(connection, judge=judge)

    def _tidy(self) -> None:
        """Merge what dead processes left, where the file is free."""
        with suppress(StoreBusyError):
            self.recover(patience=min(_TIDY_PATIENCE_S, self._warehouse.patience))

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A short connection that sees the journals too."""
        with self._warehouse.session() as connection:
            overlay.lay(connection, self.journals, sql="")  # ours ask tables
            yield connection

    @staticmethod
    def parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
        """The rows of somebody's parquet file, of no database.

        Raises:
            InputError: it is none, or broken.
        """
        return foreign.parquet_rows(path)

    def _known(self, sql: str) -> Known:
        return Known(array("Q", (digest for (digest,) in self._rows(sql))))

    def _rows(self, sql: str, parameters: Parameters = None) -> Iterator[tuple[Any, ...]]:
        self._tidy()
        if not self.path.exists():
            return
        with self._reading() as connection:
            connection.execute(sql, parameters)
            while rows := connection.fetchmany(_BATCH):
                yield from rows


def _use_the_file(connection: Connection) -> None:
    """Names without a catalog mean the file, in a writing connection's cursor too."""
    connection.execute("USE store")


def _label(number: int, row: Label | Mapping[str, Any]) -> Label:
    if isinstance(row, Label):
        return row
    try:
        return Label.model_validate(row)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(f"label {number}: {faults}") from None
