"""The views: one file each, over tables and over views before it, so that a fresh database has them in this order.

Names in them stand without a catalog: they are made in the file, and once more over what is still in the journals.
A comment on the view and on every column of it is its documentation. A view that repeats a table's columns
(`REPEATS`) takes their comments from the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

VIEWS = (
    "current_verdicts",
    "current_failures",
    "wide_verdicts",
    "attribution_summary",
    "overlap",
    "source_values",
    "prevalence_by",
    "disagreements",
    "needs_review",
    "harm_by_source",
    "drift_by_position",
)
"""Every view, each after those it reads."""

REPEATS = {"current_verdicts": "verdicts", "current_failures": "failures"}
"""Views with the columns of a table -> the table."""


def statements() -> str:
    """The SQL that makes every view in a database that has the tables, comments included."""
    return "\n".join([*map(read, VIEWS), *_repeated_comments()])


def read(name: str) -> str:
    """The file of one view."""
    return resources.files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")


def _repeated_comments() -> Iterator[str]:
    schema = resources.files("cotjudge.store").joinpath("schema.sql").read_text(encoding="utf-8")
    for view, table in REPEATS.items():
        comment = f"COMMENT ON COLUMN {table}."
        for line in schema.splitlines():
            if line.startswith(comment):
                yield f"COMMENT ON COLUMN {view}.{line.removeprefix(comment)}"
