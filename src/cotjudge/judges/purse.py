"""The purse: what has been spent, what calls under way may cost at most, and the budget that both stay within."""

from __future__ import annotations

import asyncio
from collections import deque

from cotjudge.errors import BudgetReached, SettingsError

# Money is counted in whole picodollars: a million additions and subtractions of floats drift, integers do not, and
# the cheapest token on the market still costs some ten thousand of them.
_PER_USD = 10**12


class Purse:
    """What the calls of one run may cost together.

    A call is held at the most that it can cost, then settled at what it did cost. Holds plus spending never pass the
    budget, so neither does the bill. Belongs to one event loop.

    Args:
        budget_usd: US dollars that may be spent; None sets no limit.

    Raises:
        SettingsError: a negative budget.
    """

    def __init__(self, budget_usd: float | None = None) -> None:
        if budget_usd is not None and not budget_usd >= 0:
            raise SettingsError(f"--budget {budget_usd:g}: cannot be negative")
        self.budget_usd = budget_usd
        self._budget = None if budget_usd is None else _whole(budget_usd)
        self._spent = 0
        self._held = 0
        self._waiting: deque[tuple[int, asyncio.Future[Hold]]] = deque()

    @property
    def spent_usd(self) -> float:
        """US dollars spent; a call of unknown price counts as the most it could cost."""
        return self._spent / _PER_USD

    @property
    def held_usd(self) -> float:
        """US dollars that the calls under way may cost at most."""
        return self._held / _PER_USD

    def hold(self, most_usd: float | None) -> Hold:
        """Put aside what a call can cost at most.

        Args:
            most_usd: US dollars; None where the model's price is not known.

        Raises:
            BudgetReached: it could pass the budget together with the calls under way, or cannot be bounded.
        """
        most = self._amount(most_usd)
        if not self._fits(most):
            raise self._reached()
        return self._take(most)

    async def reserve(self, most_usd: float | None) -> Hold:
        """Put aside what a call can cost at most, waiting for calls under way that may turn out cheaper.

        A call is held at several times its likely cost (the whole room for an answer), so `hold` alone would end
        a run with most of a small budget unspent.

        Args:
            most_usd: US dollars; None where the model's price is not known.

        Raises:
            BudgetReached: it could pass the budget whatever the calls under way cost, or cannot be bounded.
        """
        most = self._amount(most_usd)
        if not self._waiting and self._fits(most):
            return self._take(most)
        granted: asyncio.Future[Hold] = asyncio.get_running_loop().create_future()
        self._waiting.append((most, granted))
        self._serve()
        try:
            return await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled() and granted.exception() is None:
                granted.result().release()
            else:
                self._serve()
            raise

    def _amount(self, most_usd: float | None) -> int:
        if most_usd is not None:
            return _whole(most_usd)
        if self.budget_usd is None:
            return 0
        budget = usd(self.budget_usd)
        raise BudgetReached(
            f"a budget of {budget} cannot be kept: the price of this model is not known; give it, or leave out --budget"
        )

    def _fits(self, most: int) -> bool:
        return self._budget is None or self._spent + self._held + most <= self._budget

    def _take(self, most: int) -> Hold:
        self._held += most
        return Hold(self, most)

    def _reached(self) -> BudgetReached:
        budget, spent = usd(self.budget_usd or 0.0), usd(self.spent_usd)
        return BudgetReached(
            f"budget of {budget} reached: {spent} spent; run the same command with a larger --budget to go on"
        )

    def _close(self, most: int, cost: int) -> None:
        self._held -= most
        self._spent += cost
        self._serve()

    def _serve(self) -> None:
        """Let those who wait have their turn, in order; spending never shrinks, so some wait in vain."""
        while self._waiting:
            most, granted = self._waiting[0]
            if not granted.done():
                if self._fits(most):
                    granted.set_result(self._take(most))
                elif self._budget is not None and self._spent + most > self._budget:
                    granted.set_exception(self._reached())
                else:
                    return
            self._waiting.popleft()


class Hold:
    """Money put aside for one call. The first of `settle` and `release` counts; what comes later does nothing."""

    def __init__(self, purse: Purse, most: int) -> None:
        self._purse = purse
        self._most = most
        self._open = True

    def settle(self, cost_usd: float | None) -> None:
        """The call was answered.

        Args:
            cost_usd: US dollars it cost; None (not known) counts as all that was held.
        """
        self._close(self._most if cost_usd is None else _whole(cost_usd))

    def release(self) -> None:
        """The call was not answered and costs nothing."""
        self._close(0)

    def _close(self, cost: int) -> None:
        if self._open:
            self._open = False
            self._purse._close(self._most, cost)  # noqa: SLF001 (a hold is a part of its purse)


def usd(amount: float) -> str:
    """US dollars for people: cents, and for less than a dollar as many digits as tell something."""
    if amount == 0 or abs(amount) >= 1:
        return f"${amount:,.2f}"
    text = f"{amount:.3g}" if abs(amount) >= 1e-4 else f"{amount:.6f}".rstrip("0")
    whole, _, digits = text.partition(".")
    return f"${whole}.{digits.ljust(2, '0')}"


def _whole(amount_usd: float) -> int:
    return round(amount_usd * _PER_USD)
