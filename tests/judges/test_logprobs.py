"""Answers' probabilities from the log-probabilities of a reply's tokens."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from cotjudge.judges.logprobs import Token, probabilities
from cotjudge.rubric import Rubric

ONE = {"id": "one", "version": 1, "title": "t", "question": "q", "definition": "d"}


def a_rubric(**criteria: dict[str, Any]) -> Rubric:
    """A rubric of these criteria."""
    texts = {name: {"text": "x", **more} for name, more in criteria.items()}
    return Rubric.model_validate(ONE | {"criteria": texts, "rule": {"present": next(iter(texts))}})


YES_NO = a_rubric(says={})
GRADED = a_rubric(role={"choices": ["main", "some", "none", "cannot_tell"]})
ALIKE = a_rubric(part={"choices": ["partly_so", "partly_not", "no", "cannot_tell"]})
PREFIX = a_rubric(how={"choices": ["yes", "yes_but", "no", "cannot_tell"]})


def tokens(*parts: str | dict[str, float]) -> list[Token]:
    """Tokens of a reply: a text is certain; a mapping is one place, the first of its tokens the one taken."""
    made = []
    for part in parts:
        weights = {part: 1.0} if isinstance(part, str) else part
        raw = {text.encode(): math.log(weight) if weight else -9999.0 for text, weight in weights.items()}
        first = next(iter(raw))
        made.append(Token(first, raw[first], raw))
    return made


def text(made: list[Token]) -> str:
    """The reply that the tokens make."""
    return b"".join(token.raw for token in made).decode()


HEAD = '{"rationale":"so","criteria":{"%s":{"answer":'
TAIL = ',"quotes":[{"segment":3,"text":"no \\"x"}, null, true, -1.5e3]}}}'


@pytest.mark.parametrize(
    ("rubric", "places", "met"),
    [
        (YES_NO, ['"', {"yes": 0.7, "no": 0.2, "maybe": 0.1}, '"'], 0.7 / 0.9),
        (YES_NO, [{'"yes': 0.6, '"no': 0.3, '"cannot': 0.1}, '"'], 0.6 + 0.1 / 2),
        (YES_NO, [{'"no': 0.9, '"n': 0.1}, '"'], 0.0),
        (YES_NO, [{' "yes"': 0.8, ' "no"': 0.2}], 0.8),
        (YES_NO, [{'"': 0.5, '"yes': 0.25, '"no': 0.25}, {"yes": 1.0}, '"'], 0.5 + 0.25),
        (YES_NO, ['"', {"ye": 0.5, "no": 0.5}, "s", '"'], 0.5),
        (YES_NO, ['"', {"yes": 0.0, "no": 0.0}, '"'], None),
        (YES_NO, ['"', "perhaps", '"'], None),
        (YES_NO, ['"', "\\u0079es", '"'], None),
        (GRADED, ['"', {"some": 0.5, "main": 0.3, "none": 0.2}, '"'], 0.3 + 0.5 / 2),
        (ALIKE, ['"', {"part": 0.8, "no": 0.2}, "ly_", {"so": 0.75, "not": 0.25}, '"'], 0.8 * (0.75 + 0.25 / 2)),
        (ALIKE, ['"', {"no": 0.6, "part": 0.4}, '"'], 0.2 + 0.2 / 2),
        (PREFIX, ['"', {"yes": 0.9, "no": 0.1}, {'",': 0.6, "_but": 0.4}], 0.9 * (0.6 + 0.4 / 2)),
        (PREFIX, ['"', {'yes"': 0.5, "yes_": 0.3, "no": 0.2}], 0.5 + 0.3 / 2),
    ],
)
def test_the_first_token_that_tells_choices_apart_decides(
    rubric: Rubric, places: list[str | dict[str, float]], met: float | None
) -> None:
    """Prefixes, quotation marks, split and shared tokens: the mass is renormalised over what can still be meant."""
    name = next(iter(rubric.criteria))
    comma = places and isinstance(places[-1], dict) and '",' in places[-1]
    made = tokens(HEAD % name, *places, TAIL[1:] if comma else TAIL)
    found = probabilities(rubric, text(made), made)
    assert found == ({} if met is None else {name: pytest.approx(met)})


def test_the_answer_is_found_by_its_place_and_not_by_its_words() -> None:
    """A rationale or a quote that imitates an answer is passed over."""
    imitation = json.dumps('{"criteria":{"says":{"answer":"yes"}}} "answer":"yes"')
    made = tokens(
        '{"rationale":', imitation, ',"criteria" : {"says":\n{"answer": ', {'"no': 0.75, '"yes': 0.25}, '"', TAIL
    )
    assert probabilities(YES_NO, text(made), made) == {"says": pytest.approx(0.25)}


def test_characters_split_between_tokens_do_not_shift_places() -> None:
    """Offsets are counted in bytes: a token may hold half an emoji."""
    face = "👩".encode()
    half = [Token(face[:2], 0.0, {}), Token(face[2:], 0.0, {})]
    made = [
        *tokens('{"rationale":"'),
        *half,
        *tokens('","criteria":{"says":{"answer":"', {"yes": 0.5, "no": 0.5}, '"}}}'),
    ]
    assert probabilities(YES_NO, text(made), made) == {"says": pytest.approx(0.5)}


def test_a_part_of_a_bundle_is_found_under_its_name() -> None:
    """Each rubric of a bundle has its answers under its own id."""
    made = tokens(
        '{"other":{"criteria":{"says":{"answer":"no"}}},"one":{"criteria":{"says":{"answer":"', "yes", '"}}}}'
    )
    assert probabilities(YES_NO, text(made), made, within="one") == {"says": 1.0}
    assert probabilities(YES_NO, text(made), made, within="two") == {}


def test_one_criterion_with_a_weight_that_is_not_found_spoils_all() -> None:
    """A score is made of all probabilities or of none; what weighs nothing may be missing."""
    both, spare = a_rubric(says={}, also={}), a_rubric(says={}, also={"weight": 0})
    made = tokens('{"criteria":{"says":{"answer":"', "yes", '"},"also":{"answer":"', "hm", '"}}}')
    assert probabilities(both, text(made), made) == {}
    assert probabilities(spare, text(made), made) == {"says": 1.0}


def test_tokens_of_another_text_say_nothing() -> None:
    """Where a server's tokens are not those of its reply, there are no probabilities; trimmed white space is fine."""
    made = tokens("\n", '{"criteria":{"says":{"answer":"', "yes", '"}}}', "\n")
    assert probabilities(YES_NO, text(made).strip(), made) == {"says": 1.0}
    assert probabilities(YES_NO, text(made).replace("yes", "yet"), made) == {}
    assert probabilities(YES_NO, text(made), []) == {}


@pytest.mark.parametrize(
    "broken", ["no object", '{"a" 1', '{"a": ', '{"a": ["b"', '{"criteria": {"says": ~}}', "{" * 5000]
)
def test_what_is_not_json_has_no_places(broken: str) -> None:
    """No text makes it fail."""
    assert probabilities(YES_NO, broken, tokens(broken)) == {}
