"""Two judges, prompts or versions of a rubric on the same traces: what changed, and whether it is better."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cotjudge.errors import UsageError
from cotjudge.stats.bootstrap import DEFAULT, Resampling
from cotjudge.stats.pairs import Difference, McNemar, difference, mcnemar
from cotjudge.store import Store
from cotjudge.validation import naming
from cotjudge.validation.corpus import Corpus, corpus
from cotjudge.validation.measuring import ABSTENTIONS, in_order, positive_of
from cotjudge.validation.ratings import Rater, Rating, raters, ratings
from cotjudge.validation.runs import with_verdicts

_RATIONALES = {
    "judge": "SELECT trace_id, rationale FROM current_verdicts WHERE judge = $name",
    "run": "SELECT trace_id, rationale FROM verdicts"
    " WHERE run_id = $name AND judge = (SELECT judge FROM runs WHERE run_id = $name)",
    "annotator": "SELECT trace_id, note FROM labels WHERE annotator = $name",
}
SIGNIFICANT = 0.05
"""Below this p-value McNemar's test counts as having found a difference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be compared, and how."""

    first: str
    """Run id (or its beginning), `judge:NAME`, or a judge's name."""
    second: str
    """The same; it is asked whether this one is better."""
    rubrics: tuple[str, ...] = ()
    """Rubric ids; none means all that both have judged."""
    labels: str = ""
    """The annotator who counts as right; empty means the one who labelled most of the traces."""
    cluster: str = ""
    """What traces are clustered by."""
    resampling: Resampling = DEFAULT
    """How intervals are drawn."""


@dataclass(frozen=True, slots=True)
class Flip:
    """A trace on which the two differ."""

    trace_id: str
    """The trace."""
    first: str
    """The first's label."""
    second: str
    """The second's label."""
    truth: str | None
    """The annotator's label, if there is one."""
    first_rationale: str
    """Why, in the first's words."""
    second_rationale: str
    """Why, in the second's words."""


@dataclass(frozen=True, slots=True)
class AgainstLabels:
    """Which of the two is right more often. Differences are second less first."""

    annotator: str
    """Who counts as right."""
    labelled: int
    """Traces that they have decided."""
    accuracy: Difference
    """Of the shares of traces that each has right, where both decided."""
    test: McNemar
    """The paired test; it takes each trace by itself."""
    coverage: tuple[float, float] | None
    """The share of the labelled traces that each decided."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two raters under one rubric."""

    rubric: str
    """Rubric id."""
    first: Rater
    """One."""
    second: Rater
    """The other."""
    traces: int
    """Traces that both judged."""
    shares: Mapping[str, Difference]
    """Label -> its share by the second less that by the first; `present` alone where the answer is yes or no."""
    words: tuple[str, ...]
    """The labels in the order of the table."""
    table: tuple[tuple[int, ...], ...]
    """Traces by the first's label (rows) and the second's (columns)."""
    flips: tuple[Flip, ...]
    """Traces with different labels: where the second is newly wrong, newly right, and the others."""
    against: AgainstLabels | None
    """None where nobody has labelled these traces."""
    clustered: bool
    """Whether traces were drawn in clusters."""


@dataclass(frozen=True, slots=True)
class Comparisons:
    """What there is to say."""

    compared: tuple[Comparison, ...]
    """One for each rubric."""
    notes: tuple[str, ...]
    """What to know before reading them, one line each."""


def compare(store: Store, wish: Wish) -> Comparisons:
    """Compare two raters.

    Raises:
        UsageError: a rater, rubric or key that is not there, or both are the same.
        StoreError: there is no such database, or it cannot be used.
    """
    given = [naming.rater(store, text, ("run", "judge", "annotator")) for text in (wish.first, wish.second)]
    if given[0] == given[1]:
        raise UsageError(f"{wish.first} and {wish.second} are the same; name two runs or judges")
    if wish.labels:
        naming.rater(store, f"annotator:{wish.labels}", ())
    known = naming.rubrics(store, wish.rubrics)
    pair, notes = with_verdicts(store, given)
    chosen = corpus(store, cluster=wish.cluster)
    compared = []
    for rubric in known:
        first, second = (ratings(store, rubric, rater) for rater in pair)
        if first.keys() & second.keys():
            compared.append(_compared(store, rubric, pair, (first, second), (chosen, wish)))
        elif wish.rubrics:
            notes.append(f"{rubric}: {pair[0]} and {pair[1]} have no trace in common")
    return Comparisons(tuple(compared), tuple(notes))


def verdict(of: Comparison) -> str:
    """One sentence: whether the second is better than the first against the labels, or that it cannot be told."""
    if of.against is None:
        return "Nobody has labelled these traces, so it cannot be told whether B is better."
    found, annotator = of.against.accuracy, of.against.annotator
    gain, ends = found.difference, found.interval
    if gain is None:
        return f"No trace that {annotator} has labelled was decided by both, so it cannot be told which is better."
    p = of.against.test.p_value
    sure = ends is not None and 0 not in ends and (of.clustered or (p is not None and p < SIGNIFICANT))
    told = f"accuracy {found.second:.2f} (A) and {found.first:.2f} (B) on {found.n:,} traces that both decided"
    if not sure:
        return f"It cannot be told from the labels of {annotator} whether B is better: {told}."
    return f"Against the labels of {annotator}, B is {'better' if gain > 0 else 'worse'}: {told}."


def _compared(
    store: Store,
    rubric: str,
    pair: Sequence[Rater],
    said: tuple[Mapping[str, Rating], Mapping[str, Rating]],
    asked: tuple[Corpus, Wish],
) -> Comparison:
    chosen, wish = asked
    ids = sorted(said[0].keys() & said[1].keys())
    first, second = ([of[trace_id].label for trace_id in ids] for of in said)
    clusters = chosen.cluster_keys(ids)
    words = in_order({*first, *second})
    truth = _truth(store, rubric, wish.labels, ids, pair)
    counts = Counter(zip(first, second, strict=True))
    labels = {trace_id: rating.label for trace_id, rating in truth[1].items()} if truth else {}
    return Comparison(
        rubric,
        pair[0],
        pair[1],
        len(ids),
        _shares(first, second, words, clusters, wish.resampling),
        words,
        tuple(tuple(counts[a, b] for b in words) for a in words),
        _flips(store, rubric, pair, list(zip(ids, first, second, strict=True)), labels),
        _against(truth[0], ids, (first, second), labels, (clusters, wish.resampling)) if truth else None,
        clusters is not None,
    )


def _truth(
    store: Store, rubric: str, wanted: str, ids: list[str], pair: Sequence[Rater]
) -> tuple[str, Mapping[str, Rating]] | None:
    """The annotator who counts as right, and their labels; None where nobody labelled these traces."""
    people = [Rater("annotator", wanted)] if wanted else [r for r in raters(store, rubric) if r.kind == "annotator"]
    best: tuple[str, Mapping[str, Rating]] | None = None
    for person in people:
        if person in pair:
            continue
        theirs = ratings(store, rubric, person)
        mine = {trace_id: theirs[trace_id] for trace_id in ids if trace_id in theirs}
        if mine and (best is None or len(mine) > len(best[1])):
            best = person.name, mine
    return best


def _shares(
    first: list[str], second: list[str], words: tuple[str, ...], clusters: list[str] | None, resampling: Resampling
) -> dict[str, Difference]:
    decided = _decided(first) & _decided(second)
    positive = positive_of(words)
    told = [positive] if positive else [word for word in words if word not in ABSTENTIONS]
    return {
        word: difference(_is(word, second), _is(word, first), decided=decided, clusters=clusters, resampling=resampling)
        for word in told
    }


def _against(
    annotator: str,
    ids: list[str],
    said: tuple[list[str], list[str]],
    labels: Mapping[str, str],
    drawn: tuple[list[str] | None, Resampling],
) -> AgainstLabels:
    clusters, resampling = drawn
    settled = np.array([labels.get(i) is not None and labels[i] not in ABSTENTIONS for i in ids], dtype=np.bool_)
    first, second = (
        np.array([labels.get(i) == word for i, word in zip(ids, column, strict=True)], np.bool_)[settled]
        for column in said
    )
    decided_first, decided_second = (_decided(column)[settled] for column in said)
    keys = None if clusters is None else [key for key, kept in zip(clusters, settled, strict=True) if kept]
    decided = decided_first & decided_second
    return AgainstLabels(
        annotator,
        int(settled.sum()),
        difference(second, first, decided=decided, clusters=keys, resampling=resampling),
        mcnemar(first, second, decided=decided),
        (float(decided_first.mean()), float(decided_second.mean())) if settled.any() else None,
    )


def _flips(
    store: Store,
    rubric: str,
    pair: Sequence[Rater],
    said: list[tuple[str, str, str]],
    labels: Mapping[str, str],
) -> tuple[Flip, ...]:
    flipped = [(i, a, b) for i, a, b in said if a != b]
    ids = {i for i, _, _ in flipped}
    first, second = (dict(_rationales(store, rubric, rater, ids)) for rater in pair)
    found = [Flip(i, a, b, labels.get(i), first.get(i, ""), second.get(i, "")) for i, a, b in flipped]
    return tuple(sorted(found, key=_order))


def _order(flip: Flip) -> tuple[int, str]:
    """Newly wrong, newly right, and the others."""
    if flip.truth is None or flip.truth in ABSTENTIONS:
        return 3, flip.trace_id
    return (0 if flip.first == flip.truth else 1 if flip.second == flip.truth else 2), flip.trace_id


def _rationales(store: Store, rubric: str, rater: Rater, ids: set[str]) -> Iterator[tuple[str, str]]:
    whole = "" if rater.kind == "annotator" else " AND segment IS NULL"
    sql = f"{_RATIONALES[rater.kind]} AND rubric = $rubric{whole}"
    with store.query(sql, {"name": rater.name, "rubric": rubric}) as found:
        yield from ((trace_id, text or "") for trace_id, text in found if trace_id in ids)


def _decided(labels: list[str]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.array([label not in ABSTENTIONS for label in labels], dtype=np.bool_)


def _is(word: str, labels: list[str]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.array([label == word for label in labels], dtype=np.bool_)
