from __future__ import annotations

import json
import subprocess
import sys

import pytest

import cotjudge

HEAVY = {
    "litellm",
    "instructor",
    "openai",
    "duckdb",
    "re2",
    "orjson",
    "yaml",
    "zstandard",
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "sklearn",
    "statsmodels",
    "krippendorff",
}


def loaded_by(code: str) -> set[str]:
    """Names of the modules a fresh interpreter holds after running some code."""
    script = f"{code}\nimport sys, json; print('\\n' + json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_everything_public_is_there_and_sorted() -> None:
    """`__all__` is sorted, and each name leads to something."""
    assert cotjudge.__all__ == sorted(cotjudge.__all__)
    for name in cotjudge.__all__:
        assert getattr(cotjudge, name) is not None


def test_the_table_of_homes_and_the_list_of_names_agree() -> None:
    """No name is promised without a home, and none has a home unpromised."""
    assert sorted(cotjudge._HOMES) == cotjudge.__all__


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A mistyped name fails like that of any module."""
    with pytest.raises(AttributeError, match="no attribute 'scoer'"):
        cotjudge.scoer  # noqa: B018


def test_importing_the_package_loads_nothing_heavy() -> None:
    """`import cotjudge` is free."""
    assert not loaded_by("import cotjudge") & HEAVY


@pytest.mark.parametrize("arguments", [["--help"], ["score", "--help"], ["sql", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    """Help is shown without a database, a judge or a schema library."""
    code = f"import sys; sys.argv = ['cotjudge', *{arguments!r}]\nfrom cotjudge.cli.main import main\nmain()"
    assert not loaded_by(code) & HEAVY


def test_sql_and_the_embedded_judge_need_no_llm_library(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Scoring with the embedded judge and asking for the verdicts import neither litellm nor instructor."""
    folder = tmp_path_factory.mktemp("light")
    (folder / "d.jsonl").write_text('{"reasoning": "I add two and two.", "response": "4"}\n')
    code = f"""
import os, sys; os.chdir({str(folder)!r})
from cotjudge.cli.main import main
sys.argv = ["cotjudge", "score", "d.jsonl", "--judge", "lexical"]; assert main() == 0
sys.argv = ["cotjudge", "sql", "SELECT 1"]; assert main() == 0
"""
    assert not loaded_by(code) & {"litellm", "instructor", "openai", "aiohttp", "httpx"}
