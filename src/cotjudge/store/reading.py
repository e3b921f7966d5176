"""Verdicts read back from the database as values."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

from cotjudge.store.merging import CHILDREN, FOUND_OUT
from cotjudge.verdict import Usage, Verdict

if TYPE_CHECKING:
    from cotjudge.store.warehouse import Connection

_JSON = ("derived", "fields", "votes", "opinions")


def verdicts(connection: Connection, keys: Sequence[str]) -> dict[str, Verdict]:
    """The verdicts with these judgement keys, with criteria and evidence; keys without one are left out.

    Their ledger is left empty: what they cost is told once, in `calls`.
    """
    parts: dict[str, defaultdict[str, list[dict[str, Any]]]] = {
        table: defaultdict(list) for table in ("criteria", "evidence")
    }
    for table, rows in parts.items():
        for row in _rows(
            connection, f"FROM {table} SEMI JOIN (SELECT unnest(?) AS key) USING (key) ORDER BY key, ordinal", keys
        ):
            rows[row["key"]].append(_part(row))
    found = _rows(connection, "FROM verdicts SEMI JOIN (SELECT unnest(?) AS key) USING (key)", keys)
    return {row["key"]: _verdict(row, parts["criteria"][row["key"]], parts["evidence"][row["key"]]) for row in found}


def _rows(connection: Connection, sql: str, keys: Sequence[str]) -> Iterable[dict[str, Any]]:
    cursor = connection.execute(sql, [list(keys)])
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _part(row: dict[str, Any]) -> dict[str, Any]:
    others = CHILDREN["criteria"] | {"ordinal", "start_char", "end_char"}
    part = {name: value for name, value in row.items() if name not in others}
    return part | ({"start": row["start_char"], "end": row["end_char"]} if "start_char" in row else {})


def _verdict(row: dict[str, Any], criteria: list[dict[str, Any]], evidence: list[dict[str, Any]]) -> Verdict:
    usage = {name: row.pop(name) for name in Usage.model_fields}
    parsed = {name: json.loads(row[name]) for name in _JSON if row[name] is not None}
    made = {
        "usage": usage,
        "criteria": criteria,
        "evidence": evidence,
        "created_at": row["created_at"].replace(tzinfo=UTC),
    }
    told = {name: value for name, value in row.items() if name not in FOUND_OUT["verdicts"]}
    return Verdict.model_validate(told | parsed | made)
