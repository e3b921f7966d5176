"""The store's public face."""

from __future__ import annotations

import secrets
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cotjudge.errors import InputError, StoreError
from cotjudge.fingerprint import judge_hash
from cotjudge.run import Run
from cotjudge.store import lines, reading
from cotjudge.store.journal import Journal, orphans
from cotjudge.store.known import Known
from cotjudge.store.label import Label
from cotjudge.store.merging import drain
from cotjudge.store.result import Parameters, Result
from cotjudge.store.warehouse import PATIENCE_S, Warehouse
from cotjudge.store.writer import Writer
from cotjudge.verdict import Verdict

if TYPE_CHECKING:
    from cotjudge.store.warehouse import Connection

_BATCH = 10_000
_QUERY_PATIENCE_S = 1.0


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
        self._warehouse = Warehouse(path, patience=patience)

    def ensure(self) -> None:
        """Create the database, or verify that it is one of ours and can be written.

        Raises:
            StoreError: it cannot be made or written, is no database, or is of a newer version.
        """
        self._warehouse.create()

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

    def judged(self, rubric_hashes: Collection[str], judge_hash: str) -> dict[str, str | None]:
        """Judgement keys that have a verdict by this judge, each with its label; none if there is no database."""
        labels: dict[str, str] = {}
        return {
            key: labels.setdefault(label, label)
            for key, label in self._rows(
                "SELECT key, label FROM verdicts WHERE judge_hash = ? AND list_contains(?, rubric_hash)",
                [judge_hash, list(rubric_hashes)],
            )
        }

    def verdicts(self, keys: Collection[str]) -> dict[str, Verdict]:
        """The verdicts that have these judgement keys, whole but for their ledger; none if there is no database."""
        if not keys or not self.path.exists():
            return {}
        with self._warehouse.session() as connection:
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

    def writer(self, run: Run) -> Writer:
        """A writer for one run, to be used in a `with`.

        Raises:
            StoreError: the database or its journal cannot be written.
        """
        self.ensure()
        traces, sources = self.known_traces(), self.known_sources()
        journal = Journal.create(self.journals, run.run_id)
        return Writer(
            self._warehouse,
            journal,
            run,
            traces=traces,
            sources=sources,
            keep_text=self.keep_text,
        )

    def query(self, sql: str, parameters: Parameters = None, *, write: bool = False) -> Result:
        """Run one statement.

        Args:
            sql: the statement, in DuckDB's SQL.
            parameters: values for `?` (a sequence) or `$name` (a mapping).
            write: whether it may change the database.

        Raises:
            QueryError: DuckDB refuses the statement, or it would change the database.
            StoreError: there is no such database, or it cannot be used.
        """
        return Result(self.connect(write=write), self.path, sql, parameters)

    def connect(self, *, write: bool = False) -> Connection:
        """A DuckDB connection, for callers who know DuckDB; writers wait until it is closed.

        Raises:
            StoreError: there is no such database, or it cannot be used.
        """
        self._catch_up()
        return self._warehouse.connect(write=write)

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

    def _catch_up(self) -> None:
        """Merge what dead processes left, as far as it can be done now; a reader can do without."""
        with suppress(StoreError):
            self.recover(patience=min(_QUERY_PATIENCE_S, self._warehouse.patience))

    def _known(self, sql: str) -> Known:
        return Known(array("Q", (digest for (digest,) in self._rows(sql))))

    def _rows(self, sql: str, parameters: Parameters = None) -> Iterator[tuple[Any, ...]]:
        self.recover()
        if not self.path.exists():
            return
        with self._warehouse.session() as connection:
            connection.execute(sql, parameters)
            while rows := connection.fetchmany(_BATCH):
                yield from rows


def _label(number: int, row: Label | Mapping[str, Any]) -> Label:
    if isinstance(row, Label):
        return row
    try:
        return Label.model_validate(row)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(f"label {number}: {faults}") from None
