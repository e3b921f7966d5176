"""What the environment says: defaults a user sets once instead of on every command line."""

from __future__ import annotations

import os
from pathlib import Path

from cotjudge.errors import SettingsError

DEFAULT_DB = "cotjudge.duckdb"
DEFAULT_JUDGE = "lexical"
DEFAULT_JUDGE_FILE = "cotjudge.toml"
DEFAULT_PATIENCE_S = 30.0
DEFAULT_PROFILES = "profiles"
DEFAULT_QUERIES = "queries"


def database(given: Path | None = None) -> Path:
    """The database to use: as given, else `COTJUDGE_DB`, else `cotjudge.duckdb` in the current directory."""
    return given or Path(os.environ.get("COTJUDGE_DB") or DEFAULT_DB)


def judge(given: str | None = None) -> str:
    """The judge to use: as given, else `COTJUDGE_JUDGE`, else the embedded one."""
    return given or os.environ.get("COTJUDGE_JUDGE") or DEFAULT_JUDGE


def judge_file(given: Path | None = None) -> Path:
    """The file with judges of the user's: as given, else `COTJUDGE_CONFIG`, else `cotjudge.toml` in the current directory."""
    return given or Path(os.environ.get("COTJUDGE_CONFIG") or DEFAULT_JUDGE_FILE)


def profiles(db: Path | None = None) -> Path:
    """The folder with judge profiles: `COTJUDGE_PROFILES`, else `profiles` beside the database.

    Args:
        db: the database, as given to a command.
    """
    named = os.environ.get("COTJUDGE_PROFILES")
    return Path(named) if named else database(db).parent / DEFAULT_PROFILES


def queries(given: Path | None = None) -> Path | None:
    """The folder with queries of the user's: as given, else `COTJUDGE_QUERIES`, else `queries` in the current directory if there is one."""
    named = given or (Path(os.environ["COTJUDGE_QUERIES"]) if os.environ.get("COTJUDGE_QUERIES") else None)
    return named or (Path(DEFAULT_QUERIES) if Path(DEFAULT_QUERIES).is_dir() else None)


def patience_s() -> float:
    """Seconds to wait for a database that another process holds: `COTJUDGE_PATIENCE`, else 30.

    Raises:
        SettingsError: the variable holds no number.
    """
    raw = os.environ.get("COTJUDGE_PATIENCE")
    try:
        return float(raw) if raw else DEFAULT_PATIENCE_S
    except ValueError:
        raise SettingsError(f"COTJUDGE_PATIENCE={raw!r} is no number of seconds") from None
