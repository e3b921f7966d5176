"""Labelling at the terminal: one trace after the other, a key a label."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from string import ascii_lowercase, digits
from typing import TYPE_CHECKING

from cotjudge.cli.terminal import one_line, out, safe, say

if TYPE_CHECKING:
    from cotjudge.rubric import Rubric
    from cotjudge.store import Store

_COMMANDS = {"s": "skip", "b": "back", "n": "note", "c": "criteria", "q": "quit"}
_CRITERION_COMMANDS = {"s": "skip", "q": "done"}
_INTERRUPT = "\x03"
_END = "\x04"


class Session:
    """One annotator, one rubric, traces in order.

    Args:
        store: the database; a label is in it as soon as it is given.
        rubric: the question.
        annotator: who answers.
        judge: only this judge's verdicts are shown.
        blind: True: verdicts are never shown; None: after the label; False: from the start.
    """

    def __init__(
        self, store: Store, rubric: Rubric, annotator: str, *, judge: str | None = None, blind: bool | None = None
    ) -> None:
        self._store = store
        self._rubric = rubric
        self._annotator = annotator
        self._judge = judge
        self._blind = blind
        self._labels = keys(rubric.labels, _COMMANDS)
        self._given: set[str] = set()

    def run(self, queue: Sequence[tuple[str, str]]) -> None:
        """Ask for a label of each trace until the end, `q`, or the end of the input."""
        at = 0
        while 0 <= at < len(queue):
            trace_id, selection = queue[at]
            self._show(trace_id, at, len(queue))
            step = self._label(trace_id, selection)
            if step == "quit":
                return
            at = max(0, at - 1) if step == "back" else at + 1

    def say_given(self) -> None:
        """What came of it."""
        count = len(self._given)
        say(f"{count:,} trace{'s' * (count != 1)} labelled by {one_line(self._annotator)}; the same command goes on")

    def _show(self, trace_id: str, at: int, of: int) -> None:
        from rich.text import Text

        from cotjudge.cli import show

        console = out()
        console.print(Text(f"\n━━ {at + 1} of {of} " + "━" * 40, style="bold blue"))
        for line in show.page(
            self._store, trace_id, rubrics=[self._rubric.id], judge=self._judge, blind=self._blind is not False
        ):
            console.print(line, soft_wrap=True)
        console.print(Text(f"\n{safe(self._rubric.question)}", style="bold"))
        for name, criterion in self._rubric.criteria.items():
            console.print(Text(f"  {name}: {one_line(criterion.text)}", style="dim"), soft_wrap=True)

    def _label(self, trace_id: str, selection: str) -> str:
        """Ask until there is a label or a command that ends this trace; returns which."""
        note = ""
        criteria: dict[str, str] = {}
        while True:
            key = ask(self._labels | _COMMANDS)
            if key in self._labels:
                self._keep(trace_id, self._labels[key], criteria, note, selection)
                self._tell(trace_id)
                return "labelled"
            if key == "n":
                note = ask_line("note: ")
            elif key == "c":
                criteria = self._ask_criteria(criteria)
            else:
                return _COMMANDS[key] if key else "quit"

    def _ask_criteria(self, given: Mapping[str, str]) -> dict[str, str]:
        from rich.text import Text

        answers = dict(given)
        for name, criterion in self._rubric.criteria.items():
            out().print(Text(f"{name}: {one_line(criterion.text)}"), soft_wrap=True)
            choices = keys(criterion.choices, _CRITERION_COMMANDS)
            key = ask(choices | _CRITERION_COMMANDS)
            if key in choices:
                answers[name] = choices[key]
            elif key != "s":
                break
        return answers

    def _keep(self, trace_id: str, label: str, criteria: Mapping[str, str], note: str, selection: str) -> None:
        from cotjudge.errors import StoreBusyError
        from cotjudge.store import Label

        row = {"trace_id": trace_id, "rubric": self._rubric.id, "annotator": self._annotator, "label": label}
        row |= {"note": note, "source": "cotjudge label next", "selection": selection}
        try:
            self._store.import_labels([Label.model_validate(row | {"criteria": dict(criteria)})])
        except StoreBusyError:
            say("the database is in use: the label waits in its journal, and the next command puts it there")
        self._given.add(trace_id)
        said = f", {len(criteria)} criteria" if criteria else ""
        out().print(f"kept: {label}{said}{', with a note' if note else ''}", style="green")

    def _tell(self, trace_id: str) -> None:
        """What the judges said, now that it cannot sway the label."""
        from cotjudge.cli import show

        if self._blind is not None:
            return
        for line in show.opinions(self._store, trace_id, rubrics=[self._rubric.id], judge=self._judge):
            out().print(line, soft_wrap=True)


def keys(words: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """A key for each word: its first letter that is still free, else any free letter or digit."""
    found: dict[str, str] = {}
    busy = set(taken)
    for word in words:
        key = next(letter for letter in word + digits + ascii_lowercase if letter.isalnum() and letter not in busy)
        busy.add(key)
        found[key] = word
    return found


def ask(choices: Mapping[str, str]) -> str:
    """One of the keys; empty at the end of the input.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    from rich.text import Text

    shown = Text("  ".join(f"[{key}] {word}" for key, word in choices.items()), style="bold")
    while True:
        out().print(shown, soft_wrap=True)
        key = _key()
        if key is None:
            return ""
        if key in choices:
            return key
        words = {word: key for key, word in choices.items()}
        if key in words:
            return words[key]
        say(f"{one_line(key)!r} is none of these keys")


def ask_line(prompt: str) -> str:
    """A line of text; empty at the end of the input."""
    out().print(prompt, end="")
    return sys.stdin.readline().strip()


def _key() -> str | None:
    """A key without Enter on a terminal; a line where the input is none."""
    if not sys.stdin.isatty():
        line = sys.stdin.readline()
        return line.strip().lower() if line else None
    try:
        import termios
        import tty
    except ImportError:  # no such terminals on Windows
        line = sys.stdin.readline()
        return line.strip().lower() if line else None
    import os

    stdin = sys.stdin.fileno()
    before = termios.tcgetattr(stdin)
    try:
        tty.setcbreak(stdin)
        raw = os.read(stdin, 64)  # an arrow key is several bytes, and no key of ours
    finally:
        with suppress(termios.error):
            termios.tcsetattr(stdin, termios.TCSADRAIN, before)
    key = raw.decode(errors="replace").lower()
    if key == _INTERRUPT:
        raise KeyboardInterrupt
    return None if key in ("", _END) else key
