"""Which traces count, in which group and in which cluster they stand: by what their sources say."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cotjudge.errors import UsageError
from cotjudge.store import Store
from cotjudge.validation.ratings import values

UNKNOWN = "-"
"""The group of traces whose source does not say."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """How traces are chosen, grouped and clustered."""

    chosen: frozenset[str] | None
    """Ids of the traces that count; None for all."""
    groups: Mapping[str, str | None] | None
    """Trace id -> its group; None where nothing is grouped."""
    clusters: Mapping[str, str | None] | None
    """Trace id -> its cluster; None where each trace stands by itself."""

    def holds(self, trace_id: str) -> bool:
        """Whether a trace counts."""
        return self.chosen is None or trace_id in self.chosen

    def group(self, trace_id: str) -> str:
        """Its group."""
        return (self.groups or {}).get(trace_id) or UNKNOWN

    def cluster_keys(self, trace_ids: list[str] | tuple[str, ...]) -> list[str] | None:
        """A key for each trace, the same for those of one cluster; a trace that belongs to none is its own."""
        if self.clusters is None:
            return None
        keys = [self.clusters.get(trace_id) for trace_id in trace_ids]
        return [f"={trace_id}" if key is None else f"+{key}" for trace_id, key in zip(trace_ids, keys, strict=True)]


def corpus(store: Store, *, only: tuple[str, ...] = (), by: str = "", cluster: str = "") -> Corpus:
    """The traces as a user wants them.

    Args:
        store: the database.
        only: `KEY=VALUE`; traces must fit all; `*` in a value stands for any text.
        by: what they are grouped by, or nothing.
        cluster: what they are clustered by, or nothing.

    Raises:
        UsageError: a key is nothing to group by, or no trace is left.
        StoreError: there is no such database, or it cannot be used.
    """
    chosen: frozenset[str] | None = None
    for condition in only:
        key, equals, value = condition.partition("=")
        if not equals:
            raise UsageError(f"--only {condition}: write KEY=VALUE, as in model=gpt-5 or meta.language=en")
        fits = _fits(value)
        fitting = frozenset(trace_id for trace_id, said in values(store, key).items() if fits(said))
        chosen = fitting if chosen is None else chosen & fitting
        if not chosen:
            raise UsageError(f"--only {condition}: no trace in {store.path} is left")
    return Corpus(chosen, values(store, by) if by else None, values(store, cluster) if cluster else None)


def _fits(value: str) -> Callable[[str | None], bool]:
    pattern = re.compile(".*".join(re.escape(part) for part in re.split(r"\*+", value)), re.DOTALL)
    return lambda said: said is not None and pattern.fullmatch(said) is not None
