from __future__ import annotations

from typing import Any

import pytest

from cotjudge.fingerprint import judge_hash, judgement_key

PARTS: dict[str, Any] = {"trace_id": "t", "rubric_hash": "r", "judge_hash": "j", "prompt_version": "p", "segment": None}


@pytest.mark.parametrize("part", PARTS)
def test_each_ingredient_changes_the_key(part: str) -> None:
    """Trace, rubric, judge and prompt version are each in the key."""
    assert judgement_key(**(PARTS | {part: 3 if part == "segment" else "other"})) != judgement_key(**PARTS)


def test_our_own_share_in_a_verdict_changes_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new way of checking evidence or deciding is a new key."""
    before = judgement_key(**PARTS)
    monkeypatch.setattr("cotjudge.fingerprint.METHOD_VERSION", "next")
    assert judgement_key(**PARTS) != before


def test_ingredients_cannot_run_into_each_other() -> None:
    """Two keys whose parts join to the same letters differ."""
    one = judgement_key(trace_id="ab", rubric_hash="c", judge_hash="d", prompt_version="")
    two = judgement_key(trace_id="a", rubric_hash="bc", judge_hash="d", prompt_version="")
    assert one != two


def test_the_order_in_which_a_judge_names_its_parameters_does_not_matter() -> None:
    """The identity is a mapping; its order is not part of it."""
    assert judge_hash({"model": "m", "seed": 1}) == judge_hash({"seed": 1, "model": "m"})
    assert judge_hash({"model": "m", "seed": 1}) != judge_hash({"model": "m", "seed": 2})
