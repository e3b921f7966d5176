"""From what a user types after `--judge` to a judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotjudge import settings, stats
from cotjudge.errors import SettingsError
from cotjudge.judges.base import AnyJudge
from cotjudge.rubric import Rubric

if TYPE_CHECKING:
    from cotjudge.judges.judge_file import NamedJudge
    from cotjudge.judges.means import Means

_BENCHES = ("panel", "cascade")
_PROFILED = ("calibrated", "student")


def make(
    spec: str,
    *,
    means: Means | None = None,
    bundle: Sequence[Rubric] = (),
    named: Mapping[str, NamedJudge] | None = None,
    profiles: Path | None = None,
    **llm_settings: Any,
) -> AnyJudge:
    """The judge of a spec.

    A spec is `lexical`, a litellm model, `decisions:MODEL`, `panel:A,B,...`, `cascade:A,B,...`, `calibrated:NAME`,
    `student:NAME`, or a name.

    Args:
        spec: what the user typed.
        means: what the LLM judges of one run share; none where they need not share.
        bundle: rubrics that an LLM judge asks together.
        named: judges of the user's, by name (`judge_file.load`).
        profiles: the folder of `calibrated:NAME` and `student:NAME`; `settings.profiles()` where None.
        llm_settings: fields of `judges.llm_settings.LLMSettings`, for every LLM judge in it; a named one's own
            settings are changed by them.

    Raises:
        SettingsError: for an empty or unusable spec, or an LLM judge without the `llm` extra.
    """
    return _Making(means, bundle, named or {}, profiles, llm_settings).judge(spec)


class _Making:
    def __init__(
        self,
        means: Means | None,
        bundle: Sequence[Rubric],
        named: Mapping[str, NamedJudge],
        profiles: Path | None,
        llm_settings: Mapping[str, Any],
    ) -> None:
        self._means = means
        self._bundle = bundle
        self._named = named
        self._profiles = profiles
        self._llm_settings = llm_settings
        self._within: tuple[str, ...] = ()

    def judge(self, spec: str) -> AnyJudge:
        spec = spec.strip()
        if not spec:
            raise SettingsError("--judge is empty; use lexical, or a model such as openai/gpt-5-mini")
        if spec in self._named:
            return self._by_name(spec)
        kind, colon, rest = spec.partition(":")
        if colon and kind in _BENCHES:
            return self._bench(kind, rest.split(","))
        return self._single(spec, spec, self._llm_settings)

    def _single(self, spec: str, name: str, llm: Mapping[str, Any]) -> AnyJudge:
        if spec == "lexical":
            from cotjudge.judges.lexical import LexicalJudge

            return LexicalJudge()
        kind, _, model = spec.partition(":")
        if kind in _PROFILED:
            return self._of_profile(spec, name)
        from cotjudge.judges.llm_settings import LLMSettings

        if kind == "decisions":
            from cotjudge.judges.decisions import DecisionsJudge

            return DecisionsJudge(model, LLMSettings(**llm), means=self._means, name=name)
        from cotjudge.judges.llm import LLMJudge

        return LLMJudge(spec, LLMSettings(**llm), means=self._means, bundle=self._bundle, name=name)

    def _of_profile(self, spec: str, name: str) -> AnyJudge:
        kind, _, rest = spec.partition(":")
        if self._bundle:
            raise SettingsError(f"--bundle asks one LLM; it cannot be combined with {kind}:{rest}")
        stats.require(("numpy",) if kind == "calibrated" else ("numpy", "scipy", "sklearn"))
        from cotjudge.judges import profile

        if spec in self._within:
            raise SettingsError(f"{spec} is fitted to itself; fit it again with {profile.MADE_BY[kind]}")
        found = profile.load(
            self._profiles or settings.profiles(), "student" if kind == "student" else "calibrated", rest
        )
        if isinstance(found, profile.StudentProfile):
            from cotjudge.judges.student import StudentJudge

            return StudentJudge(found, name)
        from cotjudge.judges.calibrated import Calibrated

        self._within += (spec,)
        try:
            return Calibrated(self.judge(found.judge), found, name)
        finally:
            self._within = self._within[:-1]

    def _by_name(self, name: str) -> AnyJudge:
        if name in self._within:
            circle = " -> ".join((*self._within, name))
            raise SettingsError(f"judges.{name} is a member of itself: {circle}")
        found = self._named[name]
        if found.model is not None:
            return self._single(found.model, name, _merged(found.settings(), self._llm_settings))
        self._within += (name,)
        try:
            if found.panel is not None:
                return self._bench("panel", found.panel, name)
            return self._bench("cascade", found.cascade or (), name, escalate=found.escalate, band=found.band)
        finally:
            self._within = self._within[:-1]

    def _bench(self, kind: str, specs: Sequence[str], name: str = "", **options: Any) -> AnyJudge:
        specs = [spec for spec in specs if spec.strip()]
        if len(specs) < 2:
            raise SettingsError(
                f"--judge {kind}:... needs at least two judges, such as {kind}:lexical,openai/gpt-5-mini"
            )
        if self._bundle:
            raise SettingsError(f"--bundle asks one judge; it cannot be combined with a {kind}")
        members = [self.judge(spec) for spec in specs]
        if kind == "panel":
            from cotjudge.judges.panel import Panel

            return Panel(members, name)
        from cotjudge.judges.cascade import Cascade

        return Cascade(members, name=name, **options)


def _merged(own: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A named judge's settings, changed by those of the command line; parameters for litellm one by one."""
    params = {**own.get("params", {}), **given.get("params", {})}
    return {**own, **given} | ({"params": params} if params else {})
