"""The run: one invocation of scoring, as it is kept beside its verdicts."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from cotjudge.trace import Value

RunStatus = Literal["running", "finished", "interrupted", "budget", "submitted", "stopped"]


class Run(Value):
    """One invocation of scoring. Its counts are zero until it ends."""

    run_id: str
    """Unique; also the name of the run's journal, so letters, digits, `-` and `_` only."""
    started_at: datetime
    """When it started (UTC)."""
    finished_at: datetime | None = None
    """When it ended (UTC); None while it runs, and for ever if its process was killed."""
    status: RunStatus = "running"
    """running, finished, interrupted (by the user, or killed), budget (it was reached), submitted (as a
    provider's batch, which `cotjudge batch` looks after) or stopped (by an error)."""
    version: str = ""
    """Version of cotjudge."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """What was asked for: the command's arguments (JSON values; never a key or a password)."""
    judge: str
    """The judge as the user named it."""
    judge_identity: dict[str, Any] = Field(default_factory=dict)
    """Everything about the judge that can change its answers."""
    rubrics: dict[str, str] = Field(default_factory=dict)
    """Rubric id -> content hash of the rubric."""
    traces: int = 0
    """Traces that could be judged."""
    no_reasoning: int = 0
    """Traces read that hold nothing a rubric judges."""
    skipped_records: int = 0
    """Records no trace could be read from."""
    judgements: int = 0
    """Judgements wanted: traces by rubrics."""
    judged: int = 0
    """Judgements made in this run."""
    cached: int = 0
    """Judgements that were there already."""
    failed: int = 0
    """Judgements that could not be had."""
    calls: int = 0
    """Requests that were answered."""
    input_tokens: int = 0
    """Prompt tokens, cached ones included."""
    cached_tokens: int = 0
    """Prompt tokens that the provider served from its cache."""
    output_tokens: int = 0
    """Completion tokens, reasoning tokens included."""
    cost_usd: float | None = 0.0
    """US dollars spent; None where the price of the model is not known."""
    seconds: float = 0.0
    """Wall-clock seconds."""
