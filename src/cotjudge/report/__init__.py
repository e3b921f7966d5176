"""The HTML report: a page made of sections, in one file that asks for nothing else.

Nothing here knows a verdict or a database: callers bring texts, tables and figures (`page`), `charts` draws figures
as SVG, `html` makes the file. The libraries (extra `report`) are loaded by those two alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from cotjudge.errors import SettingsError

LIBRARIES = ("altair", "jinja2", "vl_convert")
"""What the modules of this room import, by import name."""


def require(libraries: Sequence[str] = LIBRARIES) -> None:
    """Say so, and how to mend it, if a library of the extra `report` is not installed.

    Args:
        libraries: import names; by default all that the room uses.

    Raises:
        SettingsError: naming the libraries that are missing.
    """
    missing = [name for name in libraries if find_spec(name) is None]
    if missing:
        raise SettingsError(f"the report needs {', '.join(missing)}: pip install 'cotjudge[report]'")
