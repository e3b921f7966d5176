"""The judgements that exist: which keys, and with what label, in little memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

_PREFIX = 4
"""Digits of a key that name its drawer: of four million keys about sixty share one, which is found by plain search."""

SQL = f"""
SELECT key[1:{_PREFIX}], label, chr(10) || string_agg(key[{_PREFIX + 1}:], chr(10)) || chr(10)
FROM verdicts WHERE judge_hash = ? AND list_contains(?, rubric_hash)
GROUP BY ALL
"""
"""The drawers: the first digits of some keys, their label, and the rest of each key between line feeds."""


class Judged:
    """Judgement keys with their labels; about forty bytes for each that came from the database, where a dict takes 200.

    Whole keys are compared, so no judgement is ever taken for another.

    Args:
        drawers: rows of `SQL`.
    """

    def __init__(self, drawers: Iterable[tuple[Any, ...]] = ()) -> None:
        self._stored: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        self._added: dict[str, str | None] = {}
        labels: dict[str, str] = {}
        for prefix, label, keys in drawers:
            self._stored[prefix].append((labels.setdefault(label, label), keys))

    def __contains__(self, key: str) -> bool:
        return key in self._added or self._label(key) is not None

    def __len__(self) -> int:
        stored = sum(keys.count("\n") - 1 for drawer in self._stored.values() for _, keys in drawer)
        return stored + sum(self._label(key) is None for key in self._added)

    def __getitem__(self, key: str) -> str | None:
        if key in self._added:
            return self._added[key]
        label = self._label(key)
        if label is None:
            raise KeyError(key)
        return label

    def __setitem__(self, key: str, label: str | None) -> None:
        """Remember a judgement; None for one that is handed out and not made yet."""
        self._added[key] = label

    def _label(self, key: str) -> str | None:
        rest = f"\n{key[_PREFIX:]}\n"
        return next((label for label, keys in self._stored.get(key[:_PREFIX], ()) if rest in keys), None)
