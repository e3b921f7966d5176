"""A label given by somebody other than a judge of ours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from cotjudge.trace import Value

Selection = Literal["", "random", "uncertain", "split", "unverified", "injection", "disagreement"]
"""Why a trace was labelled; empty where nobody said."""


class Label(Value):
    """What a person (or a gold file) says about one trace and one rubric."""

    trace_id: str
    """The trace."""
    rubric: str
    """Rubric id."""
    annotator: str
    """Who says so: a name, or `gold`."""
    label: str
    """present, absent, uncertain, or the rubric's own."""
    criteria: dict[str, str] = Field(default_factory=dict)
    """Criterion -> answer, where the annotator gave them."""
    note: str = ""
    """Why, in the annotator's words."""
    source: str = ""
    """Where the label came from: a file, a tool."""
    selection: Selection = ""
    """Why this trace was labelled: `random` (every trace had the same chance) or what made it worth a look."""
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    """When it was given (UTC); the newest of one annotator counts."""
