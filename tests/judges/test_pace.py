"""The pace, in virtual time: minutes pass in milliseconds."""

from __future__ import annotations

import asyncio
import random
import selectors
from collections import Counter
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from cotjudge.errors import BudgetReached, SettingsError
from cotjudge.judges.faults import Fault, fault_of
from cotjudge.judges.litellm_door import load
from cotjudge.judges.means import Means
from cotjudge.judges.pace import HIGHEST_LIMIT, Pace


class _Skipping(selectors.SelectSelector):
    """Waiting takes no time: the clock is put forward instead. Waiting for nothing at all is an error, not a hang."""

    now = 1000.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("nobody will ever wake up")
        self.now += timeout
        return super().select(0)


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.now


def in_virtual_time(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        return runner.run(main)


def now() -> float:
    return asyncio.get_running_loop().time() - 1000.0


async def call(pace: Pace, seconds: float = 1.0, *, tokens: int = 1, error: BaseException | None = None) -> float:
    """One call; returns when it began."""
    async with pace.turn(tokens):
        began = now()
        await asyncio.sleep(seconds)
        if error:
            raise error
    return began


async def calls(pace: Pace, count: int, seconds: float = 1.0, **how: Any) -> list[Any]:
    return await asyncio.gather(*(call(pace, seconds, **how) for _ in range(count)), return_exceptions=True)


def timed_out() -> Fault:
    """A timeout as the door to litellm reports it."""
    fault = Fault("passing", "no answer within 1 s")
    fault.__cause__ = TimeoutError()
    return fault


def most_within_a_minute(events: Sequence[tuple[float, int]]) -> int:
    return max(sum(w for began, w in events if start <= began < start + 60) for start, _ in events)


# --- how many at once


def test_a_fixed_concurrency_is_never_passed_and_always_used() -> None:
    """Ten calls of a second, three at a time, take four seconds and begin in threes."""

    async def main() -> None:
        pace = Pace(concurrency=3)
        assert await calls(pace, 10) == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
        assert (pace.limit, pace.in_flight) == (3, 0)

    in_virtual_time(main())


def test_a_fixed_concurrency_does_not_learn() -> None:
    """Neither success nor a 429 changes a limit that the user has set."""

    async def main() -> None:
        pace = Pace(concurrency=4)
        await calls(pace, 40)
        await calls(pace, 4, error=Fault("limited", "slow down"))
        assert pace.limit == 4

    in_virtual_time(main())


def test_first_come_first_served() -> None:
    """Those who wait begin in the order in which they came, and a newcomer does not pass them."""

    async def main() -> None:
        pace, order = Pace(concurrency=2), []

        async def one(name: int) -> None:
            async with pace.turn(1):
                order.append(name)
                await asyncio.sleep(1 + name % 3)

        await asyncio.gather(*(one(n) for n in range(20)))
        assert order == list(range(20))

    in_virtual_time(main())


@pytest.mark.parametrize("when", [0.0, 0.5, 1.0, 1.5])
def test_a_cancelled_call_leaves_its_slot(when: float) -> None:
    """Whether it waits, has just been let in, or is under way: a cancelled call takes no slot with it."""

    async def main() -> None:
        pace = Pace(concurrency=1)
        tasks = [asyncio.create_task(call(pace)) for _ in range(3)]
        await asyncio.sleep(when)
        for task in tasks[1:]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert pace.in_flight == 0
        assert await asyncio.wait_for(call(pace), 2) >= 1

    in_virtual_time(main())


def test_a_call_cancelled_at_the_very_moment_it_is_let_in_passes_its_slot_on() -> None:
    """The slot given to a task that is cancelled before it runs goes to the next one in the row."""

    async def main() -> None:
        pace = Pace(concurrency=1)
        first = pace.turn(1)
        await first.__aenter__()
        second, third = (asyncio.create_task(call(pace)) for _ in range(2))
        await asyncio.sleep(0)
        await first.__aexit__(None, None, None)  # lets the second one in, which has not run yet
        assert pace.in_flight == 1
        second.cancel()
        assert await third == 0
        assert second.cancelled()
        assert pace.in_flight == 0

    in_virtual_time(main())


# --- finding the limit


def test_the_limit_doubles_every_round_until_something_goes_wrong() -> None:
    """Slow start: 32, 64, 128 ... calls at once as long as all succeed, up to the highest limit."""

    async def main() -> None:
        pace = Pace()
        began = Counter(await calls(pace, 8_000))
        assert list(began.values())[:6] == [32, 64, 128, 256, 512, HIGHEST_LIMIT]
        assert max(began.values()) == pace.limit == HIGHEST_LIMIT

    in_virtual_time(main())


def test_a_round_of_429s_halves_the_limit_once() -> None:
    """32 calls under way that are all turned away are one message, not 32."""

    async def main() -> None:
        pace = Pace()
        await calls(pace, 32, error=Fault("limited", "slow down"))
        assert pace.limit == 16
        await calls(pace, 16, error=Fault("limited", "slow down"))
        assert pace.limit == 8

    in_virtual_time(main())


def test_after_a_decrease_the_limit_grows_by_one_a_round() -> None:
    """Additive increase: as many successes as the limit allows at once add one."""

    async def main() -> None:
        pace = Pace()
        await calls(pace, 32, error=Fault("limited", "slow down"))
        await calls(pace, 16 * 10 + 60)
        assert 20 <= pace.limit <= 28

    in_virtual_time(main())


@pytest.mark.parametrize(
    ("error", "limit"),
    [
        (timed_out(), 16),
        (Fault("limited", "429"), 16),
        (Fault("passing", "503"), 32),
        (Fault("bad_request", "400"), 32),
        (BudgetReached("the purse is empty"), 32),
        (ValueError("a bug"), 32),
    ],
)
def test_only_429s_and_timeouts_are_about_the_limit(error: Exception, limit: int) -> None:
    """A broken server, a bad question, an empty purse and a bug leave the limit alone."""

    async def main() -> None:
        pace = Pace()
        await calls(pace, 32, error=error)
        assert (pace.limit, pace.in_flight) == (limit, 0)

    in_virtual_time(main())


def test_litellms_own_timeouts_are_timeouts() -> None:
    """A timeout that litellm reports, as the door passes it on, halves the limit."""

    async def main() -> None:
        raised = load().Timeout("too slow", model="fake", llm_provider="openai")
        fault = fault_of(raised)
        assert fault
        fault.__cause__ = raised
        pace = Pace()
        await calls(pace, 32, error=fault)
        assert pace.limit == 16

    in_virtual_time(main())


def test_the_limit_never_falls_under_one() -> None:
    """However often a provider says no, there is always one more call to ask it."""

    async def main() -> None:
        pace = Pace()
        for _ in range(20):
            await calls(pace, 1, error=Fault("limited", "no"))
        assert pace.limit == 1
        assert await call(pace) > 0

    in_virtual_time(main())


def test_a_limit_that_nobody_reaches_does_not_grow() -> None:
    """A thousand calls one after the other say nothing about how many could go at once."""

    async def main() -> None:
        pace = Pace()
        for _ in range(1000):
            await call(pace)
        assert pace.limit == 32

    in_virtual_time(main())


def test_it_settles_near_what_a_provider_bears() -> None:
    """Against a provider that bears 20 calls at once: most of its capacity is used, few calls are turned away."""

    async def main() -> None:
        pace, bears, under_way, turned_away, answered = Pace(), 20, 0, 0, 0

        async def one() -> None:
            nonlocal under_way, turned_away, answered
            while True:
                try:
                    async with pace.turn(1):
                        if under_way >= bears:
                            await asyncio.sleep(0.05)
                            raise Fault("limited", "429")  # noqa: TRY301 (it is the provider's)
                        under_way += 1
                        await asyncio.sleep(1)
                        under_way -= 1
                        answered += 1
                        return
                except Fault:
                    turned_away += 1
                    await asyncio.sleep(1)

        await asyncio.gather(*(one() for _ in range(4000)))
        assert answered == 4000
        assert answered / now() > 0.7 * bears
        assert turned_away < 0.05 * answered

    in_virtual_time(main())


# --- Retry-After


def test_no_call_begins_before_a_retry_after_is_over() -> None:
    """All calls wait, those in the row and those that come later; then they go on."""

    async def main() -> None:
        pace = Pace(concurrency=2)
        first = asyncio.create_task(call(pace, error=Fault("limited", "slow down", 7.5)))
        others = await asyncio.gather(*(call(pace) for _ in range(3)))
        assert isinstance(first.exception(), Fault)
        assert others == [0, 8.5, 8.5]

    in_virtual_time(main())


def test_a_shorter_retry_after_does_not_cut_a_longer_one_short() -> None:
    """Several answers to one flood name several times; the latest one counts."""

    async def main() -> None:
        pace = Pace(concurrency=2)
        long = call(pace, 1.0, error=Fault("limited", "slow down", 20))
        short = call(pace, 2.0, error=Fault("limited", "slow down", 1))
        await asyncio.gather(long, short, return_exceptions=True)
        assert await call(pace) == 21

    in_virtual_time(main())


def test_a_provider_that_asks_for_an_hour_fails_the_calls_meanwhile() -> None:
    """A run does not sit silent for an hour: calls fail at once, unsent, and go on when the hour is over."""

    async def main() -> None:
        pace = Pace(concurrency=1)
        results = await calls(pace, 3, error=Fault("limited", "come back later", 3600))
        assert [r.treatment for r in results] == ["limited"] * 3
        assert [r.retry_after_s for r in results] == [3600] * 3
        assert now() == 1
        with pytest.raises(Fault, match="come back later"):
            await call(pace)
        await asyncio.sleep(3600)
        assert await call(pace) == 3601

    in_virtual_time(main())


# --- a minute


@pytest.mark.parametrize("rpm", [1, 7, 60, 500])
def test_calls_a_minute_are_evenly_spaced_and_never_passed(rpm: int) -> None:
    """In no 60 seconds do more calls begin than allowed, hardly fewer do, and no second sees a crowd."""

    async def main() -> None:
        pace, count = Pace(concurrency=1000, rpm=rpm), max(3 * rpm, 4)
        began = sorted(await calls(pace, count, 0.1))
        assert most_within_a_minute([(at, 1) for at in began]) <= rpm
        assert began[-1] <= count / rpm * 60 + 1
        crowd = max(sum(start <= at < start + 1 for at in began) for start in began)
        assert crowd <= 2 + 2 * rpm / 60

    in_virtual_time(main())


@pytest.mark.parametrize("seed", range(5))
def test_tokens_a_minute_are_never_passed(seed: int) -> None:
    """Calls of very different sizes, in a steady flow and in bursts with pauses: no 60 seconds hold more tokens."""

    async def main() -> None:
        dice, tpm = random.Random(seed), 100_000  # noqa: S311 (no secret)
        pace, events = Pace(concurrency=50, rpm=300, tpm=tpm), []

        async def one(tokens: int) -> None:
            async with pace.turn(tokens):
                events.append((now(), tokens))
                await asyncio.sleep(dice.uniform(0.1, 5))

        for _ in range(3):
            await asyncio.gather(*(one(dice.choice((10, 900, 9_000, 60_000))) for _ in range(60)))
            await asyncio.sleep(dice.uniform(0, 90))
        assert most_within_a_minute(events) <= tpm
        assert most_within_a_minute(events) > 0.8 * tpm
        assert most_within_a_minute([(at, 1) for at, _ in events]) <= 300

    in_virtual_time(main())


def test_a_call_larger_than_a_minutes_tokens_goes_alone() -> None:
    """It cannot be had within the limit; it waits for an empty minute, and the next one waits for it."""

    async def main() -> None:
        pace = Pace(concurrency=9, tpm=1000)
        sizes = (500, 3000, 500)
        assert await asyncio.gather(*(call(pace, tokens=size) for size in sizes)) == pytest.approx(
            [0, 60, 239], abs=0.01
        )

    in_virtual_time(main())


def test_a_cancelled_giant_does_not_hold_up_those_behind_it() -> None:
    """The row moves on when its head gives up."""

    async def main() -> None:
        pace = Pace(concurrency=9, tpm=1000)
        await call(pace, tokens=10)
        giant = asyncio.create_task(call(pace, tokens=1000))
        small = asyncio.create_task(call(pace, tokens=10))
        await asyncio.sleep(1)
        giant.cancel()
        assert await small == 2
        assert giant.cancelled()

    in_virtual_time(main())


# --- the means of a run


def test_every_model_has_its_own_pace_and_all_share_one_purse() -> None:
    """Limits are a provider's, per model; the budget is the run's."""
    means = Means(budget_usd=5, rpm=10, tpm=1000, concurrency=3)
    assert means.pace("openai/a") is means.pace("openai/a")
    assert means.pace("openai/a") is not means.pace("openai/b")
    assert means.pace("openai/b").limit == 3
    assert means.purse.budget_usd == 5


@pytest.mark.parametrize("limit", ["rpm", "tpm", "concurrency"])
def test_a_limit_of_nothing_is_a_users_mistake(limit: str) -> None:
    """The message names the option, before anything is sent."""
    with pytest.raises(SettingsError, match=f"--{limit} 0: must be at least 1"):
        Means(**{limit: 0})
