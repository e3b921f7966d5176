from __future__ import annotations

from cotjudge.run import Run
from cotjudge.store import Label
from cotjudge.store.merging import CHILDREN, FOUND_OUT
from cotjudge.store.warehouse import blueprint
from cotjudge.verdict import Call, CriterionVerdict, Evidence, Failure, Usage, Verdict


def columns_of(table: str) -> set[str]:
    with blueprint() as connection:
        found = connection.execute("SELECT column_name FROM duckdb_columns() WHERE table_name = ?", [table]).fetchall()
    return {name for (name,) in found}


def test_every_table_view_and_column_is_described() -> None:
    """A column without a comment is a column that nobody can use."""
    with blueprint() as connection:
        bare = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE comment IS NULL "
            "UNION ALL SELECT view_name FROM duckdb_views() WHERE NOT internal AND comment IS NULL "
            "UNION ALL SELECT table_name || '.' || column_name FROM duckdb_columns() WHERE NOT internal "
            "AND comment IS NULL"
        ).fetchall()
    assert bare == []


def test_a_view_has_the_columns_of_the_table_it_names() -> None:
    """`current_verdicts` is verdicts, `current_failures` is failures: their columns are described there."""
    for name in ("verdicts", "failures"):
        assert columns_of(f"current_{name}") == columns_of(name)


def test_every_field_of_every_value_has_a_column() -> None:
    """A field added to a value and not to the schema would be lost without a word."""
    usage = set(Usage.model_fields)
    verdict = set(Verdict.model_fields) - {"usage", "criteria", "evidence", "ledger"} | usage
    assert columns_of("verdicts") == verdict | FOUND_OUT["verdicts"]
    assert columns_of("failures") == set(Failure.model_fields) - {"usage", "ledger"} | usage
    assert columns_of("runs") == set(Run.model_fields)
    assert columns_of("labels") == set(Label.model_fields)
    child = CHILDREN["criteria"] | {"ordinal"}
    assert columns_of("criteria") == set(CriterionVerdict.model_fields) | child
    spent = set(Call.model_fields) - {"usage"} | usage - {"calls"}
    assert columns_of("calls") == spent | {"key", "trace_id", "rubric", "judge", "run_id", "ordinal"}
    evidence = set(Evidence.model_fields) - {"start", "end"} | {"start_char", "end_char"}
    assert columns_of("evidence") == evidence | child
