"""`cotjudge.toml`, and specs of several judges."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotjudge.errors import SettingsError
from cotjudge.judges import judge_file, registry
from cotjudge.judges.cascade import Cascade
from cotjudge.judges.lexical import LexicalJudge
from cotjudge.judges.llm import LLMJudge
from cotjudge.judges.panel import Panel

FILE = """
[judges.careful]
model = "openai/small"
temperature = 0.7
samples = 5
reasoning_effort = "low"

[judges.board]
panel = ["careful", "openai/large", "lexical"]

[judges.screened]
cascade = ["lexical", "board"]
band = [0.1, 0.9]
escalate = ["band"]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "cotjudge.toml"
    path.write_text(text)
    return path


def test_named_judges_have_settings_of_their_own(tmp_path: Path) -> None:
    """A name on the command line is the judge in the file, members by name included."""
    named = judge_file.load(write(tmp_path, FILE))
    careful = registry.make("careful", named=named)
    assert isinstance(careful, LLMJudge)
    assert (careful.spec, careful.identity["model"]) == ("careful", "openai/small")
    assert (careful.settings.samples, careful.settings.params) == (5, {"reasoning_effort": "low"})
    screened = registry.make("screened", named=named)
    assert isinstance(screened, Cascade)
    assert (screened.spec, screened.band, screened.escalate) == ("screened", (0.1, 0.9), ("band",))
    assert [type(m) for m in screened.members] == [LexicalJudge, Panel]


def test_the_command_line_changes_what_the_file_says(tmp_path: Path) -> None:
    """Also parameters that are passed on, one by one."""
    named = judge_file.load(write(tmp_path, FILE))
    judge = registry.make("careful", named=named, samples=3, params={"top_p": 0.5})
    assert isinstance(judge, LLMJudge)
    assert (judge.settings.samples, judge.settings.temperature) == (3, 0.7)
    assert judge.settings.params == {"reasoning_effort": "low", "top_p": 0.5}


def test_a_name_changes_nothing_about_what_is_asked(tmp_path: Path) -> None:
    """The same judge under two names is one judge: what one paid for the other finds."""
    named = judge_file.load(write(tmp_path, '[judges.x]\nmodel = "openai/small"\n'))
    assert registry.make("x", named=named).identity == registry.make("openai/small").identity


def test_without_a_file_there_are_no_names(tmp_path: Path) -> None:
    """It is optional."""
    assert judge_file.load(tmp_path / "cotjudge.toml") == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[judges.x]\n", ["judges.x: give exactly one of model, panel, cascade; found none"]),
        ('[judges.x]\nmodel = "m"\npanel = ["a", "b"]\n', ["judges.x: give exactly one of", "found model, panel"]),
        ('[judges.x]\npanel = ["a"]\n', ["judges.x.panel", "at least 2"]),
        ('[judges.x]\npanel = ["a", "b"]\ntemperature = 1\n', ["judges.x: temperature: settings of a model belong"]),
        ('[judges.x]\nmodel = "m"\nsamples = 0\n', ["judges.x.samples"]),
        ('[judges.x]\ncascade = ["a", "b"]\nband = [0, 2]\nescalate = ["luck"]\n', ["2 faults", ".band", ".escalate"]),
        ("[judge.x]\n", ["judge: unknown; known are judges and mappings"]),
        ("judges = 3\n", ["write tables such as [judges.careful]"]),
        ("[judges.x\n", ["cotjudge.toml"]),
    ],
)
def test_every_fault_is_named(tmp_path: Path, text: str, told: list[str]) -> None:
    """With the file, the judge and the field."""
    path = write(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        judge_file.load(path)
    for part in [str(path), *told]:
        assert part in str(caught.value)


def test_a_judge_cannot_sit_on_its_own_bench(tmp_path: Path) -> None:
    """A circle is told as one."""
    named = judge_file.load(
        write(tmp_path, '[judges.x]\npanel = ["lexical", "y"]\n[judges.y]\npanel = ["x", "lexical"]\n')
    )
    with pytest.raises(SettingsError, match=r"judges\.x is a member of itself: x -> y -> x"):
        registry.make("x", named=named)


@pytest.mark.parametrize("spec", ["panel:", "panel:lexical", "cascade:lexical,", " "])
def test_a_bench_needs_two(spec: str) -> None:
    """One clear line, with an example."""
    with pytest.raises(SettingsError, match="such as"):
        registry.make(spec)


def test_a_bundle_asks_one_judge() -> None:
    """What a panel of bundles would be nobody could say."""
    from tests.test_judgement import RUBRIC

    with pytest.raises(SettingsError, match="cannot be combined with a panel"):
        registry.make("panel:openai/a,openai/b", bundle=(RUBRIC,))
