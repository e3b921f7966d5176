"""Whether a rubric's cues or examples hold wording that stands on the test side of the gold set only."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import product

# The parser of `re` is the one way to the structure of a pattern that the standard library has.
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

RUN = 4
"""Words in a row by which a cue is held to have been taken from a text."""
CLASS = 6
"""Largest class of characters that is written out; a larger one stands for any character."""
SUBSTANCE = 2
"""Words of a run that must not be form words: "I would like to" is grammar, and nobody's text."""
FORMS = 500_000
"""Most forms of one pattern that are looked at; past it the check says so and does not guess."""

ANY = "\ue000"
"""Any character, in a form of a pattern."""
GAP = "\ue001"
"""Any text: a run of words ends here."""
_WORD = re.compile(rf"[\w{ANY}{GAP}]+(?:'[\w{ANY}{GAP}]+)*")

_ANY_WORD = re.compile(rf"(?:^|(?<=[ {GAP}])){ANY}+ ")

Gram = tuple[str, ...]


def words(text: str) -> list[str]:
    """The words of a text, in one case and with one kind of apostrophe."""
    return _WORD.findall(text.casefold().replace("’", "'"))


def grams(texts: Iterable[str], size: int) -> set[Gram]:
    """Every run of so many words."""
    return {tuple(w[i : i + size]) for w in map(words, texts) for i in range(len(w) - size + 1)}


_FORM_WORDS = frozenset(
    words(
        "a an the this that these those it its it's i i'd i'll i'm i've me my we us our you your he she they them their his "
        "her him who what which nobody no one other not never don't doesn't won't isn't can't wouldn't and or but so as if "
        "to of in on at by for with from into out off up away about against over be is are was were been being am do does "
        "did have has had will would could should may might must can like rather than then there here all any some"
    )
)


class Wordings:
    """The runs of words that stand in one side and not in the others, and the cues that hold one.

    Args:
        side: the texts that nothing may be taken from.
        others: the texts that may be used.
    """

    def __init__(self, side: Iterable[str], others: Iterable[str]) -> None:
        self._others = _by_initials(grams(others, RUN))
        self._side = _by_initials(grams(side, RUN))

    def taken(self, pattern: str) -> set[Gram]:
        """The literal runs of a pattern that occur in the side and nowhere else."""
        found = {run for form in forms(pattern) for run in _literal_runs(form)}
        return {run for run in found if _stands(run, self._side) and not _stands(run, self._others)}


def forms(pattern: str) -> set[str]:
    """A pattern written out: every choice of its alternatives, `ANY` and `GAP` where it leaves the text open.

    Raises:
        ValueError: it has more than `FORMS` forms.
    """
    return set(_sequence(_parser.parse(pattern, re.IGNORECASE)))


def _sequence(items: Any) -> set[str]:
    # A gap ends a run, so what is before and after it is put down once each and not in every combination.
    done: set[str] = set()
    open_forms = {""}
    for op, value in items:
        choices = _item(op, value)
        if len(open_forms) * len(choices) > FORMS:
            raise ValueError(f"more than {FORMS} forms")
        open_forms = {_ANY_WORD.sub(GAP + " ", a + b) for a, b in product(open_forms, choices)}
        cut = {form for form in open_forms if GAP in form[:-1].strip(GAP)}
        done |= {form[: form.rindex(GAP)] for form in cut}
        open_forms = {form[form.rindex(GAP) :] if form in cut else form for form in open_forms}
    return done | open_forms


def _item(op: Any, value: Any) -> set[str]:
    if op not in _ITEMS:
        raise ValueError(f"a cue with {op} is not understood here")
    return _ITEMS[op](value)


def _class(members: Any) -> set[str]:
    if all(op is _constants.LITERAL for op, _ in members) and len(members) <= CLASS:
        return {chr(value) for _, value in members}
    return {ANY}


def _repeat(least: int, most: int, items: Any) -> set[str]:
    inner = _sequence(items)
    none = {""} if least == 0 else set()
    if most == 1:
        return none | inner
    if inner == {ANY}:  # \w*, .{0,40}
        return {ANY} if most > 1 and _is_wordly(items) else {GAP}
    once = inner if least <= 1 else set()
    return none | once | {GAP + form + GAP for form in inner}


def _is_wordly(items: Any) -> bool:
    [(op, value)] = items
    return str(op) == "IN" and [str(of) for _, of in value] == ["CATEGORY_WORD"]


_ITEMS: dict[Any, Callable[[Any], set[str]]] = {
    _constants.LITERAL: lambda code: {chr(code)},
    _constants.NOT_LITERAL: lambda _: {ANY},
    _constants.ANY: lambda _: {ANY},
    _constants.IN: _class,
    _constants.BRANCH: lambda value: {form for branch in value[1] for form in _sequence(branch)},
    _constants.SUBPATTERN: lambda value: _sequence(value[-1]),
    _constants.MAX_REPEAT: lambda value: _repeat(*value),
    _constants.MIN_REPEAT: lambda value: _repeat(*value),
    _constants.AT: lambda _: {""},
}
"""Part of a pattern -> its forms."""


def _literal_runs(form: str) -> Iterator[Gram]:
    # A word left open at its beginning is nobody's word and breaks a run; one left open at its end is a stem.
    for part in form.casefold().replace("’", "'").split(GAP):
        run = [word if word[0] != ANY else "" for word in _WORD.findall(part)]
        for start in range(len(run) - RUN + 1):
            four = tuple(run[start : start + RUN])
            if all(four) and sum(word not in _FORM_WORDS for word in four) >= SUBSTANCE:
                yield four


def _by_initials(runs: set[Gram]) -> dict[str, list[Gram]]:
    filed: defaultdict[str, list[Gram]] = defaultdict(list)
    for run in runs:
        filed["".join(word[0] for word in run)].append(run)
    return filed


def _stands(run: Gram, filed: dict[str, list[Gram]]) -> bool:
    candidates = filed.get("".join(word[0] for word in run), ())
    return any(all(map(_is, run, candidate)) for candidate in candidates)


def _is(wanted: str, word: str) -> bool:
    stem, open_end, _ = wanted.partition(ANY)
    return word.startswith(stem) if open_end else word == wanted
