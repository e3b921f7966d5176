from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import cotjudge.stats
from cotjudge.errors import SettingsError


def test_the_room_itself_loads_no_library() -> None:
    """Importing it, and asking whether its libraries are there, imports none of them."""
    code = f"import sys, cotjudge.stats; cotjudge.stats.require(); print(set({cotjudge.stats.LIBRARIES}) & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


def test_no_module_needs_more_than_numpy_to_be_imported() -> None:
    """The slow libraries are loaded by the functions that use them, so that a plan or a threshold starts quickly."""
    modules = sorted(path.stem for path in Path(cotjudge.stats.__path__[0]).glob("[a-z]*.py"))
    assert "agreement" in modules
    code = f"""
import importlib, sys
for name in {modules}: importlib.import_module("cotjudge.stats." + name)
print({{"scipy", "sklearn", "statsmodels", "krippendorff", "duckdb"}} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


def test_a_missing_library_is_named_with_its_cure() -> None:
    """Without the extra the user is told what to install."""
    cotjudge.stats.require()
    with pytest.raises(SettingsError, match=r"need statlab, statlob: pip install 'cotjudge\[stats\]'"):
        cotjudge.stats.require(("numpy", "statlab", "statlob"))
