"""What a statement of a stranger may name: tables of the database, and functions that compute.

DuckDB refuses most of what reaches out by itself once external access is off, but not the database file read as bytes
(with what was deleted from it), nor the tables that tell paths and settings. So the statement is taken apart by
DuckDB's own parser, and table functions are a short list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cotjudge.errors import QueryError

if TYPE_CHECKING:
    from cotjudge.store.warehouse import Connection

_TABLE_FUNCTIONS = {
    "duckdb_columns",
    "duckdb_functions",
    "duckdb_keywords",
    "duckdb_tables",
    "duckdb_types",
    "duckdb_views",
    "generate_series",
    "json_each",
    "json_tree",
    "range",
    "repeat_row",
    "unnest",
}
_TELLING_FUNCTIONS = {"current_setting", "getenv", "which_secret"}
_TELLING_TABLES = re.compile(
    r"pragma_.*|pg_settings|pg_database|duckdb_(?!columns$|tables$|views$|types$|functions$).*"
)
_LIKE_A_FILE = re.compile(r"[./\\:*?]")


_ONLY_SELECT = "only a SELECT is answered here: nothing can be changed, set, loaded, attached or written"


def screen(connection: Connection, sql: str) -> None:
    """Let one SELECT pass.

    Raises:
        QueryError: it is no single SELECT, or it names what is not to be had.
        duckdb.Error: it cannot be parsed.
    """
    statements = connection.extract_statements(sql)
    if len(statements) > 1:
        raise QueryError("one statement at a time")
    for statement in statements:
        if statement.type.name != "SELECT":
            raise QueryError(_ONLY_SELECT)
        text = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()[0][0]
        tree = json.loads(text)
        if tree.get("error_type") == "not implemented":  # DuckDB 1.4 takes a PRAGMA for a SELECT until here
            raise QueryError(_ONLY_SELECT)
        if tree.get("error"):
            raise QueryError(f"this statement cannot be looked through, so it is not run: {tree.get('error_message')}")
        for node in _nodes(tree):
            _pass(node)


def _pass(node: dict[str, Any]) -> None:
    kind = str(node.get("type"))
    if kind == "TABLE_FUNCTION":
        name = str(node["function"].get("function_name", "")).lower()
        if name not in _TABLE_FUNCTIONS:
            raise QueryError(
                f"the table function {name} cannot be used here; there are: {', '.join(sorted(_TABLE_FUNCTIONS))}"
            )
    elif str(node.get("function_name", "")).lower() in _TELLING_FUNCTIONS:
        raise QueryError(f"the function {node['function_name']} cannot be used here")
    elif kind in ("BASE_TABLE", "SHOW_REF"):
        name = str(node.get("table_name", "")).lower()
        if _LIKE_A_FILE.search(name):
            raise QueryError("only tables of the database can be read here, no files")
        if _TELLING_TABLES.fullmatch(name):
            raise QueryError(f"the table {name} cannot be read here")


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object in a parsed statement, without recursion: a stranger chooses its depth."""
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
