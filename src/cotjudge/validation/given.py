"""What a judge has said so far, with what tells its versions apart; and which traces are meant by `KEY=VALUE`."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from cotjudge.errors import UsageError
from cotjudge.rubric import Rubric
from cotjudge.store import Store
from cotjudge.validation.ratings import values


@dataclass(frozen=True, slots=True)
class Given:
    """A current verdict on a whole trace."""

    label: str
    """Its label."""
    score: float | None
    """Its score."""
    rubric_hash: str
    """Hash of the part of the rubric that the judge read."""
    judge_hash: str
    """Hash of the judge's identity."""
    prompt_version: str
    """Version of the judge's prompt."""


def verdicts(store: Store, rubric: str, judge: str) -> dict[str, Given]:
    """What a judge said under a rubric, by trace id.

    Raises:
        StoreError: there is no such database, or it cannot be used.
    """
    sql = """
        SELECT trace_id, label, score, rubric_hash, judge_hash, prompt_version FROM current_verdicts
        WHERE rubric = $rubric AND judge = $judge AND segment IS NULL ORDER BY trace_id
    """
    with store.query(sql, {"rubric": rubric, "judge": judge}) as found:
        return {trace_id: Given(*said) for trace_id, *said in found.fetchall()}


def is_binary(rubric: Rubric) -> bool:
    """Whether its labels are a yes, a no and an undecided: what a score or a classifier can tell apart."""
    return len(rubric.rule) == 1


@dataclass(frozen=True, slots=True)
class Split:
    """How traces are divided into a side to fit on and a side to check on."""

    tune: tuple[str, ...] = ()
    """KEY=VALUE of traces to fit on; those of one key are alternatives, and all keys have to fit."""
    check: tuple[str, ...] = ()
    """KEY=VALUE of traces to check on; those not fitted on where only `tune` is given, and the other way round."""
    share: float = 0.5
    """Without either: the share of traces to fit on, drawn at random."""
    seed: int = 0
    """Which random half that is."""
    cluster: str | None = None
    """A key (see `ratings.values`) of which one value's traces are drawn together."""

    def sides(self, store: Store, ids: Collection[str]) -> tuple[list[str], list[str]]:
        """The traces to fit on and those to check on, in order of their ids.

        Raises:
            UsageError: an option that is no KEY=VALUE, or a trace that is on both sides.
            StoreError: the database cannot be used.
        """
        ordered = sorted(ids)
        if not self.tune and not self.check:
            keys = clusters(store, self.cluster, ordered)
            tuned = {i for i, key in zip(ordered, keys, strict=True) if _number(self.seed, key) < self.share}
            return [i for i in ordered if i in tuned], [i for i in ordered if i not in tuned]
        tune, check = (selected(store, ordered, options) if options else None for options in (self.tune, self.check))
        if tune is None or check is None:
            other = {*(tune or ()), *(check or ())}
            rest = [i for i in ordered if i not in other]
            return rest if tune is None else tune, rest if check is None else check
        if both := {*tune} & {*check}:
            raise UsageError(f"--tune and --check: {len(both)} traces are on both sides, such as {min(both)}")
        return tune, check


def selected(store: Store, ids: Sequence[str], options: Sequence[str]) -> list[str]:
    """The traces that KEY=VALUE options mean; a value may have the wildcards `*`, `?` and `[...]`.

    Raises:
        UsageError: an option that is none, or a key that nothing has.
        StoreError: the database cannot be used.
    """
    wanted: dict[str, list[str]] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or not key:
            raise UsageError(f"{option!r} is not KEY=VALUE, such as path=data/tune.jsonl or meta.split=tune")
        wanted.setdefault(key, []).append(value)
    said = {key: values(store, key) for key in wanted}
    return [i for i in ids if all(_fits(said[key].get(i), patterns) for key, patterns in wanted.items())]


def clusters(store: Store, key: str | None, ids: Sequence[str]) -> list[str]:
    """What each trace is drawn together with: a value of the key; itself where there is none.

    Raises:
        UsageError: there is no such key.
        StoreError: the database cannot be used.
    """
    said: Mapping[str, str | None] = values(store, key) if key else {}
    return [f"={value}" if (value := said.get(i)) is not None else i for i in ids]


def _fits(value: str | None, patterns: Sequence[str]) -> bool:
    return value is not None and any(value == pattern or fnmatchcase(value, pattern) for pattern in patterns)


def _number(seed: int, key: str) -> float:
    """A number of a trace or a cluster, 0 to 1, that depends on nothing else."""
    digest = hashlib.blake2b(f"{seed}\0{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64
