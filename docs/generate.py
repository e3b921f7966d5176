"""Write the generated pages: commands, formats, database, rubrics. `make docs` runs it; tests/test_docs.py holds it.

Each page is a function of the code alone, so a page that is out of step is a failing test and one command away.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

DOCS = Path(__file__).parent
COMMANDS = (
    (),
    ("score",),
    ("sql",),
    ("show",),
    ("prompt",),
    ("read",),
    ("rubrics",),
    ("rubrics", "list"),
    ("rubrics", "show"),
    ("rubrics", "check"),
    ("doctor",),
)


def cli() -> str:
    """Every command's help."""
    from typer.testing import CliRunner

    from cotjudge.cli.main import app

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
    """Every table and column of the database."""
    from cotjudge.store.document import schema_markdown

    return schema_markdown()


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
