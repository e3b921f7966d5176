"""The writer of one run: every value to the journal at once, the journal to the database in bursts."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Self

from cotjudge.errors import StoreBusyError, StoreError
from cotjudge.run import Run
from cotjudge.store import lines
from cotjudge.store.dump import JudgedDump
from cotjudge.store.journal import Journal
from cotjudge.store.known import Known
from cotjudge.store.merging import drain
from cotjudge.store.warehouse import Warehouse
from cotjudge.trace import Trace
from cotjudge.verdict import Failure, Verdict

MERGE_EVERY_S = 1.0
"""Seconds between merges, at least."""

MERGE_REST = 8
"""So many times the CPU time of a merge passes before the next: merging takes a ninth of a core at most."""

SEGMENT_BYTES = 8 * 2**20
"""A journal segment is closed at this size."""


class Writer:
    """Keeps what a run makes; durable when a method returns, in the database about a second later.

    Use it in a `with`, from one thread; another one, its own, merges.

    Args:
        warehouse: the database.
        journal: the run's journal, given up on exit.
        run: the run.
        traces: trace ids stored already; grows.
        sources: (trace id, path, record) stored already; grows.
        keep_text: whether traces are stored with their text.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        journal: Journal,
        run: Run,
        *,
        traces: Known,
        sources: Known,
        keep_text: bool = True,
    ) -> None:
        self._warehouse = warehouse
        self._journal = journal
        self._run = run
        self._traces = traces
        self._sources = sources
        self._keep_text = keep_text
        self._ended = False
        self._error: BaseException | None = None
        self._stop = Event()
        self._merger = Thread(target=self._merge_until_stopped, name="cotjudge-merge", daemon=True)

    def __enter__(self) -> Self:
        try:
            self._append(lines.run_line(self._run))
        except StoreError:
            self._journal.close()
            raise
        self._merger.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        """Merge what is left.

        Raises:
            StoreBusyError: the database stayed in use; the next command will merge.
            StoreError: the journal or the database could not be written.
        """
        with suppress(StoreError):
            self._end(kind)
        self._stop.set()
        self._merger.join()
        try:
            self._merge_the_rest()
        except StoreError:
            if error is None:
                raise
        finally:
            self._journal.close()

    def add_trace(self, trace: Trace) -> None:
        """Keep a trace, its segments and where it was found, unless all of it is there already."""
        new_source = self._sources.add((trace.trace_id, trace.source.path, trace.source.record))
        if self._traces.add(trace.trace_id):
            self._append(lines.trace_line(trace, self._run.run_id, keep_text=self._keep_text))
        elif new_source:
            self._append(lines.source_line(trace, self._run.run_id))

    def add_verdict(self, verdict: Verdict) -> None:
        """Keep a verdict."""
        self._append(lines.verdict_line(verdict))

    def add_failure(self, failure: Failure) -> None:
        """Keep a failure."""
        self._append(lines.failure_line(failure))

    def add_dump(self, dump: JudgedDump) -> None:
        """Keep that a dump need not be read again."""
        self._append(lines.dump_line(dump))

    def finish(self, run: Run) -> None:
        """Keep how the run ended."""
        self._append(lines.run_line(run))
        self._ended = True

    def _append(self, line: bytes) -> None:
        if self._error:
            raise self._error
        self._journal.append(line)
        if self._journal.size >= SEGMENT_BYTES:
            self._journal.rotate()  # where merging cannot keep pace, segments queue on disk, none too large to merge

    def _end(self, kind: type[BaseException] | None) -> None:
        """A run that did not say how it ended was stopped."""
        if self._ended:
            return
        by_user = kind is not None and issubclass(kind, KeyboardInterrupt | asyncio.CancelledError)
        status = "interrupted" if by_user else "stopped"
        self.finish(self._run.model_copy(update={"status": status, "finished_at": datetime.now(UTC)}))

    def _merge_until_stopped(self) -> None:
        pause = MERGE_EVERY_S
        while not self._stop.wait(pause):
            begun = time.thread_time()
            try:
                self._merge(patience=MERGE_EVERY_S)
            except StoreBusyError:
                continue  # nothing is lost: the segments wait for the next round
            except BaseException as error:  # noqa: BLE001 (surfaces in the thread that scores)
                self._error = error
                return
            pause = max(MERGE_EVERY_S, MERGE_REST * (time.thread_time() - begun))

    def _merge(self, *, patience: float | None) -> None:
        self._journal.rotate()
        drain(self._warehouse, self._journal, patience=patience)

    def _merge_the_rest(self) -> None:
        if self._error:
            raise self._error
        try:
            self._merge(patience=None)
        except StoreBusyError as error:
            raise StoreBusyError(
                f"{error}. Nothing is lost: what is not in the database yet is kept in {self._journal.folder}, "
                "and the next cotjudge command on this database puts it there"
            ) from error
