"""The pace: how many calls to a model are under way at once, and how many begin in a minute."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType

from cotjudge.errors import SettingsError
from cotjudge.judges.faults import Fault

FIRST_LIMIT = 32
HIGHEST_LIMIT = 1024
LONGEST_HOLD_S = 60.0
"""A provider that asks us to stay away for longer fails the turns that begin meanwhile, at once."""

_MINUTE_S = 60.0
_WINDOW_S = 60.001  # clocks and floats are a little off
_AHEAD_S = 1.0
_TIMEOUTS = frozenset({"TimeoutError", "Timeout", "APITimeoutError"})


class Pace:
    """The turns of calls to one model: first come, first served. Belongs to one event loop.

    Concurrency is either fixed or finds itself: additive increase, multiplicative decrease (AIMD, Chiu and Jain
    1989, with TCP's slow start), on what the provider's 429s and timeouts say. Calls and tokens a minute are spaced
    evenly by virtual scheduling (GCRA, ITU-T I.371) with a second's worth of burst, and never pass their limit in
    any 60 seconds.

    Args:
        concurrency: calls under way at once; None lets the limit find itself, from 32 up to 1024.
        rpm: calls that may begin in a minute; None sets no limit.
        tpm: tokens of the calls that begin in a minute, as estimated beforehand; None sets no limit. A single call
            of more goes alone.

    Raises:
        SettingsError: a limit under one.
    """

    def __init__(self, *, concurrency: int | None = None, rpm: int | None = None, tpm: int | None = None) -> None:
        for name, value in (("concurrency", concurrency), ("rpm", rpm), ("tpm", tpm)):
            if value is not None and value < 1:
                raise SettingsError(f"--{name} {value}: must be at least 1")
        self._adaptive = concurrency is None
        self._limit = float(concurrency or FIRST_LIMIT)
        self._slow_start = True
        self._round = 0
        self._in_flight = 0
        self._calls = _Meter(rpm) if rpm else None
        self._tokens = _Meter(tpm) if tpm else None
        self._held_until = 0.0
        self._held_by: Fault | None = None
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def limit(self) -> int:
        """Calls that may be under way at once, as things stand."""
        return int(self._limit)

    @property
    def in_flight(self) -> int:
        """Calls under way."""
        return self._in_flight

    def turn(self, tokens: int) -> Turn:
        """One call's turn, to be used in an `async with`: it waits at the door and learns from how the call ends.

        Entering it raises a `Fault` where the provider has asked all to stay away for longer than we wait.

        Args:
            tokens: what the call will count towards tokens a minute, by estimate.
        """
        return Turn(self, tokens)

    # --- beginning

    async def _enter(self, tokens: int) -> int:
        now = asyncio.get_running_loop().time()
        if self._waiting or self._in_flight >= self.limit or self._not_before(tokens, now) > now:
            await self._queue(tokens)
        else:
            self._begin(tokens, now)
        return self._round

    async def _queue(self, tokens: int) -> None:
        admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((tokens, admitted))
        self._serve()
        try:
            await admitted
        except asyncio.CancelledError:
            if admitted.done() and not admitted.cancelled() and admitted.exception() is None:
                self._in_flight -= 1  # it was let in, and left before it began
            self._serve()
            raise

    def _begin(self, tokens: int, now: float) -> None:
        self._in_flight += 1
        if self._calls:
            self._calls.count(1, now)
        if self._tokens:
            self._tokens.count(tokens, now)

    def _not_before(self, tokens: int, now: float) -> float:
        """When the next call may begin, as far as the clock is concerned."""
        times = [self._held_until]
        if self._calls:
            times.append(self._calls.room_for(1, now))
        if self._tokens:
            times.append(self._tokens.room_for(tokens, now))
        return max(times)

    def _serve(self) -> None:
        """Let in as many of those who wait as may begin now; see to it that the next one is let in on time."""
        if self._alarm:
            self._alarm.cancel()
            self._alarm = None
        if not self._waiting:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._waiting:
            tokens, admitted = self._waiting[0]
            if not admitted.done():
                if self._held_by and self._held_until - now > LONGEST_HOLD_S:
                    admitted.set_exception(self._stay_away(self._held_by, now))
                elif self._in_flight >= self.limit:
                    return
                elif (at := self._not_before(tokens, now)) > now:
                    self._alarm = loop.call_at(at, self._serve)
                    return
                else:
                    self._begin(tokens, now)
                    admitted.set_result(None)
            self._waiting.popleft()

    def _stay_away(self, fault: Fault, now: float) -> Fault:
        return Fault(fault.treatment, fault.reason, self._held_until - now)

    # --- ending

    def _leave(self, began_in: int, error: BaseException | None) -> None:
        if isinstance(error, Fault):
            self._hear(error, began_in)
        elif error is None and began_in == self._round:  # one that began before the last decrease says nothing of it
            self._grow()
        self._in_flight -= 1
        self._serve()

    def _grow(self) -> None:
        if self._adaptive and 2 * self._in_flight >= self._limit:  # a limit that nobody reaches has not been tried
            self._limit = min(HIGHEST_LIMIT, self._limit + (1.0 if self._slow_start else 1.0 / self._limit))

    def _hear(self, fault: Fault, began_in: int) -> None:
        if fault.retry_after_s:
            until = asyncio.get_running_loop().time() + fault.retry_after_s
            if until > self._held_until:
                self._held_until, self._held_by = until, fault
        if (fault.treatment == "limited" or _timed_out(fault)) and began_in == self._round:
            self._round += 1  # the calls now under way were all begun at the old limit: they halve it only once
            self._slow_start = False
            if self._adaptive:
                self._limit = max(1.0, self._limit / 2)


class Turn:
    """One call's turn; see `Pace.turn`."""

    def __init__(self, pace: Pace, tokens: int) -> None:
        self._pace = pace
        self._tokens = tokens
        self._began_in = 0

    async def __aenter__(self) -> None:
        self._began_in = await self._pace._enter(self._tokens)  # noqa: SLF001 (a turn is a part of its pace)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pace._leave(self._began_in, error)  # noqa: SLF001 (as above)


class _Meter:
    """So much a minute: evenly spaced, a second ahead of schedule at most, and never more within 60 seconds."""

    def __init__(self, per_minute: int) -> None:
        self._most = per_minute
        self._seconds_each = _MINUTE_S / per_minute
        self._due = 0.0  # when the schedule has caught up with all that was let in
        self._log: deque[tuple[float, int]] = deque()
        self._in_window = 0

    def room_for(self, weight: int, now: float) -> float:
        """The earliest time at which so much may begin."""
        while self._log and self._log[0][0] + _WINDOW_S <= now:
            self._in_window -= self._log.popleft()[1]
        free = self._most - self._in_window
        at = self._due - _AHEAD_S
        for began, weighed in self._log:
            if free >= weight:
                break
            free += weighed
            at = max(at, began + _WINDOW_S)
        return at

    def count(self, weight: int, now: float) -> None:
        """So much begins now."""
        self._log.append((now, weight))
        self._in_window += weight
        self._due = max(self._due, now) + weight * self._seconds_each


def _timed_out(fault: Fault) -> bool:
    return any(cls.__name__ in _TIMEOUTS for cls in type(fault.__cause__).__mro__)
