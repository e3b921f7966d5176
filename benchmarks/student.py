"""How fast a student is on one core: taught by the embedded judge on data/gold and data/samples, then asked about them.

`python benchmarks/student.py [REPEATS]`
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cotjudge import readers
from cotjudge.judgement import Case, Question
from cotjudge.judges import registry
from cotjudge.judges.student import text_of
from cotjudge.rubric import Rubric
from cotjudge.rubric_file import builtin
from cotjudge.trace import Trace

ROOT = Path(__file__).resolve().parents[1]
DUMPS = [str(ROOT / "data" / "gold" / "traces"), str(ROOT / "data" / "samples")]
RUBRICS = ("persona_consistent_roleplay", "stereotyped_ethical_phrasing")
"""Those of which the embedded judge says `present` often enough to be learned."""


def taught(folder: Path) -> None:
    """A profile `student:lexical` in the folder."""
    cotjudge = [sys.executable, "-m", "cotjudge"]
    rubrics = [part for rubric in RUBRICS for part in ("--rubric", rubric)]
    for command in (["score", *DUMPS], ["distil", "--name", "lexical"]):
        options = ["--judge", "lexical", "--db", str(folder / "student.duckdb"), *rubrics]
        subprocess.run([*cotjudge, *command, *options], cwd=folder, check=True, capture_output=True)


async def ask(spec: str, traces: list[Trace], rubrics: list[Rubric], folder: Path) -> float:
    """Seconds of processor time to judge every trace by every rubric."""
    judge = registry.make(spec, profiles=folder / "profiles")
    questions = [Question.of(rubric, judge) for rubric in rubrics]
    begun = time.process_time()
    for trace in traces:
        for question in questions:
            case = Case.of(trace, question, None, "run")
            case.decide(trace, await judge.answer(trace, question.rubric))  # type: ignore[attr-defined]
    return time.process_time() - begun


def main() -> None:
    """Teach, ask, print."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    rubrics = [builtin(rubric) for rubric in RUBRICS]
    found = {t.trace_id: t for t in readers.read(DUMPS) if isinstance(t, Trace)}
    traces = [t for t in found.values() if text_of(t, rubrics[0])]
    with tempfile.TemporaryDirectory() as folder:
        taught(Path(folder))
        size = (Path(folder) / "profiles" / "student-lexical.json").stat().st_size
        rates = []
        for spec in ("student:lexical", "lexical"):
            for count in (1, len(rubrics)):
                seconds = min(asyncio.run(ask(spec, traces, rubrics[:count], Path(folder))) for _ in range(repeats))
                rates.append(
                    f"{spec}: {len(traces) / seconds:,.0f} traces/s and core, {count} rubric{'s' * (count > 1)}"
                )
    chars = sum(len(text_of(t, rubrics[0])) for t in traces) / len(traces)
    print(f"{len(traces)} traces, {chars:,.0f} characters each; profile {size:,} bytes", *rates, sep="\n")


if __name__ == "__main__":
    main()
