"""How far two raters agree about a yes or no: one is the truth (gold labels), the other is judged by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from cotjudge.stats.arrays import Numbers, bools, defined, mask, probabilities
from cotjudge.stats.nominal import ac1, alpha_of_counts
from cotjudge.stats.scores import measure


@dataclass(frozen=True)
class Agreement:
    """Agreement of a judge with the truth on a binary label; None where a value is undefined."""

    n: int
    """Rows that were decided: those of the table."""
    coverage: float | None
    """The share of rows that were decided."""
    tp: int
    """True and judged so."""
    fp: int
    """Judged so, not true."""
    fn: int
    """True, not judged so."""
    tn: int
    """Neither."""
    accuracy: float | None
    """The share of rows on which both agree."""
    precision: float | None
    """The share of judged positives that are true."""
    recall: float | None
    """The share of true positives that are judged so (sensitivity)."""
    f1: float | None
    """The harmonic mean of precision and recall; undefined without a true positive to find."""
    specificity: float | None
    """The share of true negatives that are judged so."""
    kappa: float | None
    """Cohen's (1960) kappa, -1 to 1; low at low prevalence even for a good judge."""
    mcc: float | None
    """Matthews' (1975) correlation, -1 to 1; undefined where a rater never changes."""
    ac1: float | None
    """Gwet's (2008) AC1, -1 to 1; high at low prevalence, so it is told beside kappa."""
    alpha: float | None
    """Krippendorff's nominal alpha, -1 to 1."""
    auroc: float | None = None
    """Area under the ROC curve of the scores; this and the following, see `scores.ScoreMetrics`."""
    average_precision: float | None = None
    """Area under the precision-recall curve."""
    tpr_at_fpr_01: float | None = None
    """Recall at a false-alarm rate of at most 1%."""
    tpr_at_fpr_05: float | None = None
    """Recall at a false-alarm rate of at most 5%."""
    brier: float | None = None
    """The Brier score."""
    ece: float | None = None
    """The expected calibration error."""
    distinct_scores: int | None = None
    """How many different scores were given; few of them cannot order much."""


def compare(
    truth: npt.ArrayLike,
    judged: npt.ArrayLike,
    *,
    scores: Numbers | None = None,
    decided: npt.ArrayLike | None = None,
) -> Agreement:
    """Agreement of what was judged with what is true.

    Args:
        truth: booleans.
        judged: booleans, one per row of the truth; those of undecided rows are not looked at.
        scores: in [0, 1]; nan or None where there is none. Undecided rows count: a score orders them too.
        decided: booleans, false where the judge abstained; by default all true.

    Raises:
        ValueError: numbers of rows differ, a label is not boolean, or a score is out of range.
    """
    true = bools("truth", truth)
    said = bools("judged", judged, len(true))
    kept = mask("decided", decided, len(true))
    cells = [int((kept & t & s).sum()) for t, s in ((true, said), (~true, said), (true, ~said), (~true, ~said))]
    ranking: dict[str, float | None] = {}
    distinct = None
    if scores is not None:
        values = probabilities("scores", scores, len(true))
        ranking = asdict(measure(true, values))
        distinct = len(np.unique(values[~np.isnan(values)]))
    coverage = float(kept.mean()) if kept.size else None
    return Agreement(**_table_of(*cells), coverage=coverage, **ranking, distinct_scores=distinct)  # type: ignore[arg-type]


def from_table(tp: int, fp: int, fn: int, tn: int) -> Agreement:
    """Agreement from a published 2x2 table, where all rows were decided.

    Args:
        tp: true and judged so.
        fp: judged so, not true.
        fn: true, not judged so.
        tn: neither.

    Raises:
        ValueError: a count is negative.
    """
    if min(tp, fp, fn, tn) < 0:
        raise ValueError(f"a count is negative: {(tp, fp, fn, tn)}")
    return Agreement(**_table_of(tp, fp, fn, tn), coverage=1.0 if tp + fp + fn + tn else None)  # type: ignore[arg-type]


def _table_of(tp: int, fp: int, fn: int, tn: int) -> Mapping[str, float | None]:
    """The fields that follow from the table."""
    cells = {"n": tp + fp + fn + tn, "tp": tp, "fp": fp, "fn": fn, "tn": tn}
    if not cells["n"]:
        names = ("accuracy", "precision", "recall", "f1", "specificity", "kappa", "mcc", "ac1", "alpha")
        return cells | dict.fromkeys(names)
    one_word = max(tp, tn) == cells["n"]
    still = 0 in (tp + fp, fn + tn, tp + fn, fp + tn)
    return (
        cells
        | _shares(tp, fp, fn, tn)
        | {
            "kappa": None if one_word else _kappa(tp, fp, fn, tn),
            "mcc": None if still else _mcc(tp, fp, fn, tn),
            "ac1": ac1(np.array([[tp, fn], [fp, tn]])),
            "alpha": alpha_of_counts(np.repeat([[2, 0], [1, 1], [0, 2]], [tp, fp + fn, tn], axis=0)),
        }
    )


# The four cells as four weighted rows: truth, judged, in the order tp, fp, fn, tn.
_TRUTH = (1, 0, 1, 0)
_JUDGED = (1, 1, 0, 0)


def _shares(*cells: int) -> dict[str, float | None]:
    from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

    def share(metric: object, label: int = 1) -> float | None:
        options = {"pos_label": label, "zero_division": np.nan, "sample_weight": cells}
        return defined(metric(_TRUTH, _JUDGED, **options))  # type: ignore[operator]

    recall = share(recall_score)
    return {
        "accuracy": float(accuracy_score(_TRUTH, _JUDGED, sample_weight=cells)),
        "precision": share(precision_score),
        "recall": recall,
        "f1": None if recall is None else share(f1_score),
        "specificity": share(recall_score, label=0),
    }


def _kappa(*cells: int) -> float:
    from sklearn.metrics import cohen_kappa_score

    return float(cohen_kappa_score(_TRUTH, _JUDGED, sample_weight=cells))


def _mcc(*cells: int) -> float:
    from sklearn.metrics import matthews_corrcoef

    return float(matthews_corrcoef(_TRUTH, _JUDGED, sample_weight=cells))
