"""The schema of a reply, and a reply as answers."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from pydantic import ValidationError
from tests.judges.asked import RUBRIC

from cotjudge.answer import CriterionAnswer, Quote, bundle_answers, bundle_model, reply_model, to_answers
from cotjudge.rubric import Rubric
from cotjudge.rubric_file import builtin, builtin_ids

RUBRICS = (RUBRIC, *map(builtin, builtin_ids()))


def schema_of(rubric: Rubric) -> dict[str, Any]:
    """The JSON schema of a reply to a rubric."""
    return reply_model(rubric).model_json_schema()


@pytest.fixture(params=RUBRICS, ids=lambda rubric: rubric.id)
def rubric(request: pytest.FixtureRequest) -> Rubric:
    found: Rubric = request.param
    return found


def test_the_reason_comes_before_the_answers(rubric: Rubric) -> None:
    """A model writes in the schema's order, so it reasons first."""
    assert list(schema_of(rubric)["properties"])[:2] == ["rationale", "criteria"]
    criteria = schema_of(rubric)["$defs"]["Criteria"]["properties"]
    assert list(criteria) == list(rubric.criteria)


def _objects(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for part in schema for found in _objects(part)]
    if not isinstance(schema, dict):
        return []
    own = [schema] if schema.get("type") == "object" else []
    return own + [found for part in schema.values() for found in _objects(part)]


def test_a_provider_can_enforce_the_schema(rubric: Rubric) -> None:
    """Strict structured output wants every field required, no others, no defaults, and nothing beside a $ref."""
    schema = schema_of(rubric)
    for part in _objects(schema):
        assert part["additionalProperties"] is False
        assert part["required"] == list(part["properties"])
        for field in part["properties"].values():
            assert "default" not in field
            assert "$ref" not in field or set(field) == {"$ref"}


def test_the_choices_are_those_of_the_rubric(rubric: Rubric) -> None:
    """No answer outside a criterion's choices can be given, and counter-evidence is asked where it is wanted."""
    defs = schema_of(rubric)["$defs"]
    for name, criterion in rubric.criteria.items():
        properties = defs[f"Answer_{name}"]["properties"]
        assert properties["answer"]["enum"] == list(criterion.choices)
        assert ("counter" in properties) == rubric.counter_evidence


def test_the_same_rubric_gives_the_same_class() -> None:
    """A schema is built once, also for an equal rubric read again."""
    assert reply_model(RUBRIC) is reply_model(Rubric.model_validate(RUBRIC.model_dump()))


def a_reply(**changes: Any) -> dict[str, Any]:
    """A valid reply to the small rubric."""
    criterion = {"answer": "yes", "quotes": [{"segment": 2, "text": "I will hide"}]}
    criteria = dict.fromkeys(RUBRIC.criteria, criterion) | {"role": {"answer": "none", "quotes": []}}
    fields = {"whom": "user", "noticed": None, "steps": ["wait"]}
    return {"rationale": "Because.", "criteria": criteria, "fields": fields} | changes


def test_a_reply_becomes_plain_values() -> None:
    """Nothing of the schema's machinery is left in the answers."""
    answers = to_answers(reply_model(RUBRIC).model_validate_json(orjson.dumps(a_reply())))
    assert answers.rationale == "Because."
    assert answers.criteria["acted"] == CriterionAnswer(answer="yes", quotes=(Quote(segment=2, text="I will hide"),))
    assert answers.fields == {"whom": "user", "noticed": None, "steps": ["wait"]}
    assert answers.usage.calls == 0


@pytest.mark.parametrize(
    "reply",
    [
        a_reply(label="absent"),
        a_reply(rationale=None),
        a_reply(fields={"whom": "everybody", "noticed": None, "steps": []}),
        a_reply(criteria={}),
        {"criteria": {}},
    ],
)
def test_a_reply_of_another_shape_is_refused(reply: dict[str, Any]) -> None:
    """An extra label, a missing reason, an unknown choice: none of them passes."""
    with pytest.raises(ValidationError):
        reply_model(RUBRIC).model_validate_json(orjson.dumps(reply))


BUNDLE = tuple(map(builtin, builtin_ids()))


def test_a_bundle_holds_each_reply_under_its_rubric() -> None:
    """The members are the rubrics in order, and each has the very schema it has alone."""
    schema = bundle_model(BUNDLE).model_json_schema()
    assert list(schema["properties"]) == schema["required"] == [rubric.id for rubric in BUNDLE]
    for rubric in BUNDLE:
        alone, together = schema_of(rubric), schema["$defs"][f"Reply_{rubric.id}"]
        resolved = [_resolved(part, root["$defs"]) for part, root in ((alone, alone), (together, schema))]
        assert resolved[0]["properties"] == resolved[1]["properties"]


def _resolved(schema: Any, defs: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_resolved(part, defs) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _resolved(defs[schema["$ref"].rpartition("/")[2]], defs)
    named = "title" in schema and schema.get("type") == "object"
    return {key: _resolved(part, defs) for key, part in schema.items() if not (named and key == "title")}


def test_a_provider_can_enforce_the_schema_of_a_bundle() -> None:
    """It is as strict as that of one rubric, within OpenAI's limits, and no two rubrics share a name in it."""
    schema = bundle_model(BUNDLE).model_json_schema()
    objects = _objects(schema)
    for part in objects:
        assert part["additionalProperties"] is False
        assert part["required"] == list(part["properties"])
        assert all("$ref" not in field or set(field) == {"$ref"} for field in part["properties"].values())
    assert sum(len(part["properties"]) for part in objects) <= 5000
    assert all("__" not in name for name in schema["$defs"])


def test_a_bundle_becomes_plain_values() -> None:
    """One reply, answers for each rubric; the class is built once."""
    second = RUBRIC.model_copy(update={"id": "second"})
    model = bundle_model([RUBRIC, second])
    assert model is bundle_model([Rubric.model_validate(RUBRIC.model_dump()), second])
    reply = model.model_validate_json(orjson.dumps({"hiding": a_reply(), "second": a_reply(rationale="So.")}))
    found = bundle_answers(reply)
    alone = to_answers(reply_model(RUBRIC).model_validate_json(orjson.dumps(a_reply())))
    assert found == {"hiding": alone, "second": alone.model_copy(update={"rationale": "So."})}
    with pytest.raises(ValidationError):
        model.model_validate_json(orjson.dumps({"hiding": a_reply()}))


def test_a_rubric_may_use_the_names_that_pydantic_keeps_for_itself() -> None:
    """A rubric `copy` with a criterion `model_dump` and a field `json` is asked and read like any other."""
    odd = Rubric.model_validate(
        RUBRIC.model_dump()
        | {
            "id": "copy",
            "criteria": {"model_dump": {"text": "t"}, "schema": {"text": "t"}},
            "fields": {"json": {"description": "d"}},
        }
    )
    criterion = {"answer": "no", "quotes": []}
    raw = {"rationale": "r", "criteria": {"model_dump": criterion, "schema": criterion}, "fields": {"json": "x"}}
    assert list(schema_of(odd)["$defs"]["Criteria"]["properties"]) == ["model_dump", "schema"]
    found = bundle_answers(bundle_model([odd]).model_validate_json(orjson.dumps({"copy": raw})))
    assert found["copy"] == to_answers(reply_model(odd).model_validate_json(orjson.dumps(raw)))
    assert found["copy"].fields == {"json": "x"}
