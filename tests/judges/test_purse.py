"""The purse: budgets that hold."""

from __future__ import annotations

import asyncio
import random

import pytest

from cotjudge.errors import BudgetReached, SettingsError
from cotjudge.judges.purse import Purse, usd


def test_a_purse_without_a_budget_only_counts() -> None:
    """Any call may be made, of unknown price, too; what is known is added up."""
    purse = Purse()
    purse.hold(None).settle(None)
    purse.hold(0.5).settle(0.25)
    purse.hold(1e6).settle(1.0)
    assert (purse.spent_usd, purse.held_usd) == (1.25, 0.0)


def test_calls_under_way_count_at_the_most_they_can_cost() -> None:
    """What is spent and what may yet be spent never pass the budget together."""
    purse = Purse(1.0)
    first = purse.hold(0.6)
    with pytest.raises(BudgetReached):
        purse.hold(0.5)
    first.settle(0.1)
    purse.hold(0.9)
    assert (purse.spent_usd, purse.held_usd) == (0.1, 0.9)


def test_the_message_says_what_was_spent_and_how_to_go_on() -> None:
    """One line: budget, spending, and the way on."""
    purse = Purse(5.0)
    purse.hold(4.97).settle(4.97)
    with pytest.raises(BudgetReached) as caught:
        purse.hold(0.04)
    assert str(caught.value) == (
        "budget of $5.00 reached: $4.97 spent; run the same command with a larger --budget to go on"
    )


def test_a_hold_is_closed_once() -> None:
    """Releasing after settling, as a `finally` does, changes nothing."""
    purse = Purse(1.0)
    hold = purse.hold(0.5)
    hold.settle(0.2)
    hold.release()
    hold.settle(0.2)
    assert (purse.spent_usd, purse.held_usd) == (0.2, 0.0)
    unanswered = purse.hold(0.5)
    unanswered.release()
    assert (purse.spent_usd, purse.held_usd) == (0.2, 0.0)


def test_a_call_of_unknown_price_cannot_be_kept_within_a_budget() -> None:
    """It is not made, and the message says why."""
    with pytest.raises(BudgetReached, match=r"a budget of \$5.00 cannot be kept: the price of this model is not known"):
        Purse(5.0).hold(None)


def test_an_answer_without_a_cost_counts_as_all_that_was_held() -> None:
    """A provider that does not say what a call cost cannot make us pass the budget."""
    purse = Purse(1.0)
    purse.hold(0.4).settle(None)
    assert purse.spent_usd == 0.4


def test_a_call_that_cost_more_than_could_be_known_still_ends_the_run() -> None:
    """Spending over the budget refuses everything, calls that cost nothing included."""
    purse = Purse(1.0)
    purse.hold(0.9).settle(1.1)
    with pytest.raises(BudgetReached):
        purse.hold(0.0)


def test_a_budget_can_be_spent_to_the_last_cent() -> None:
    """Ten calls of ten cents fit into one dollar, though ten times 0.1 is less than 1 in floats, and 3 x 0.1 more than 0.3."""
    for budget, price, fit in ((1.0, 0.1, 10), (0.3, 0.1, 3), (0.7, 0.07, 10), (1.0, 1e-6, 1_000_000)):
        purse = Purse(budget)
        for _ in range(fit):
            purse.hold(price).settle(price)
        with pytest.raises(BudgetReached):
            purse.hold(price)
        assert purse.spent_usd == budget


def test_a_hundred_thousand_holds_leave_nothing_behind() -> None:
    """Money put aside and given back adds up to nothing, exactly."""
    purse, dice = Purse(1e6), random.Random(7)  # noqa: S311 (no secret)
    holds = [purse.hold(dice.random() / 7) for _ in range(100_000)]
    dice.shuffle(holds)
    for hold in holds:
        hold.release()
    assert purse.held_usd == 0.0


def test_a_free_model_fits_into_an_empty_purse() -> None:
    """A budget of nothing still allows what costs nothing."""
    Purse(0.0).hold(0.0).settle(0.0)


@pytest.mark.parametrize("budget", [-1.0, float("nan")])
def test_a_negative_budget_is_a_users_mistake(budget: float) -> None:
    """It is refused before anything is asked."""
    with pytest.raises(SettingsError, match="--budget"):
        Purse(budget)


# --- waiting for calls under way


async def test_a_reservation_waits_for_calls_that_turn_out_cheaper() -> None:
    """A hundred calls that may cost $0.50 and do cost $0.01 all fit into $1.50, three at a time."""
    purse, most_held = Purse(1.5), 0.0

    async def call() -> None:
        nonlocal most_held
        hold = await purse.reserve(0.5)
        most_held = max(most_held, purse.held_usd + purse.spent_usd)
        await asyncio.sleep(0)
        hold.settle(0.01)

    await asyncio.gather(*(call() for _ in range(100)))
    assert purse.spent_usd == 1.0
    assert most_held <= 1.5


async def test_a_reservation_that_can_never_be_met_fails_at_once() -> None:
    """Whatever the calls under way cost: spending does not shrink."""
    purse = Purse(1.0)
    purse.hold(0.6).settle(0.6)
    purse.hold(0.1)
    with pytest.raises(BudgetReached):
        await purse.reserve(0.5)


async def test_those_who_wait_are_told_when_the_money_is_gone() -> None:
    """A waiting call fails as soon as what is spent leaves no room for it, and nobody waits for ever."""
    purse = Purse(1.0)
    under_way = purse.hold(0.9)
    waiting = [asyncio.create_task(purse.reserve(0.5)) for _ in range(3)]
    await asyncio.sleep(0)
    under_way.settle(0.9)
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [BudgetReached] * 3


async def test_reservations_are_first_come_first_served() -> None:
    """A small call does not slip past a large one that waits."""
    purse, order = Purse(1.0), []

    async def call(name: str, most: float) -> None:
        hold = await purse.reserve(most)
        order.append(name)
        hold.release()

    under_way = purse.hold(0.5)
    tasks = [asyncio.create_task(call("large", 0.9)), asyncio.create_task(call("small", 0.1))]
    await asyncio.sleep(0)
    under_way.release()
    await asyncio.gather(*tasks)
    assert order == ["large", "small"]


async def test_a_cancelled_reservation_holds_nothing_and_nobody_up() -> None:
    """Cancelled while waiting, or at the moment it is granted: the money is there for the next one."""
    purse = Purse(1.0)
    under_way = purse.hold(0.5)
    large = asyncio.create_task(purse.reserve(0.9))
    small = asyncio.create_task(purse.reserve(0.1))
    await asyncio.sleep(0)
    large.cancel()
    (await small).release()
    granted = asyncio.create_task(purse.reserve(0.9))
    await asyncio.sleep(0)
    under_way.release()
    granted.cancel()
    await asyncio.gather(large, granted, return_exceptions=True)
    assert large.cancelled()
    assert granted.cancelled()
    assert purse.held_usd == 0.0


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0.0, "$0.00"), (5.0, "$5.00"), (1234.567, "$1,234.57"), (0.5, "$0.50"), (0.97, "$0.97"), (0.0123456, "$0.0123"),
        (0.00042, "$0.00042"), (0.0000031, "$0.000003"), (1.0, "$1.00"), (0.1, "$0.10"),
    ],
)  # fmt: skip
def test_money_is_written_so_that_it_tells_something(amount: float, text: str) -> None:
    """Cents, and for small amounts as many digits as matter."""
    assert usd(amount) == text
