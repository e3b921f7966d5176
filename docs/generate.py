"""Write the generated pages: commands, formats, database, rubrics. `make docs` runs it; tests/test_docs.py holds it.

Each page is a function of the code alone, so a page that is out of step is a failing test and one command away.
"""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cotjudge.store import Store

DOCS = Path(__file__).resolve().parent
DATA = DOCS.parent / "data"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUERY_PARAMETERS = {
    "prevalence": {"by": "model", "rubric": "goal_directed_scheming"},
    "sources_of": {"trace": "fa080064"},
}
"""Values for parameters of named queries, where a default would show little."""

TIMES = {
    "store_info": ("created_at",),
    "traces": ("created_at",),
    "verdicts": ("created_at",),
    "runs": ("started_at", "finished_at"),
    "dumps": ("created_at",),
}

COMMANDS = (
    (),
    ("score",),
    ("batch",),
    ("batch", "status"),
    ("batch", "collect"),
    ("batch", "cancel"),
    ("prompt",),
    ("cost",),
    ("prevalence",),
    ("stability",),
    ("sql",),
    ("show",),
    ("label",),
    ("label", "import"),
    ("label", "next"),
    ("label", "list"),
    ("agree",),
    ("compare",),
    ("calibrate",),
    ("distil",),
    ("filter",),
    ("export",),
    ("import",),
    ("merge",),
    ("db",),
    ("db", "check"),
    ("db", "vacuum"),
    ("db", "stats"),
    ("db", "migrate"),
    ("read",),
    ("rubrics",),
    ("rubrics", "list"),
    ("rubrics", "show"),
    ("rubrics", "check"),
    ("selftest",),
    ("selftest", "injection"),
    ("doctor",),
)


def cli() -> str:
    """Every command's help."""
    from typer.testing import CliRunner

    from cotjudge.cli.main import build

    app = build()

    parts = ["# Commands", "", "Generated from `--help`.", ""]
    for words in COMMANDS:
        told = CliRunner(env={"COLUMNS": "100", "TERMINAL_WIDTH": "100"}).invoke(app, [*words, "--help"])
        text = told.output.replace("Usage: root", "Usage: cotjudge").rstrip()
        parts += [f"## {' '.join(('cotjudge', *words))}", "", "```text", text, "```", ""]
    return "\n".join(parts)


def formats() -> str:
    """What the readers read."""
    from cotjudge.readers.documentation import page

    return page()


def schema() -> str:
    """Every table, view and column of the database."""
    from cotjudge.store.document import schema_markdown

    with sample().connect() as connection:
        return schema_markdown(connection)


def queries() -> str:
    """Every named query with its answer on the samples."""
    from cotjudge.store.document import queries_markdown

    with sample().connect() as connection:
        return queries_markdown(connection, QUERY_PARAMETERS)


@cache
def sample() -> Store:
    """A database of the samples as the embedded judge judges them, the same wherever and whenever it is made."""
    import asyncio
    import json

    from cotjudge import api, scoring
    from cotjudge.dumps import Reading
    from cotjudge.judges import registry
    from cotjudge.rubric_file import builtin, builtin_ids
    from cotjudge.store import Label, Store

    folder = Path(tempfile.mkdtemp(prefix="cotjudge-docs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    store = Store(folder / "sample.duckdb")
    store.ensure()
    judge, rubrics = registry.make("lexical"), [builtin(rubric) for rubric in builtin_ids()]
    run = api.begin_run(judge, rubrics, {"paths": ["data/samples"]}).model_copy(
        update={"run_id": "run-1", "started_at": NOON, "version": "0.1.0"}
    )
    reading = Reading(paths=(str(DATA / "samples"),))
    dumps = scoring.dumps_of(reading, rubrics=rubrics, judge=judge, store=store)
    asyncio.run(scoring.score(dumps.items(), rubrics=rubrics, judge=judge, store=store, run=run))
    gold = [json.loads(line) for line in (DATA / "gold" / "labels.jsonl").read_text(encoding="utf-8").splitlines()]
    store.import_labels(
        Label(
            trace_id=line["trace_id"],
            rubric=rubric,
            annotator="gold",
            label=said["label"],
            criteria=said["criteria"],
            note=said["reason"],
            source="data/gold/labels.jsonl",
            created_at=NOON,
        )
        for line in gold
        if line["path"].startswith("data/samples/")
        for rubric, said in line["gold"].items()
    )
    _made_up(store)
    with store.connect(write=True) as connection:
        connection.execute("UPDATE sources SET path = replace(path, ?, '')", [f"{DATA.parent}/"])
        connection.execute("UPDATE dumps SET path = replace(path, ?, '')", [f"{DATA.parent}/"])
        connection.execute(
            "UPDATE dumps SET dump = md5('dump' || path), reading = md5('reading'), asked = md5('asked'), "
            'verdicts = \'{"run-1": {"verdicts": 288, "checksum": 618475290624}}\''
        )
        connection.execute("UPDATE verdicts SET latency_s = 0.004 WHERE judge = 'lexical'")
        connection.execute("UPDATE runs SET seconds = 1.5")
        connection.execute("UPDATE store_info SET cotjudge_version = '0.1.0'")
        for table, columns in TIMES.items():
            for column in columns:
                connection.execute(f"UPDATE {table} SET {column} = ?", [NOON.replace(tzinfo=None)])  # noqa: S608
    return store


def _made_up(store: Store) -> None:
    """Two judgements as an LLM's would be: one split over three draws, one failed."""
    from cotjudge.run import Run
    from cotjudge.verdict import Call, Failure, Usage

    llm, spent = "openai/gpt-5-mini", Usage(calls=1, input_tokens=2400, output_tokens=180, cost_usd=0.00096)
    ((like, *_), *_) = store.query(
        "SELECT key, trace_id FROM verdicts WHERE rubric = 'goal_directed_scheming' ORDER BY score DESC, trace_id"
    ).fetchall()
    whole = store.verdicts([like])[like]
    draws = Usage(calls=3, input_tokens=7200, cached_tokens=4096, output_tokens=540, cost_usd=0.00288)
    call = Call(model=llm, outcome="used", usage=spent, latency_s=2.5, created_at=NOON)
    verdict = whole.model_copy(
        update={
            "key": "0123456789abcdef0123456789abcdef",
            "judge": llm,
            "judge_hash": "fedcba9876543210fedcba9876543210",
            "prompt_version": "3",
            "label": "uncertain",
            "rationale": "The plan is stated; whether it is adopted is not.",
            "samples": 3,
            "votes": {"uncertain": 2, "present": 1},
            "agreement": 2 / 3,
            "score_kind": "votes",
            "score": 1 / 3,
            "usage": draws,
            "ledger": (call, call, call),
            "run_id": "run-2",
        }
    )
    failure = Failure(
        key="f0e1d2c3b4a5968778695a4b3c2d1e0f",
        trace_id=whole.trace_id,
        rubric="attribution",
        judge=llm,
        kind="truncated",
        reason="the answer was cut off after 180 tokens; raise --max-tokens",
        usage=spent,
        ledger=(call.model_copy(update={"outcome": "unusable"}),),
        latency_s=2.5,
        run_id="run-2",
        created_at=NOON,
    )
    run = Run(run_id="run-2", started_at=NOON, judge=llm, version="0.1.0", traces=1, judgements=2, judged=1, failed=1)
    with store.writer(run) as writer:
        writer.add_verdict(verdict)
        writer.add_failure(failure)
        writer.finish(run.model_copy(update={"status": "finished", "finished_at": NOON}))


def rubrics() -> str:
    """What each built-in rubric asks and how it decides."""
    from cotjudge.rubric_file import builtin, builtin_ids

    parts = ["# Rubrics", "", "Generated from `rubrics/`; `cotjudge rubrics show ID` says more.", ""]
    for rubric in map(builtin, builtin_ids()):
        parts += [f"## {rubric.id}", "", rubric.question, "", rubric.definition, ""]
        parts += ["| criterion | answers | weight | quotes from | what must be observable |", "|---|---|---|---|---|"]
        for name, c in rubric.criteria.items():
            text = " ".join(c.text.split()).replace("|", "\\|")
            parts.append(f"| `{name}` | {' / '.join(c.choices)} | {c.weight:g} | {c.evidence} | {text} |")
        parts += ["", f"Labels: {', '.join(rubric.labels)}.", ""]
        across = {"all": "must hold in all", "repeats": "is met by repetition of"}
        said = [
            f"`{n}` {across[c.across]}{f' `{c.of}`' * bool(c.of)}"
            for n, c in rubric.criteria.items()
            if c.across != "any"
        ]
        if said:
            parts += [
                f"Across the windows of a long trace: {', '.join(said)}; of the others the strongest answer counts.",
                "",
            ]
        if rubric.severity:
            parts += [f"Severity: {', '.join(rubric.severity)}.", ""]
    return "\n".join(parts)


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli,
    "formats.md": formats,
    "queries.md": queries,
    "rubrics.md": rubrics,
    "schema.md": schema,
}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page().rstrip() + "\n", encoding="utf-8")
        sys.stdout.write(f"docs/{name}\n")


if __name__ == "__main__":
    main()
