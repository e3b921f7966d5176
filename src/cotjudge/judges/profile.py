"""Judge profiles: what was fitted to verdicts, kept as one JSON file each in a folder.

`calibrated:NAME` is a judge whose scores are read another way; `student:NAME` is a text classifier that learned from a
judge. A profile's hash covers everything in it but when it was made; it is part of the judgement key, and a file whose
content is not what its hash says is refused.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from cotjudge.errors import SettingsError
from cotjudge.stats.calibration import IsotonicMap, Threshold
from cotjudge.stats.texts import Grams, TextModel
from cotjudge.trace import Value

Kind = Literal["calibrated", "student"]

MADE_BY: Mapping[str, str] = {"calibrated": "cotjudge calibrate", "student": "cotjudge distil"}
"""Kind of profile -> the command that makes one."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SAYS_NOTHING = frozenset({"hash", "created_at"})


class Calibration(Value):
    """How one rubric's scores are read."""

    rubric_hash: str
    """Hash of the part of the rubric that the judge reads; the scores of another version mean something else."""
    map: Threshold | IsotonicMap
    """From a score to the label, or to a probability."""


class Lesson(Value):
    """What a student learned about one rubric."""

    question_hash: str
    """Hash of the rubric without cues and examples, as the teacher answered it."""
    low: Annotated[float, Field(ge=0, le=1)]
    """Probabilities up to here settle that the label is the rubric's `otherwise`."""
    high: Annotated[float, Field(ge=0, le=1)]
    """Probabilities from here on settle that it is the rubric's first label; between the two it is undecided."""
    probe: float
    """The probability of `student.PROBE`: another scikit-learn that hashes otherwise gives another one."""
    model: TextModel
    """From the judged text to a probability."""


class _Profile(Value):
    """What both kinds say."""

    name: str
    """Its name: letters, digits, dot, dash, underscore."""
    version: str
    """The cotjudge that made it."""
    figures: dict[str, Any]
    """Rubric -> what it was found to be worth when it was made."""
    created_at: datetime
    """When it was made (UTC)."""
    hash: str = ""
    """Hash of everything else but `created_at`."""

    @property
    def content_hash(self) -> str:
        """What `hash` has to be."""
        raw = orjson.dumps(self.model_dump(mode="json", exclude=set(_SAYS_NOTHING)), option=orjson.OPT_SORT_KEYS)
        return hashlib.blake2b(raw, digest_size=16).hexdigest()

    def sealed(self) -> Self:
        """The same with its hash."""
        return self.model_copy(update={"hash": self.content_hash})


class CalibratedProfile(_Profile):
    """A judge whose scores are read another way."""

    kind: Literal["calibrated"] = "calibrated"
    """What it is."""
    judge: str
    """The judge, as the user named it."""
    judge_hash: str
    """Hash of its identity when it was fitted."""
    judge_identity: dict[str, Any]
    """That identity, for people."""
    prompt_version: str
    """The version of its prompt."""
    labels: str
    """The annotator whose labels it was fitted to."""
    rubrics: dict[str, Calibration]
    """Rubric -> how its scores are read."""


class StudentProfile(_Profile):
    """A text classifier that learned from a judge's verdicts."""

    kind: Literal["student"] = "student"
    """What it is."""
    teacher: str
    """The judge, as the user named it."""
    sklearn: str
    """The version of scikit-learn that made it."""
    grams: Grams
    """What is counted in a text."""
    rubrics: dict[str, Lesson]
    """Rubric -> what was learned."""


Profile = CalibratedProfile | StudentProfile

_ANY: TypeAdapter[Profile] = TypeAdapter(Annotated[Profile, Field(discriminator="kind")])


def check_name(name: str) -> str:
    """The name, if it can be one.

    Raises:
        SettingsError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"{name!r} is no name of a profile; take letters, digits, dots, dashes and underscores, such as strict-2"
        )
    return name


def save(profile: Profile, folder: Path) -> Path:
    """Write a profile, in place of one of the same kind and name; returns its file.

    Raises:
        SettingsError: the name cannot be one, or the file cannot be written.
    """
    path = _path(folder, profile.kind, check_name(profile.name))
    raw = profile.sealed().model_dump(mode="json")
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(orjson.dumps(raw, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        scratch.replace(path)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written ({error.strerror})") from None
    return path


def load(folder: Path, kind: Kind, name: str) -> Profile:
    """Read a profile.

    Raises:
        SettingsError: there is none of that name (the message lists what there is), it is broken, or it was changed.
    """
    path = _path(folder, kind, check_name(name))
    try:
        profile = _ANY.validate_python(orjson.loads(path.read_bytes()))
    except FileNotFoundError:
        raise SettingsError(f"there is no profile {kind}:{name} in {folder}; {_there(folder, kind)}") from None
    except (OSError, orjson.JSONDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read as a profile ({error}); {_again(kind)}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "kind"
        raise SettingsError(f"{path}: {where}: {first['msg']}; {_again(kind)}") from None
    if (profile.kind, profile.name) != (kind, name):
        raise SettingsError(f"{path}: holds {profile.kind}:{profile.name}; {_again(kind)}")
    if profile.hash != profile.content_hash:
        raise SettingsError(f"{path}: hash: the content was changed since the profile was made; {_again(kind)}")
    return profile


def names(folder: Path) -> tuple[str, ...]:
    """The profiles of a folder as judges are named: `student:NAME`; none where there is no such folder."""
    found = (path.stem.partition("-") for path in folder.glob("*.json"))
    return tuple(sorted(f"{kind}:{name}" for kind, dash, name in found if dash and kind in MADE_BY))


def _path(folder: Path, kind: str, name: str) -> Path:
    return folder / f"{kind}-{name}.json"


def _there(folder: Path, kind: str) -> str:
    known = names(folder)
    return f"there are {', '.join(known)}" if known else f"none yet; {MADE_BY[kind]} makes one"


def _again(kind: str) -> str:
    return f"make it again with {MADE_BY[kind]}"
