from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.command import Cli

from cotjudge.testing import FakeLLM

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RUNNABLE = re.findall(r"<!-- runs -->\n```(console|python)\n(.*?)```", README, re.DOTALL)


def _generator() -> object:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = _generator()
PAGES = GENERATOR.PAGES  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_in_step_with_the_code(name: str) -> None:
    """`make docs` would change nothing."""
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == PAGES[name]().rstrip() + "\n"


def test_every_command_of_the_readme_runs(tmp_path: Path) -> None:
    """The blocks marked as runnable do what they say, one after another, in an empty folder beside the samples."""
    shutil.copytree(ROOT / "data", tmp_path / "data")
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path), "COLUMNS": "120"}
    assert {kind for kind, _ in RUNNABLE} == {"console", "python"}
    for kind, block in RUNNABLE:
        commands = [[sys.executable, "-c", block]] if kind == "python" else [["bash", "-ec", block]]
        for command in commands:
            done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"


EXAMPLES = {
    page.name: re.findall(r"<!-- runs -->\n```console\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    for page in sorted((ROOT / "docs").glob("*.md"))
}


LONG = {"agreement.md", "calibration.md", "judging.md", "prevalence.md", "stability.md", "student.md"}
"""Pages whose examples take ten seconds and more."""


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in LONG else [])
        for name, examples in EXAMPLES.items()
        if examples
    ],
)
def test_every_example_of_a_page_runs(page: str, tmp_path: Path) -> None:
    """One after another in one folder, against the fake model; each ends with the status the page says."""
    shutil.copytree(ROOT / "data", tmp_path / "data")
    cli = Cli(tmp_path)
    with FakeLLM() as server:
        for line in "".join(EXAMPLES[page]).splitlines():
            command, _, remark = line.replace("$LLM", server.url).partition("  # ")
            program, *arguments = shlex.split(command)
            assert program == "cotjudge"
            done = cli.inside(*arguments)
            wanted = int(remark.removeprefix("exit status ")) if remark.startswith("exit status") else 0
            assert done.code == wanted or remark == "any exit status", f"{line}\n{done.out}\n{done.err}"


def test_the_page_on_judging_shows_every_feature_at_work() -> None:
    """Its examples are what people copy; none is lost by accident."""
    assert len(EXAMPLES["judging.md"]) >= 12


@pytest.mark.parametrize(
    "page",
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md"), *ROOT.glob("data/**/*.md")],
    ids=str,
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """No relative link of the documentation is broken."""
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page}: {target}"
