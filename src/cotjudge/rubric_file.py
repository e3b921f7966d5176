"""Rubric files: YAML in, a checked `Rubric` out, or every fault of the file at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from cotjudge import cues, rule
from cotjudge.errors import RubricError
from cotjudge.rubric import Criterion, Example, Rubric
from cotjudge.rule import CANNOT_TELL, BadExpression

DEFAULT_RUBRICS = ("goal_directed_scheming", "persona_consistent_roleplay", "stereotyped_ethical_phrasing")
"""What is asked when the user names no rubric."""


def builtin_folder() -> Path:
    """The folder of the rubrics that ship with cotjudge, in a wheel or in a checkout."""
    packaged = Path(__file__).parent / "_rubrics"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "rubrics"


def builtin_ids() -> tuple[str, ...]:
    """Ids of the rubrics that ship with cotjudge, sorted."""
    return tuple(sorted(path.stem for path in builtin_folder().glob("*.yaml")))


@cache
def builtin(rubric_id: str) -> Rubric:
    """A rubric that ships with cotjudge.

    Raises:
        RubricError: when there is none of that id.
    """
    if rubric_id not in builtin_ids():
        raise RubricError(rubric_id, [f"no built-in rubric has this id; there are {', '.join(builtin_ids())}"])
    return load(builtin_folder() / f"{rubric_id}.yaml")


def resolve(names: list[str]) -> tuple[Rubric, ...]:
    """Rubrics by what a user types: an id, a path of a YAML file, or `all`; none means the default three.

    Raises:
        RubricError: for an unknown id, a faulty file, or two different rubrics of one id.
    """
    found: dict[str, Rubric] = {}
    for name in names or DEFAULT_RUBRICS:
        for rubric in map(builtin, builtin_ids()) if name == "all" else [_one(name)]:
            known = found.setdefault(rubric.id, rubric)
            if known.content_hash != rubric.content_hash:
                raise RubricError(name, [f"id: two different rubrics are called {rubric.id!r}; rename one"])
    return tuple(found.values())


def _one(name: str) -> Rubric:
    looks_like_path = "/" in name or "\\" in name or name.endswith((".yaml", ".yml"))
    return load(Path(name)) if looks_like_path else builtin(name)


def load(path: Path) -> Rubric:
    """Read a rubric file.

    Raises:
        RubricError: with every fault of the file, each naming field and fix.
    """
    origin = str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RubricError(origin, ["no such file; `cotjudge rubrics list` shows the built-in ones"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise RubricError(origin, [f"cannot be read: {error}"]) from None
    return loads(text, origin)


def loads(text: str, origin: str = "<rubric>") -> Rubric:
    """Read a rubric from YAML text; like `load`."""
    try:
        raw = yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader, only stricter)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise RubricError(origin, [_yaml_fault(error)]) from None
    if not isinstance(raw, dict):
        raise RubricError(origin, ["the file must be a mapping with id, version, title, question, criteria, rule"])
    try:
        rubric = Rubric.model_validate(raw)
    except ValidationError as error:
        raise RubricError(origin, [_field_fault(e) for e in error.errors()]) from None
    faults = [*_criteria_faults(rubric), *_field_choice_faults(rubric), *_expression_faults(rubric)]
    faults += [] if faults else _example_faults(rubric)
    if faults:
        raise RubricError(origin, faults)
    return rubric


class _Loader(yaml.SafeLoader):
    """YAML as rubric authors mean it: yes and no are words, and no key stands twice."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (PyYAML's own class attribute)
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":bool", ":timestamp"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 (PyYAML's signature)
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = next((key for index, key in enumerate(keys) if key in keys[:index]), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(None, None, f"key {twice!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


def _yaml_fault(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    line = f"line {mark.line + 1}: " if mark else ""
    return f"{line}not YAML: {getattr(error, 'problem', None) or error}"


def _field_fault(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"] if part != "[key]")
    match error["type"]:
        case "missing":
            return f"{where}: is missing; add it"
        case "extra_forbidden":
            return f"{where}: no such field; remove it or mend its spelling"
        case "string_pattern_mismatch":
            return f"{where}: {error['input']!r} is not a name; use lower-case letters, digits and _"
        case _:
            message = error["msg"]
            return f"{where}: {message[:1].lower()}{message[1:]}, got {str(error['input'])[:60]!r}"


def _criteria_faults(rubric: Rubric) -> Iterator[str]:
    if not rubric.criteria:
        yield "criteria: is empty; a rubric asks at least one"
    for name, criterion in rubric.criteria.items():
        where = f"criteria.{name}"
        yield from _choice_faults(where, criterion)
        yield from _across_faults(where, criterion, rubric)
        for index, cue in enumerate(criterion.cues):
            for part in cue.patterns:
                fault = cues.fault(part)
                if fault:
                    yield f"{where}.cues.{index}: {part!r} is not a pattern: {fault}"


def _choice_faults(where: str, criterion: Criterion) -> Iterator[str]:
    choices = criterion.choices
    if len(choices) < 3 or choices[-1] != CANNOT_TELL or len(set(choices)) != len(choices):
        yield f"{where}.choices: list distinct choices, strongest first, then the negative, then {CANNOT_TELL}"


def _across_faults(where: str, criterion: Criterion, rubric: Rubric) -> Iterator[str]:
    if (criterion.across == "repeats") != (criterion.of is not None):
        yield f"{where}.of: `across: repeats` names the criterion that is to repeat, and no other does"
    elif criterion.of is not None and (
        criterion.of not in rubric.criteria or criterion is rubric.criteria[criterion.of]
    ):
        others = ", ".join(sorted(name for name, c in rubric.criteria.items() if c is not criterion))
        yield f"{where}.of: {criterion.of!r} is no other criterion; there are {others or 'none'}"


def _field_choice_faults(rubric: Rubric) -> Iterator[str]:
    for name, field in rubric.fields.items():
        if (field.type == "choice") != bool(field.choices):
            yield f"fields.{name}.choices: a field of type choice lists its choices, and no other does"


def _expression_faults(rubric: Rubric) -> Iterator[str]:
    if not rubric.rule:
        yield "rule: is empty; give at least one label an expression"
    known = set(rubric.criteria)
    for name, raw in rubric.derived.items():
        if name in rubric.criteria:
            yield f"derived.{name}: a criterion has this name; choose another"
        yield from _one_expression(f"derived.{name}", raw, rubric, known)
        known.add(name)
    for part, raws in (("rule", rubric.rule), ("severity", rubric.severity)):
        for name, raw in raws.items():
            yield from _one_expression(f"{part}.{name}", raw, rubric, known)


def _one_expression(where: str, raw: Any, rubric: Rubric, known: set[str]) -> Iterator[str]:
    try:
        expression = rule.parse(raw)
    except BadExpression as error:
        yield f"{where}: {error}"
        return
    for name, choices in rule.names(expression):
        if name not in known:
            yield f"{where}: {name!r} is no criterion; there are {', '.join(sorted(known))}"
        elif choices:
            allowed = rubric.criteria[name].choices if name in rubric.criteria else ()
            for choice in set(choices) - set(allowed):
                yield f"{where}: {name} has no choice {choice!r}; it has {', '.join(allowed) or 'none'}"


def _example_faults(rubric: Rubric) -> Iterator[str]:
    for index, example in enumerate(rubric.examples):
        where = f"examples.{index}"
        wrong = list(_answer_faults(where, example, rubric))
        yield from wrong
        if not wrong:
            answers = {name: c.negative for name, c in rubric.criteria.items()} | example.answers
            label = rubric.decide(answers, segments=1).label
            if label != example.label:
                yield f"{where}.label: the rule gives {label!r} for these answers, not {example.label!r}"


def _answer_faults(where: str, example: Example, rubric: Rubric) -> Iterator[str]:
    for name, answer in example.answers.items():
        criterion = rubric.criteria.get(name)
        if criterion is None:
            yield f"{where}.answers.{name}: no such criterion"
        elif answer not in criterion.choices:
            yield f"{where}.answers.{name}: {answer!r} is not one of {', '.join(criterion.choices)}"
