from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from cotjudge.errors import QueryError
from cotjudge.store import Store
from cotjudge.store.named import NamedQuery, parse, queries, query

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "queries.md").read_text(encoding="utf-8")
OURS = [name for name, found in queries().items() if isinstance(found, NamedQuery)]
GOOD = "-- Counts.\n-- param least = 1: fewest\nSELECT $least AS n;\n"


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = _generator()


@pytest.fixture(scope="module")
def sample() -> Store:
    """The samples as the documentation's database has them."""
    store: Store = GENERATOR.sample()
    return store


def folder(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        (tmp_path / f"{name}.sql").write_text(text, encoding="utf-8")
    return tmp_path


def a_query(text: str) -> NamedQuery:
    return parse(text, name="mine", path="mine.sql", own=True)


@pytest.mark.parametrize("name", OURS)
def test_a_named_query_answers_on_the_samples(name: str, sample: Store) -> None:
    """Each is one statement with declared parameters, is shown on the page, and answers columns with names of their own."""
    statement, parameters = Store.named(name, GENERATOR.QUERY_PARAMETERS.get(name))
    result = sample.query(statement, parameters)
    assert f"## `@{name}`\n" in PAGE
    assert len(set(result.columns)) == len(result.columns) > 1
    assert len(result.fetchall()) >= 0


def test_our_queries_are_many_and_all_well_formed() -> None:
    """At least fifteen; none is there as a fault."""
    assert len(OURS) == len(queries()) >= 15


@pytest.mark.parametrize("name", OURS)
def test_a_named_query_orders_its_rows(name: str) -> None:
    """The same question has the same answer twice."""
    assert "ORDER BY" in query(name).sql


@pytest.mark.parametrize("by", ["model", "task", "epoch", "variant", "format", "meta.scenario"])
def test_prevalence_groups_by_what_is_asked(by: str, sample: Store) -> None:
    """Every trace is in some row of each grouping that every record has."""
    rows = sample.query(
        *Store.named("prevalence", {"by": by, "rubric": "goal_directed_scheming", "judge": "lexical"})
    ).fetchall()
    assert sum(row[3] for row in rows) == 72


def test_the_example_on_the_page_is_a_query(tmp_path: Path, sample: Store) -> None:
    """What the page shows as a file of one's own can be copied."""
    (text,) = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    statement, parameters = Store.named(
        "mine", {"model": "sample-reasoner-b", "label": "absent"}, folder=folder(tmp_path, mine=text)
    )
    assert len(sample.query(statement, parameters).fetchall()) == 3


def test_a_file_is_a_description_parameters_and_a_statement() -> None:
    """Defaults, choices and what each is are read from the lines above the statement."""
    found = a_query(
        "-- What it answers.\n-- param one: needed\n-- param two = 'a b' [a b, c*]: words\n-- param three = : empty\n"
        "-- a remark\nSELECT 1\n"
    )
    assert found.description == "What it answers."
    described = [(p.name, p.default, p.choices, p.text) for p in found.parameters]
    assert described == [
        ("one", None, (), "needed"),
        ("two", "a b", ("a b", "c*"), "words"),
        ("three", "", (), "empty"),
    ]


def test_a_parameter_with_a_number_for_default_is_a_number() -> None:
    """LIMIT takes no text."""
    found = a_query("-- Counts.\n-- param n = 5: rows\n-- param share = 0.5: share\n-- param word = x: word\nSELECT 1")
    assert found.bind({"n": "7", "share": "1"}) == {"n": 7, "share": 1.0, "word": "x"}
    with pytest.raises(QueryError, match="n must be a whole number, not 'many'"):
        found.bind({"n": "many"})


def test_all_faults_of_parameters_are_told_at_once() -> None:
    """Unknown with the nearest name, missing with what it is, and not among the choices."""
    found = a_query("-- Counts.\n-- param trace: trace id\n-- param kind = a [a, b]: kind\nSELECT 1")
    with pytest.raises(QueryError) as caught:
        found.bind({"kin": "a", "kind": "z"})
    for told in ("no parameter 'kin' (did you mean kind?)", "give trace (trace id)", "kind may be a, b, not 'z'"):
        assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SELECT 1", "line 1: begin with what it answers"),
        ("", "line 1: begin with what it answers"),
        ("-- \nSELECT 1", "line 1: begin with what it answers"),
        ("-- Counts.\n-- param x\nSELECT $x", "line 2: write a parameter as"),
        ("-- Counts.\n-- param x = 1: a\n-- param x = 2: b\nSELECT $x", "line 3: the parameter x is there twice"),
        ("-- Counts.\n-- param x = c [a, b]: a\nSELECT $x", "line 2: the default of x may be a, b, not 'c'"),
        ("-- Counts.\nSELECT $x", "$x is not declared"),
        ("-- Counts.\n-- param x = 1: a\nSELECT 1", "the parameter x is declared and not used"),
        ("-- Counts.\nSELECT 1; SELECT 2", "one statement, and this file has 2"),
        ("-- Counts.\n", "one statement, and this file has 0"),
        ("-- Counts.\nSELEC 1", "syntax error"),
    ],
)
def test_a_bad_file_is_told_with_its_name_and_what_to_do(text: str, told: str, tmp_path: Path) -> None:
    """One line that names the file; other queries of the folder still work."""
    where = folder(tmp_path, bad=text, good=GOOD)
    with pytest.raises(QueryError) as caught:
        query("@bad", where)
    assert str(caught.value).startswith(f"{where / 'bad.sql'}: ")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert query("good", where).bind({}) == {"least": 1}


def test_a_file_that_is_no_text_is_a_bad_file(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are told, and the rest of the folder is there."""
    (tmp_path / "bad.sql").write_bytes(b"-- \xff\nSELECT 1")
    with pytest.raises(QueryError, match="no UTF-8 text"):
        query("bad", tmp_path)
    assert "prevalence" in queries(tmp_path)


def test_a_query_of_yours_stands_before_ours(tmp_path: Path) -> None:
    """The same name is yours, and says so."""
    found = query("prevalence", folder(tmp_path, prevalence=GOOD))
    assert (found.own, found.description, query("prevalence").own) == (True, "Counts.", False)


def test_an_unknown_query_is_told_with_the_nearest_names() -> None:
    """A slip of the finger costs one look."""
    with pytest.raises(QueryError, match=r"no query named @prevalense \(did you mean prevalence\?\)"):
        query("@prevalense")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Whoever names a folder means it."""
    with pytest.raises(QueryError, match="cannot read this folder of queries"):
        queries(tmp_path / "none")


def test_a_value_is_never_sql(sample: Store) -> None:
    """Quotes in a value are part of the value."""
    statement, parameters = Store.named("sources_of", {"trace": "x' OR true --"})
    assert sample.query(statement, parameters).fetchall() == []
