"""Figures with intervals on the terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any


def cell(figure: Mapping[str, Any], *, percent: bool = False) -> str:
    """A figure as people read it: `0.71 [0.60, 0.80]`; `-` where it is undefined."""
    if figure["value"] is None:
        return "-"
    form = ".0%" if percent else ".2f"
    value = format(figure["value"], form)
    return value if figure["low"] is None else f"{value} [{figure['low']:{form}}, {figure['high']:{form}}]"


def table(title: str, columns: Mapping[str, Mapping[str, Any]]) -> None:
    """Print agreements side by side: a row per metric."""
    from rich.table import Table

    from cotjudge.cli.terminal import one_line, out
    from cotjudge.validation.figures import TOLD

    shown = Table(title=one_line(title), title_justify="left")
    shown.add_column("", no_wrap=True)
    for name, column in columns.items():
        heading = f"{one_line(name)}\n{column['n']} ({column['positives']} positive)"
        shown.add_column(heading, justify="right", overflow="fold")
    for metric in TOLD:
        shown.add_row(metric, *(cell(column[metric]) for column in columns.values()))
    out().print(shown)


def default_name(judge: str) -> str:
    """The name of a profile where the user gives none: the judge's."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", judge).strip("-._")[:80] or "judge"


def write_json(kind: str, name: str, path: str, rubrics: Mapping[str, Any], skipped: Sequence[str]) -> None:
    """One JSON object on one line."""
    import sys

    import orjson

    from cotjudge.cli.terminal import safe

    told = {"profile": f"{kind}:{name}", "path": path, "rubrics": rubrics, "skipped": skipped}
    sys.stdout.write(safe(orjson.dumps(told).decode()) + "\n")
