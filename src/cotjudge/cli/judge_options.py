"""From the options of a command line to a judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotjudge.errors import SettingsError

if TYPE_CHECKING:
    from cotjudge.judges.base import AnyJudge
    from cotjudge.rubric import Rubric

JUDGE_HELP = (
    "`lexical` (embedded; no key, no network), a litellm model, `decisions:MODEL`, `panel:A,B,...`, `cascade:A,B,...`, "
    "`calibrated:NAME` or `student:NAME` (see `calibrate`, `distil`), "
    "or a name in cotjudge.toml. Default: COTJUDGE_JUDGE."
)


@dataclass(frozen=True)
class JudgeOptions:
    """What a user said about who judges, and how."""

    judge: str | None = None
    """The judge's spec; the environment's default where None."""
    params: Sequence[str] = ()
    """NAME=VALUE each."""
    api_base: str | None = None
    """Where an LLM judge is served."""
    samples: int | None = None
    """Draws per judgement."""
    shots: int | None = None
    """Worked examples of the rubric in the prompt."""
    logprobs: bool = False
    """Whether scores are made of the answers' log-probabilities."""
    bundle: bool = False
    """Whether all rubrics are asked in one call."""
    window_tokens: int | None = None
    """Tokens of a trace in one call."""
    redact: bool = False
    """Whether emails, keys and phone numbers are masked."""
    redact_patterns: Sequence[str] = ()
    """Further patterns to mask."""
    budget_usd: float | None = None
    """US dollars that the run may spend."""
    rpm: int | None = None
    """Calls a minute."""
    tpm: int | None = None
    """Tokens a minute."""
    concurrency: int | None = None
    """Calls at once; adaptive where None."""
    db: Path | None = None
    """The database, as given; judge profiles are beside it."""

    def make(self, rubrics: Sequence[Rubric]) -> AnyJudge:
        """The judge.

        Raises:
            SettingsError: a bad option, a fault in cotjudge.toml, or an unusable judge.
        """
        from cotjudge import settings
        from cotjudge.judges import judge_file, registry
        from cotjudge.judges.means import Means

        return registry.make(
            settings.judge(self.judge),
            means=Means(budget_usd=self.budget_usd, rpm=self.rpm, tpm=self.tpm, concurrency=self.concurrency),
            bundle=rubrics if self.bundle else (),
            named=judge_file.load(settings.judge_file()),
            profiles=settings.profiles(self.db),
            **({"cache_prefix": False} if len(rubrics) == 1 and (self.samples or 1) == 1 else {}),
            **self.settings(),
        )

    def settings(self) -> dict[str, Any]:
        """Fields of `LLMSettings` that were given.

        Raises:
            SettingsError: for an option that is not NAME=VALUE, or a value of the wrong type.
        """
        given = {
            "samples": self.samples,
            "shots": self.shots,
            "logprobs": self.logprobs or None,
            "window_tokens": self.window_tokens,
            "redact": tuple(self.redact_patterns) if self.redact or self.redact_patterns else None,
        }
        return parse(self.params, self.api_base) | {name: value for name, value in given.items() if value is not None}


def parse(params: Sequence[str], api_base: str | None) -> dict[str, Any]:
    """Fields of `LLMSettings`: known names as they are, every other one under `params`, passed on to litellm.

    Values are read as JSON where they are JSON (`0.5`, `true`, `{"type": "x"}`), as text otherwise.

    Raises:
        SettingsError: for an option that is not NAME=VALUE, or a value of the wrong type.
    """
    from pydantic import ValidationError

    from cotjudge.judges.llm import LLMSettings

    settings: dict[str, Any] = {} if api_base is None else {"api_base": api_base}
    passed_on: dict[str, Any] = {}
    for option in params:
        name, equals, text = option.partition("=")
        if not equals or not name:
            raise SettingsError(f"--param {option!r} is not NAME=VALUE, such as temperature=0.5")
        known = name in LLMSettings.model_fields and name != "params"
        (settings if known else passed_on)[name] = _value(text)
    settings |= {"params": passed_on} if passed_on else {}
    try:
        LLMSettings.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(f"--param {first['loc'][0]}: {first['msg']} (got {first['input']!r})") from None
    return settings


def _value(text: str) -> Any:
    import orjson

    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
