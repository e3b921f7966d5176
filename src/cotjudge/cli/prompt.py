"""`cotjudge prompt`: exactly what a judge would be sent about a trace."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotjudge.cli.show import _full_id, _rows
from cotjudge.cli.terminal import one_line, reader_may_leave, safe, say, skip_line
from cotjudge.errors import InputError, UsageError

if TYPE_CHECKING:
    from cotjudge.prompt import Message
    from cotjudge.rubric import Rubric
    from cotjudge.trace import Trace

TRACE_HELP = "A trace's id or the first characters of it, or PATH or PATH#RECORD of a dump."
SHOTS_HELP = "How many worked examples of each rubric to show."
WINDOW_HELP = "Tokens of the trace in one call; a longer trace is shown in windows. 0: it is never cut."
SCHEMA_HELP = "With the reply's schema in the text, as for a provider that cannot be told it beside the prompt."


def prompt(
    trace: Annotated[str, typer.Argument(metavar="TRACE", help=TRACE_HELP)],
    rubric: Annotated[
        list[str] | None, typer.Option("--rubric", "-r", help="Rubric id or YAML file; repeatable.")
    ] = None,
    shots: Annotated[int, typer.Option(min=0, help=SHOTS_HELP)] = 0,
    bundle: Annotated[bool, typer.Option("--bundle", help="All rubrics in one call.")] = False,
    window_tokens: Annotated[int, typer.Option(min=0, help=WINDOW_HELP)] = 0,
    redact: Annotated[bool, typer.Option("--redact", help="With emails, keys and phone numbers masked.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help=SCHEMA_HELP)] = False,
    json_: Annotated[bool, typer.Option("--json", help="The messages as JSON, one conversation a line.")] = False,
    db: Annotated[Path | None, typer.Option(help="Database file. Default: COTJUDGE_DB or cotjudge.duckdb.")] = None,
) -> None:
    """Print the messages that an LLM judge would be sent about a trace; nothing is sent.

    The last line, on standard error, is how many tokens each message has at most, roughly.
    """
    from cotjudge import rubric_file

    rubrics = rubric_file.resolve(rubric or [])
    found = _trace(trace, db)
    if redact:
        from cotjudge.redaction import Redactor

        found = Redactor().view(found)
    asked = Asked(rubrics=rubrics, shots=shots, bundle=bundle, window_tokens=window_tokens, schema=schema)
    with reader_may_leave():
        for conversation in asked.about(found):
            _print_json(conversation) if json_ else _print_text(conversation)
    say(asked.tokens(found))


# --- what is sent


@dataclass(frozen=True)
class Conversation:
    """One call's messages."""

    title: str
    """Which rubrics and which window."""
    messages: Sequence[Message]
    """What is sent."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How rubrics are put to a judge."""

    rubrics: Sequence[Rubric]
    """What is asked."""
    shots: int = 0
    """How many worked examples of each are shown."""
    bundle: bool = False
    """Whether all are asked in one call."""
    window_tokens: int = 0
    """Tokens of the trace in one call; 0 does not cut it."""
    schema: bool = False
    """Whether the reply's schema stands in the text."""

    def about(self, trace: Trace) -> Iterator[Conversation]:
        """Every call's messages, as `cotjudge.judges.llm.LLMJudge` sends them: rubric by rubric, window by window."""
        from cotjudge import prompt as prompts
        from cotjudge.windows import span

        shown = self._windows(trace)
        blocks = [prompts.trace_block(window) for window in shown]
        for title, text in self._texts():
            for nth, (window, block) in enumerate(zip(shown, blocks, strict=True), start=1):
                part = f" · window {nth} of {len(shown)}, {span(window)}" if len(shown) > 1 else ""
                yield Conversation(title + part, prompts.messages(block, text))

    def tokens(self, trace: Trace) -> str:
        """One line: estimated tokens of each message."""
        from cotjudge.windows import tokens

        counts = [[tokens(m["content"]) for m in conversation.messages] for conversation in self.about(trace)]
        listed = ", ".join(" + ".join(f"{count:,}" for count in each) for each in counts)
        return f"estimated tokens (system + user): {listed}; {sum(map(sum, counts)):,} in all"

    def _texts(self) -> Iterator[tuple[str, str]]:
        from cotjudge import prompt as prompts

        if self.bundle:
            schema = self._schema(self.rubrics)
            text = prompts.bundle_block(self.rubrics, schema=schema, shots=self.shots)
            yield " + ".join(rubric.id for rubric in self.rubrics), text
            return
        for rubric in self.rubrics:
            yield rubric.id, prompts.rubric_block(rubric, schema=self._schema([rubric]), shots=self.shots)

    def _schema(self, rubrics: Sequence[Rubric]) -> str:
        if not self.schema:
            return ""
        from cotjudge.judges.instructor_door import ReplyForm

        return ReplyForm(rubrics, "text", together=self.bundle).schema_text

    def _windows(self, trace: Trace) -> Sequence[Trace]:
        if not self.window_tokens:
            return (trace,)
        from cotjudge.judges.sitting import OVERLAP
        from cotjudge.windows import windows

        return windows(trace, limit_tokens=self.window_tokens, overlap_tokens=int(self.window_tokens * OVERLAP))


def _print_text(conversation: Conversation) -> None:
    for message in conversation.messages:
        typer.echo(f"── {safe(conversation.title)} · {message['role']} ──")
        typer.echo(f"{safe(message['content'])}\n")


def _print_json(conversation: Conversation) -> None:
    import orjson

    line = orjson.dumps(conversation.messages, option=orjson.OPT_APPEND_NEWLINE)
    sys.stdout.buffer.write(safe(line.decode()).encode() if sys.stdout.isatty() else line)


# --- the trace


def _trace(named: str, db: Path | None) -> Trace:
    path, sharp, record = named.rpartition("#")
    if Path(named).exists():
        return _read(named, None)
    if sharp and Path(path).exists():
        return _read(path, record)
    if sharp or "/" in named or "." in named:
        raise InputError(f"{one_line(named)}: no such file, and no trace's id")
    return _stored(named, db)


def _read(path: str, record: str | None) -> Trace:
    from cotjudge import readers
    from cotjudge.trace import Trace

    found: Trace | None = None
    for item in readers.read([path]):
        if not isinstance(item, Trace):
            say(skip_line(item))
        elif record is None and found is not None:
            example = f"{path}#{item.source.record}"
            raise UsageError(f"{one_line(path)} holds more than one trace; name a record, as in {one_line(example)!r}")
        elif record in (None, item.source.record):
            found = item
            if record is not None:
                break
    if found is None:
        which = "trace" if record is None else f"record {one_line(record)!r} with a trace"
        raise InputError(f"{one_line(path)} holds no {which}; `cotjudge read` shows what it holds")
    return found


def _stored(prefix: str, db: Path | None) -> Trace:
    import orjson

    from cotjudge import settings
    from cotjudge.store import Store
    from cotjudge.trace import Source, Trace

    store = Store(settings.database(db), patience=settings.patience_s())
    trace_id = _full_id(store, prefix)
    row: dict[str, Any] = _rows(store, "SELECT turns FROM traces WHERE trace_id = $id", id=trace_id)[0]
    if row["turns"] is None:
        raise UsageError(f"trace {trace_id}: its text was not kept (--no-text); name its dump, as in PATH#RECORD")
    return Trace(turns=orjson.loads(row["turns"]), source=Source(path=str(store.path), record=trace_id))
