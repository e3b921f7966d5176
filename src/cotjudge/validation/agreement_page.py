"""What `cotjudge agree` found as a page: tables for every pair of raters, curves for every judge with scores."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import numpy as np

from cotjudge.report.charts import Point, curve
from cotjudge.report.page import Figure, Page, Section, Table, Text
from cotjudge.stats.agreement import Agreement
from cotjudge.stats.scores import reliability, roc
from cotjudge.validation.agreeing import Agreements, Annotators, Wish
from cotjudge.validation.measuring import Measured, truth_of
from cotjudge.validation.wording import counted, ends, groups, number, title


def page(found: Agreements, wish: Wish) -> Page:
    """A page about raters.

    Args:
        found: what there is to say.
        wish: what was asked for; the page tells it, so that it can be made again.
    """
    pairs = groupby(found.measured, lambda m: (m.about.rubric, m.about.rater, m.about.reference))
    sections = [_section(list(pair)) for _, pair in pairs]
    if found.annotators:
        sections.append(Section("All annotators together", (_annotators(found.annotators),)))
    if found.notes:
        sections.append(Section("Notes", tuple(Text(note) for note in found.notes)))
    return Page("How far raters agree", _lead(wish), tuple(sections))


def _lead(wish: Wish) -> str:
    drawn = f"{wish.resampling.resamples:,} resamples (seed {wish.resampling.seed})"
    whole = f"traces of one {wish.cluster} together" if wish.cluster else "each trace by itself"
    only = f" Only traces with {' and '.join(wish.only)}." if wish.only else ""
    return (
        f"Intervals hold 95%, by a bootstrap of {drawn}, {whole}. An uncertain label decides nothing: it counts in the "
        f"coverage alone. A dash is a value, or an interval, that is not defined.{only}"
    )


def _section(measured: list[Measured]) -> Section:
    whole, *parts = measured
    tables: list[Text | Table | Figure] = [Text(f"{counted(whole)}."), _confusion(whole)]
    rows = tuple(row for group in groups(whole) for row in group)
    tables.append(Table(("metric", "value", "95% interval"), rows))
    tables += _curves(whole)
    of_label = [m for m in parts if not m.about.criterion]
    of_criteria = [m for m in parts if m.about.criterion]
    tables += [_parts(what, some) for what, some in (("group", of_label), ("criterion", of_criteria)) if some]
    return Section(title(whole), tuple(tables))


def _confusion(measured: Measured) -> Table:
    about = measured.about
    rows = tuple(
        (word, *(f"{count:,}" for count in counts)) for word, counts in zip(measured.words, measured.table, strict=True)
    )
    return Table(("", *measured.words), rows, f"Rows: what {about.reference} says; columns: what {about.rater} says.")


def _curves(measured: Measured) -> Iterator[Figure]:
    """The ROC curve and the reliability curve of a rater with scores."""
    if not isinstance(measured.agreement, Agreement) or measured.rows.scores is None:
        return
    rows = measured.rows.settled
    truth, scores = truth_of(rows), np.array(rows.scores, dtype=np.float64)
    if points := roc(truth, scores):
        drawn = curve([Point(p.fpr, p.tpr) for p in points], x="false-alarm rate", y="recall")
        yield Figure(drawn, f"ROC curve. Area {number(measured.agreement.auroc)}; on the dashed line it is chance.")
    bins = [
        Point(b.mean_score, b.share, *((b.interval.low, b.interval.high) if b.interval else (None, None)))
        for b in reliability(truth, scores)
    ]
    if bins:
        drawn = curve(bins, x="mean score", y="share of present", marked=True)
        yield Figure(
            drawn,
            f"Calibration: the share of traces that are present among those with about this score, with 95% Wilson "
            f"intervals. On the dashed line scores are probabilities. ECE {number(measured.agreement.ece)}.",
        )


def _parts(what: str, measured: list[Measured]) -> Table:
    fields = {"accuracy": "accuracy", "precision": "precision", "recall": "recall", "kappa": "kappa", "ac1": "AC1"}
    headings = (what, "n", "coverage", *(name for field in fields.values() for name in (field, "95%")))
    return Table(headings, tuple(_line(one, tuple(fields)) for one in measured))


def _line(one: Measured, fields: tuple[str, ...]) -> tuple[str, ...]:
    about = one.about
    name = f"{about.criterion} / {about.group}" if about.criterion and about.group else about.criterion or about.group
    values = [(getattr(one.agreement, field, None), one.intervals.get(field)) for field in fields]
    cells = (cell for value, interval in values for cell in (number(value), ends(interval)))
    return (name, f"{one.agreement.n:,}", number(one.agreement.coverage), *cells)


def _annotators(found: tuple[Annotators, ...]) -> Table:
    rows = tuple(
        (one.rubric, ", ".join(one.names), f"{one.traces:,}", number(one.alpha), ends(one.interval)) for one in found
    )
    return Table(("rubric", "annotators", "traces", "Krippendorff's alpha", "95% interval"), rows)
