"""How good a judge is, and how common a thing: agreement, intervals, prevalence, calibration, paired comparisons.

Pure functions over arrays: nothing here reads or writes a file, knows a rubric or opens a database. The libraries of
statistics (extra `stats`) are loaded by the modules of this room, never by the room itself, so importing it is free;
`require` turns a missing one into advice before a module is imported.

What is undefined (a recall without a positive, a kappa of two raters who only ever said one word) is None, never 0
and never nan. An abstention (`uncertain`) is no label: functions take a mask of the decided rows and tell the share
of rows it leaves, the coverage.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from cotjudge.errors import SettingsError

LIBRARIES = ("numpy", "scipy", "sklearn", "statsmodels", "krippendorff")
"""What the modules of this room import, by import name."""


def require(libraries: Sequence[str] = LIBRARIES) -> None:
    """Say so, and how to mend it, if a library of the extra `stats` is not installed.

    Args:
        libraries: import names; by default all that the room uses.

    Raises:
        SettingsError: naming the libraries that are missing.
    """
    missing = [name for name in libraries if find_spec(name) is None]
    if missing:
        raise SettingsError(f"statistics need {', '.join(missing)}: pip install 'cotjudge[stats]'")
