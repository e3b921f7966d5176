"""How far raters agree: judges with labels, judges with judges, annotators with annotators, whole or in groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from cotjudge.errors import UsageError
from cotjudge.rubric_file import builtin, builtin_ids
from cotjudge.stats.bootstrap import DEFAULT, Resampling, statistic_interval
from cotjudge.stats.interval import Interval
from cotjudge.stats.nominal import alpha_of_counts
from cotjudge.store import Store
from cotjudge.validation import naming
from cotjudge.validation.corpus import Corpus, corpus
from cotjudge.validation.measuring import ABSTENTIONS, About, Measured, Rows, measure
from cotjudge.validation.ratings import Rater, Rating, raters, ratings

Ratings = Mapping[str, Rating]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be compared, and how."""

    rubrics: tuple[str, ...] = ()
    """Rubric ids; none means all that have labels."""
    judges: tuple[str, ...] = ()
    """Judges (or `run:ID`) to look at; none means all."""
    against: str = ""
    """The reference: an annotator, `judge:NAME` or `run:ID`; empty means every annotator."""
    all_pairs: bool = False
    """Whether judges are held against judges and annotators against annotators, too."""
    criteria: bool = False
    """Whether the answers to each criterion are compared, too."""
    by: str = ""
    """What traces are grouped by."""
    only: tuple[str, ...] = ()
    """`KEY=VALUE` that traces must fit."""
    cluster: str = ""
    """What traces are clustered by."""
    resampling: Resampling = DEFAULT
    """How intervals are drawn."""


@dataclass(frozen=True, slots=True)
class Annotators:
    """How far all annotators of a rubric agree."""

    rubric: str
    """Rubric id."""
    names: tuple[str, ...]
    """Who they are."""
    traces: int
    """Traces that at least two of them decided."""
    alpha: float | None
    """Krippendorff's nominal alpha over all of them."""
    interval: Interval | None
    """Its interval."""


@dataclass(frozen=True, slots=True)
class Agreements:
    """What there is to say."""

    measured: tuple[Measured, ...]
    """Each pair of raters: the label, then its groups, then the criteria."""
    annotators: tuple[Annotators, ...]
    """For each rubric with more than one annotator."""
    notes: tuple[str, ...]
    """Pairs about which nothing can be said, one line each."""


def agree(store: Store, wish: Wish) -> Agreements:
    """Compare raters.

    Raises:
        UsageError: a rubric, rater or key that is not there.
        StoreError: there is no such database, or it cannot be used.
    """
    if wish.against and wish.all_pairs:
        raise UsageError("--against and --all-pairs exclude each other: one names the reference, the other takes all")
    chosen = corpus(store, only=wish.only, by=wish.by, cluster=wish.cluster)
    against = naming.rater(store, wish.against, ("annotator", "judge", "run")) if wish.against else None
    wanted = tuple(naming.rater(store, name, ("judge", "run")) for name in wish.judges)
    measured: list[Measured] = []
    annotators: list[Annotators] = []
    notes: list[str] = []
    for rubric in _rubrics(store, wish, against):
        known = raters(store, rubric)
        said = {r: ratings(store, rubric, r) for r in dict.fromkeys([*known, *wanted, *([against] if against else [])])}
        said = {r: {t: x for t, x in of.items() if chosen.holds(t)} for r, of in said.items()}
        for rater, reference in _pairs(known, wanted, against, all_pairs=wish.all_pairs):
            about = About(rubric, rater, reference)
            found = list(_measured(about, said[rater], said[reference], chosen, wish))
            measured += found
            if not found:
                notes.append(f"{rubric}: {rater} and {reference} have no trace in common")
        annotators += _annotators(rubric, said, chosen, wish.resampling)
    return Agreements(tuple(measured), tuple(annotators), tuple(notes))


def _rubrics(store: Store, wish: Wish, against: Rater | None) -> tuple[str, ...]:
    known = naming.rubrics(store, wish.rubrics)
    if wish.rubrics or wish.all_pairs or (against and against.kind != "annotator"):
        return known
    return naming.labelled_rubrics(store)


def _pairs(
    known: Mapping[Rater, int], wanted: tuple[Rater, ...], against: Rater | None, *, all_pairs: bool
) -> Iterator[tuple[Rater, Rater]]:
    """Who is held against whom."""
    judges = wanted or tuple(rater for rater in known if rater.kind == "judge")
    annotators = tuple(rater for rater in known if rater.kind == "annotator")
    if against:
        others = annotators if against.kind == "annotator" and not wanted else ()
        yield from ((rater, against) for rater in (*judges, *others) if rater != against)
        return
    yield from ((judge, annotator) for judge in judges for annotator in annotators)
    if all_pairs:
        yield from ((second, first) for first, second in (*combinations(judges, 2), *combinations(annotators, 2)))


def _measured(about: About, said: Ratings, reference: Ratings, chosen: Corpus, wish: Wish) -> Iterator[Measured]:
    labels = builtin(about.rubric).labels if about.rubric in builtin_ids() else ()
    rows = _labels(said, reference)
    if not rows.trace_ids:
        return
    yield from _whole_and_groups(about, rows, tuple(labels), chosen, wish)
    for criterion in _criteria(said, reference) if wish.criteria else ():
        answers = _answers(said, reference, criterion)
        of_criterion = About(about.rubric, about.rater, about.reference, criterion)
        yield from _whole_and_groups(of_criterion, answers, (), chosen, wish)


def _whole_and_groups(
    about: About, rows: Rows, labels: tuple[str, ...], chosen: Corpus, wish: Wish
) -> Iterator[Measured]:
    keys = chosen.cluster_keys(rows.trace_ids)
    whole = measure(about, rows, labels=labels, clusters=keys, resampling=wish.resampling)
    yield whole
    if chosen.groups is None:
        return
    of = [chosen.group(trace_id) for trace_id in rows.trace_ids]
    for group in sorted({*of}):
        part = rows.chosen([one == group for one in of])
        keys = chosen.cluster_keys(part.trace_ids)
        grouped = replace(about, group=group)
        yield measure(grouped, part, labels=whole.words, clusters=keys, resampling=wish.resampling)


def _labels(said: Ratings, reference: Ratings) -> Rows:
    ids = tuple(sorted(said.keys() & reference.keys()))
    scores = tuple(said[i].score for i in ids)
    return Rows(
        ids,
        tuple(reference[i].label for i in ids),
        tuple(said[i].label for i in ids),
        None if all(score is None for score in scores) else scores,
    )


def _criteria(said: Ratings, reference: Ratings) -> list[str]:
    """Criteria that both answer, in the order of the rubric as far as the reference keeps it."""
    mine, theirs = ({name: None for rating in of.values() for name in rating.criteria} for of in (said, reference))
    return [name for name in theirs if name in mine]


def _answers(said: Ratings, reference: Ratings, criterion: str) -> Rows:
    both = sorted(said.keys() & reference.keys())
    ids = tuple(i for i in both if criterion in said[i].criteria and criterion in reference[i].criteria)
    return Rows(
        ids,
        tuple(reference[i].criteria[criterion] for i in ids),
        tuple(said[i].criteria[criterion] for i in ids),
    )


def _annotators(
    rubric: str, said: Mapping[Rater, Ratings], chosen: Corpus, resampling: Resampling
) -> Iterator[Annotators]:
    people = {rater.name: of for rater, of in said.items() if rater.kind == "annotator"}
    if len(people) < 2:
        return
    words = sorted({r.label for of in people.values() for r in of.values()} - ABSTENTIONS)
    ids = sorted({trace_id for of in people.values() for trace_id in of})
    given = [[of[i].label for of in people.values() if i in of] for i in ids]
    counts = np.array([[labels.count(word) for word in words] for labels in given], np.intp).reshape(-1, len(words))
    shared = counts.sum(axis=1) > 1
    counts, ids = counts[shared], [i for i, kept in zip(ids, shared, strict=True) if kept]
    keys = chosen.cluster_keys(ids)
    interval = statistic_interval(
        lambda rows: alpha_of_counts(counts[rows]), len(ids), clusters=keys, resampling=resampling
    )
    yield Annotators(rubric, tuple(people), len(ids), alpha_of_counts(counts), interval)
