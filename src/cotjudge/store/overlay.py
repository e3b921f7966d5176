"""What the journals hold and the file does not yet, read along with the tables.

While somebody reads the file nobody can merge into it: not for a minute, if the reader takes one. So a reader looks
into the journals too, of the living and of the dead. It does so once it holds the file: from then on nothing can leave
a journal for the tables, and a line that is in both is found out by the search for new rows that a merge does as well.

The new rows are temporary tables of the reader's own connection, under temporary views that have the names of the
tables. Why not a database in memory with the file attached: then one process would open the file once per connection,
and closing the one takes the file's lock from the others (POSIX), under which a writer of another process changes what
they read. `duckdb.connect(file)` opens it once for all.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cotjudge.store import views
from cotjudge.store.merging import CHILDREN, PARENTS, REPLACED, insert_new_rows, packaged, read_lines

if TYPE_CHECKING:
    from cotjudge.store.warehouse import Connection

_TRIES = 5
_BESIDE = [table for table in (*PARENTS, *CHILDREN) if table not in REPLACED]
_BUT_REPLACED = "REPLACE (current AND key NOT IN (FROM temp.journal_replaced) AS current)"
_CREATE = re.compile(r"CREATE\s+VIEW", re.IGNORECASE)


def segments(journals: Path) -> list[Path]:
    """Every journal segment with something in it: of living and dead owners, the ones being written included."""
    return [segment for segment in sorted(journals.glob("*/*.jsonl")) if _size(segment)]


def lay(connection: Connection, journals: Path, sql: str | None = None) -> bool:
    """Let a reading connection see what is in the journals, as of now; nothing is done where they are empty.

    Args:
        connection: a connection of its own, that has the file open already.
        journals: the folder of the journals.
        sql: the one statement that will be asked; views that it does not name are left as they are, for each takes
            DuckDB some 8 ms to make. All of them where absent.

    Returns:
        Whether there was anything.

    Raises:
        duckdb.Error: the journals cannot be read.
    """
    if not _read(connection, journals):
        return False
    file = f'"{_name(connection)}".main'
    for table in _BESIDE:
        connection.execute(f"CREATE TEMP TABLE journal_{table} AS FROM {file}.{table} LIMIT 0")
    insert_new_rows(connection, old=file, into="temp.journal_")
    replaced = connection.execute("SELECT count(row) FROM temp.replaced").fetchall()[0][0]
    overlaid = packaged("overlay.sql").replace("{but_replaced}", _BUT_REPLACED if replaced else "")
    connection.execute(overlaid.replace("{file}", file))
    _look_again(connection, sql)
    return True


def _look_again(connection: Connection, sql: str | None) -> None:
    """The views once more: the file's own look at its tables only, these, the same text, at the overlay."""
    import duckdb

    said = sql
    others = []
    for name, text in reversed(_views_of_the_user(connection)):
        if said is None or name in said:
            others.append(text)
            said = None if said is None else said + text
    wanted = []
    for name in reversed(views.VIEWS):
        if said is None or name in said.lower():
            wanted.append(views.read(name))
            said = None if said is None else said + wanted[-1]
    for statement in connection.extract_statements("\n".join(reversed(wanted))):
        if statement.type.name == "CREATE":
            connection.execute(_CREATE.sub("CREATE TEMP VIEW", statement.query, count=1))
    for text in reversed(others):
        with suppress(duckdb.Error):  # DuckDB cannot read every view that it writes down (lambdas in 2.0)
            connection.execute(_CREATE.sub("CREATE TEMP VIEW", text, count=1))


def _views_of_the_user(connection: Connection) -> list[tuple[str, str]]:
    return connection.execute(
        "SELECT view_name, sql FROM duckdb_views() WHERE NOT internal AND NOT temporary "
        "AND database_name = current_database() AND schema_name = 'main' AND NOT list_contains(?, view_name) "
        "ORDER BY view_oid",
        [list(views.VIEWS)],
    ).fetchall()


def _read(connection: Connection, journals: Path) -> bool:
    """The journals' lines as the table `lines`; False where there are none."""
    import duckdb

    for tries_left in reversed(range(_TRIES)):
        found = segments(journals)
        if not found:
            return False
        try:
            read_lines(connection, found)
        except (duckdb.IOException, duckdb.InvalidInputException, FileNotFoundError):
            # merged before we had the file, and deleted just now; or a long line came after we looked how long one is
            if not tries_left:
                raise
        else:
            return True
    raise AssertionError("the last try raises")


def _name(connection: Connection) -> str:
    """The file's name in the connection, for use between quotation marks."""
    return str(connection.execute("SELECT current_database()").fetchall()[0][0]).replace('"', '""')


def _size(segment: Path) -> int:
    try:
        return segment.stat().st_size
    except FileNotFoundError:
        return 0
