"""`cotjudge.toml`: judges with a name and settings of their own.

    [judges.careful]
    model = "openai/gpt-5-mini"
    temperature = 0.7
    samples = 5

    [judges.board]
    panel = ["careful", "anthropic/claude-sonnet-4-5", "lexical"]

    [judges.screened]
    cascade = ["lexical", "careful"]
    escalate = ["uncertain", "band"]
    band = [0.1, 0.9]

Every further key of a judge with a `model` is a setting of `LLMSettings`, or is passed on to litellm.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationError, model_validator

from cotjudge.errors import SettingsError
from cotjudge.judges.cascade import BAND, DOUBTS, Doubt
from cotjudge.judges.llm_settings import LLMSettings
from cotjudge.trace import Value

_ONE_OF = ("model", "panel", "cascade")
_LLM = frozenset(LLMSettings.model_fields) - {"params"}
_Share = Annotated[float, Field(ge=0, le=1)]
_Members = Annotated[tuple[str, ...], Field(min_length=2)]


class NamedJudge(Value):
    """One `[judges.NAME]` table."""

    model_config = ConfigDict(extra="allow")

    model: str | None = None
    """A judge as it would be typed after `--judge`: a litellm model, `decisions:MODEL`, `lexical`."""
    panel: _Members | None = None
    """Members of a panel."""
    cascade: _Members | None = None
    """Tiers of a cascade, cheapest first."""
    escalate: tuple[Doubt, ...] = DOUBTS
    """What sends a trace on to the next tier."""
    band: tuple[_Share, _Share] = BAND
    """Scores between these are in doubt."""

    @model_validator(mode="after")
    def _is_one_thing(self) -> NamedJudge:
        given = [name for name in _ONE_OF if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(_ONE_OF)}; found {', '.join(given) or 'none'}")
        if self.model is None and self.model_extra:
            raise ValueError(f"{', '.join(self.model_extra)}: settings of a model belong to a judge with `model`")
        return self

    def settings(self) -> dict[str, Any]:
        """Fields of `LLMSettings`: known names as they are, every other one under `params`."""
        given = self.model_extra or {}
        known = {name: value for name, value in given.items() if name in _LLM}
        passed_on = {name: value for name, value in given.items() if name not in _LLM}
        return known | ({"params": passed_on} if passed_on else {})


def load(path: Path) -> Mapping[str, NamedJudge]:
    """The named judges of a file; none where there is no such file.

    Raises:
        SettingsError: it cannot be read; every fault with its judge, its field and what is wrong.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    tables = raw.get("judges", {})
    if not isinstance(tables, dict):
        raise SettingsError(f"{path}: judges: write tables such as [judges.careful]")
    unknown = sorted(raw.keys() - {"judges", "mappings"})
    faults = [f"{name}: unknown; known are judges and mappings" for name in unknown]
    judges: dict[str, NamedJudge] = {}
    for name, table in tables.items():
        try:
            judges[name] = NamedJudge.model_validate(table)
            LLMSettings.model_validate(judges[name].settings())
        except ValidationError as error:
            faults += [f"judges.{name}{_at(e)}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors()]
    if faults:
        lines = "\n".join(f"  {fault}" for fault in faults)
        raise SettingsError(f"{path}: {len(faults)} fault{'s' * (len(faults) != 1)}\n{lines}")
    return judges


def _at(error: Mapping[str, Any]) -> str:
    return "".join(f".{part}" for part in error["loc"])
