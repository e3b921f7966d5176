"""Several opinions about one question made into one: draws of a judge, members of a panel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cotjudge.rubric import Rubric


def majority(rubric: Rubric, labels: Sequence[str]) -> str:
    """The label most opinions gave; the rubric's `undecided` where the most frequent ones are tied."""
    counts = Counter(labels).most_common()
    tied = len(counts) > 1 and counts[0][1] == counts[1][1]
    return rubric.undecided if tied else counts[0][0]


def share(rubric: Rubric, labels: Sequence[str]) -> float:
    """The share of votes for the rubric's first label, 0 to 1; an undecided one counts half."""
    votes = Counter(labels)
    return (votes[rubric.labels[0]] + votes[rubric.undecided] / 2) / len(labels)


def agreement(label: str, labels: Sequence[str]) -> float:
    """The share of opinions that gave the label, 0 to 1."""
    return Counter(labels)[label] / len(labels)


def speaker(label: str, labels: Sequence[str]) -> int:
    """Which opinion speaks for all: the first that gave the label; the first of all where votes were tied."""
    return labels.index(label) if label in labels else 0
