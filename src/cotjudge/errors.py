"""Every exception cotjudge raises on purpose, in one tree.

    CotjudgeError
    ├── UsageError            the caller asked for something that cannot be done (exit code 2)
    │   ├── InputError        a path that is missing, unreadable, or in no known format
    │   ├── RubricError       a rubric file with faults (all of them, each with field and fix)
    │   ├── SettingsError     a bad setting, or an extra that is not installed
    │   ├── QueryError        SQL that DuckDB refuses
    │   └── NotFitted         a rubric for which nothing can be fitted to the verdicts and labels there are
    ├── StoreError            the database or its journal cannot be used
    │   └── StoreBusyError    another process kept the database open for longer than we wait
    └── JudgeError
        ├── JudgementFailed   one judgement could not be had; stored as a failure, asked again next run
        ├── JudgeUnusable     no judgement can be had (key refused, model unknown); the run stops
        └── BudgetReached     the next call could pass the budget; the run ends, to be gone on with (exit code 3)

A failed judgement is data and never a label. A bug stays whatever Python makes of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cotjudge.verdict import Call, FailureKind, Usage


class CotjudgeError(Exception):
    """Base of everything cotjudge raises on purpose; its text is meant for the user."""


class UsageError(CotjudgeError):
    """The caller asked for something that cannot be done."""


class InputError(UsageError):
    """A path that is missing, unreadable, or in a format no reader knows."""


class RubricError(UsageError):
    """A rubric that cannot be used.

    Args:
        origin: the file (or id) the rubric came from.
        faults: every fault found, each naming the field and the fix.
    """

    def __init__(self, origin: str, faults: list[str]) -> None:
        self.origin = origin
        self.faults = faults
        lines = "\n".join(f"  {fault}" for fault in faults)
        super().__init__(f"{origin}: {len(faults)} fault{'s' * (len(faults) != 1)}\n{lines}")


class SettingsError(UsageError):
    """A setting with an unusable value, or an optional dependency that is not installed."""


class QueryError(UsageError):
    """A statement DuckDB refused: its own message, on one line."""


class NotFitted(UsageError):
    """A rubric for which nothing can be fitted to the verdicts and labels there are; its text says why."""


class StoreError(CotjudgeError):
    """The database or its journal cannot be read or written."""


class StoreBusyError(StoreError):
    """Another process kept the database open for longer than we were willing to wait."""


class JudgeError(CotjudgeError):
    """Base of what goes wrong while judging."""


class JudgementFailed(JudgeError):
    """One judgement could not be had.

    Args:
        kind: the class of outcome (see `FailureKind`).
        reason: one line for the user.
        usage: tokens and money spent on the attempt, even though nothing came of it.
        ledger: the requests it was spent on.
    """

    def __init__(
        self, kind: FailureKind, reason: str, usage: Usage | None = None, ledger: tuple[Call, ...] = ()
    ) -> None:
        self.kind = kind
        self.reason = reason
        self.usage = usage
        self.ledger = ledger
        super().__init__(f"{kind}: {reason}")


class JudgeUnusable(JudgeError):
    """No judgement can be had from this judge at all: the key is refused, the model unknown."""


class BudgetReached(JudgeError):
    """The next call could cost more than is left of the budget; nothing new is asked.

    Args:
        reason: one line for the user.
        usage: what this judgement had spent already.
        ledger: the requests it was spent on.
    """

    def __init__(self, reason: str, usage: Usage | None = None, ledger: tuple[Call, ...] = ()) -> None:
        self.usage = usage
        self.ledger = ledger
        super().__init__(reason)
