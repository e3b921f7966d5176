"""How sure a reply was of its answers: read from the log-probabilities of its tokens.

A criterion's answer is one of a few choices, and the first token that tells them apart carries the model's decision.
What the likeliest tokens of that place weigh is shared out among the choices that they begin, and renormalised over
them (the usual reading of a constrained answer; G-Eval, Liu et al. 2023, weighs scores so).

Limits: a choice that is not among the alternatives listed counts as impossible, and five are listed. An alternative
that begins several choices, none of which was taken, is shared out evenly among them; one that begins all of them
says nothing. An alternative that would have spaced or quoted the answer in another way is left out. What a model
that reasons had made up its mind about before it wrote the reply shows as certainty.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from json.decoder import scanstring  # type: ignore[attr-defined]

from cotjudge.rubric import Rubric

_BLANK = re.compile(r"\s*")
_PLAIN = re.compile(r"[\w.+-]+")


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a reply."""

    raw: bytes
    """Its UTF-8 bytes; a token may end in the middle of a character."""
    logprob: float
    """Natural logarithm of its probability."""
    others: Mapping[bytes, float]
    """The likeliest tokens at its place, itself among them or not, with their logarithms."""


def probabilities(rubric: Rubric, reply: str, tokens: Sequence[Token], *, within: str = "") -> dict[str, float]:
    """How probable it is that each criterion is met, by the tokens of a reply.

    A graded answer counts as far as it meets the criterion (`Criterion.credit`), `cannot_tell` one half, so that the
    score of a reply that is certain of everything is the score by its answers.

    Args:
        rubric: the rubric.
        reply: the text: a JSON object, whatever may stand before it.
        tokens: its tokens.
        within: the key of the reply under which this rubric's answers stand; empty where the reply is about it alone.

    Returns:
        Criterion -> 0 to 1; empty unless every criterion with a weight was found.
    """
    text = _Tokens(reply, tokens)
    if not text.whole:
        return {}
    places = _strings(reply)
    path = (within,) if within else ()
    found: dict[str, float] = {}
    for name, criterion in rubric.criteria.items():
        place = places.get((*path, "criteria", name, "answer"))
        shares = None if place is None else text.shares(criterion.choices, place)
        if shares:
            found[name] = min(1.0, sum(share * criterion.credit(choice) for choice, share in shares.items()))
        elif criterion.weight:
            return {}
    return found


class _Tokens:
    """A reply's tokens laid over its text."""

    def __init__(self, reply: str, tokens: Sequence[Token]) -> None:
        self._reply = reply
        self._tokens = tokens
        self._bytes = b"".join(token.raw for token in tokens)
        self._starts = list(accumulate((len(token.raw) for token in tokens), initial=0))[:-1]
        self._shift = self._bytes.find(reply.encode())  # a server may trim a reply and leave its tokens as they are
        self.whole = bool(tokens) and self._shift >= 0

    def shares(self, choices: Sequence[str], place: int) -> dict[str, float] | None:
        """Choice -> its probability among them; None where the tokens do not tell.

        Args:
            choices: what may stand there.
            place: offset of the answer's opening quotation mark in the reply.
        """
        begin = self._shift + len(self._reply[:place].encode())
        first = bisect_right(self._starts, begin) - 1
        lead = self._bytes[self._starts[first] : begin]  # the first token may begin before that: ` "yes`
        rest = {choice: lead + f'"{choice}"'.encode() for choice in choices}
        shares = dict.fromkeys(choices, 0.0)
        mass = 1.0
        for token in self._tokens[first:]:
            taken = _begun(rest, token.raw)
            weights = _weights(rest, token, taken)
            total = sum(weights.values())
            if not taken or not total:
                return None
            for fitting, weight in weights.items():
                if fitting != taken:
                    for choice in fitting:
                        shares[choice] += mass * weight / total / len(fitting)
            mass *= weights[taken] / total
            if len(taken) == 1:
                shares[taken[0]] += mass
                return shares
            rest = {choice: rest[choice][len(token.raw) :] for choice in taken}
        return None


def _weights(rest: Mapping[str, bytes], token: Token, taken: tuple[str, ...]) -> dict[tuple[str, ...], float]:
    """The choices that each likely token begins, and how likely that is."""
    weights: defaultdict[tuple[str, ...], float] = defaultdict(float)
    for raw, logprob in {**token.others, token.raw: token.logprob}.items():
        fitting = _begun(rest, raw)
        if fitting == taken or 0 < len(fitting) < len(rest):
            weights[fitting] += math.exp(min(0.0, logprob))
    return weights


def _begun(rest: Mapping[str, bytes], raw: bytes) -> tuple[str, ...]:
    return tuple(choice for choice, text in rest.items() if text.startswith(raw) or raw.startswith(text))


def _strings(reply: str) -> dict[tuple[str, ...], int]:
    """Where the strings of a JSON object stand: path of keys -> offset of the opening quotation mark."""
    walk = _Walk(reply)
    try:
        walk.value(reply.index("{"), ())
    except (ValueError, LookupError, AttributeError, RecursionError):  # not the JSON that was read: nothing is known
        return {}
    return walk.found


class _Walk:
    """A walk over a JSON text that notes where its strings begin, which no JSON library tells."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.found: dict[tuple[str, ...], int] = {}

    def value(self, at: int, path: tuple[str, ...]) -> int:
        """Walk over the value that begins here; where it ends."""
        match self._text[at]:
            case "{":
                return self._items(at + 1, "}", path, keyed=True)
            case "[":
                return self._items(at + 1, "]", (*path, "[]"), keyed=False)
            case '"':
                self.found[path] = at
                end: int = scanstring(self._text, at + 1)[1]
                return end
        return _PLAIN.match(self._text, at).end()  # type: ignore[union-attr] # its caller takes the error

    def _items(self, at: int, closing: str, path: tuple[str, ...], *, keyed: bool) -> int:
        at = self._skip(at)
        while self._text[at] != closing:
            inner = path
            if keyed:
                key, at = scanstring(self._text, at + 1)
                inner, at = (*path, key), self._skip(self._skip(at) + 1)
            at = self._skip(self.value(at, inner))
            if self._text[at] == ",":
                at = self._skip(at + 1)
        return at + 1

    def _skip(self, at: int) -> int:
        return _BLANK.match(self._text, at).end()  # type: ignore[union-attr] # white space may be none
