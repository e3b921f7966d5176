"""Limits of a prevalence corrected for a judge's errors, over arrays: many samples at once, as simulations have them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cotjudge.stats.arrays import Floats
from cotjudge.stats.tables import Tables, ratio, recall, specificity

Limits = tuple[Floats, Floats]
"""Lower and upper limits, in [0, 1]."""


def rogan_gladen(share: npt.ArrayLike, sensitivity: npt.ArrayLike, specificity: npt.ArrayLike) -> Floats:
    """The prevalence behind a share of judged positives (Rogan & Gladen 1978), cut to [0, 1].

    Args:
        share: of rows judged positive.
        sensitivity: the share of true positives judged so.
        specificity: the share of true negatives judged so.

    Returns:
        The prevalence; nan where the judge is no better than chance (the last two sum to 1 or less).
    """
    beyond_chance = np.asarray(sensitivity) + np.asarray(specificity) - 1.0
    return np.clip(ratio(np.asarray(share) + np.asarray(specificity) - 1.0, beyond_chance), 0, 1)


def lang_reiczigel(positives: npt.ArrayLike, n: npt.ArrayLike, validation: Tables, level: float) -> Limits:
    """Limits of the Rogan-Gladen estimate where sensitivity and specificity are estimated themselves.

    Z. Lang and J. Reiczigel, "Confidence limits for prevalence of disease adjusted for estimated sensitivity and
    specificity", Preventive Veterinary Medicine 113 (2014), 13-22: a normal interval of adjusted counts, shifted.

    Args:
        positives: rows judged positive.
        n: rows judged.
        validation: labelled rows, none of which is among those.
        level: confidence, between 0 and 1.

    Returns:
        The limits; nan where the judge is no better than chance on the labelled rows.
    """
    z = _z(level)
    ap, ap_var = _shrunk(positives, n, z * z)
    se, se_var = _shrunk(validation.tp, validation.tp + validation.fn, 2)
    sp, sp_var = _shrunk(validation.tn, validation.tn + validation.fp, 2)
    useful = recall(validation) + specificity(validation) > 1
    youden = np.where(useful, se + sp - 1, np.nan)
    theta = (ap + sp - 1) / youden
    shift = 2 * z * z * (theta * se_var - (1 - theta) * sp_var)
    reach = z * np.sqrt(ap_var + theta**2 * se_var + (1 - theta) ** 2 * sp_var) / youden
    return np.clip(theta + shift - reach, 0, 1), np.clip(theta + shift + reach, 0, 1)


def post_stratified(rows: npt.ArrayLike, labelled: npt.ArrayLike, positives: npt.ArrayLike) -> tuple[Floats, Floats]:
    """The prevalence as the mean of strata's shares, weighted by the strata's sizes (Cochran 1977, section 5A.9).

    Args:
        rows: of each stratum, strata along the first axis.
        labelled: how many of them have a gold label.
        positives: how many of those are true.

    Returns:
        The prevalence, and each stratum's share of positives; one without a labelled row gets the share of all.
    """
    n, x = np.asarray(labelled, float), np.asarray(positives, float)
    pooled = ratio(x.sum(axis=0), n.sum(axis=0))
    shares = np.where(n > 0, ratio(x, n), pooled)
    return (_weights(rows) * shares).sum(axis=0), shares


def post_stratified_limits(
    rows: npt.ArrayLike, labelled: npt.ArrayLike, positives: npt.ArrayLike, level: float
) -> Limits:
    """Limits of the post-stratified prevalence, from the Clopper-Pearson limits of its strata.

    The method of variance estimates recovery: G. Y. Zou, W. Huang and X. Zhang, "A note on confidence interval
    estimation for a linear function of binomial proportions", Computational Statistics & Data Analysis 53 (2009),
    1080-1085. Unlike a normal interval it stays honest where a stratum has no positive among its labels. The strata's
    sizes add their own (multinomial) variance.

    Args:
        rows: of each stratum, strata along the first axis.
        labelled: how many of them have a gold label; may be fractional (an expectation).
        positives: how many of those are true; likewise.
        level: confidence, between 0 and 1.
    """
    from statsmodels.stats.proportion import proportion_confint

    n, x, weights = np.asarray(labelled, float), np.asarray(positives, float), _weights(rows)
    theta, shares = post_stratified(rows, n, x)
    low, high = proportion_confint(x, np.where(n > 0, n, 1), alpha=1 - level, method="beta")
    low, high = np.where(n > 0, low, 0), np.where(n > 0, high, 1)
    between = _z(level) ** 2 * (weights * (shares - theta) ** 2).sum(axis=0) / np.asarray(rows, float).sum(axis=0)
    below = np.sqrt(((weights * (shares - low)) ** 2).sum(axis=0) + between)
    above = np.sqrt(((weights * (high - shares)) ** 2).sum(axis=0) + between)
    return np.clip(theta - below, 0, 1), np.clip(theta + above, 0, 1)


def _weights(rows: npt.ArrayLike) -> Floats:
    sizes = np.asarray(rows, float)
    return ratio(sizes, sizes.sum(axis=0))


def _shrunk(count: npt.ArrayLike, n: npt.ArrayLike, added: float) -> tuple[Floats, Floats]:
    """A share after adding so many rows, half of them positive, and its variance."""
    rows = np.asarray(n, float) + added
    share = (np.asarray(count, float) + added / 2) / rows
    return share, share * (1 - share) / rows


def _z(level: float) -> float:
    from scipy.stats import norm

    return float(norm.ppf((1 + level) / 2))
