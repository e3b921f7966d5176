"""What the LLM judges of one run share: one purse, and one pace per model."""

from __future__ import annotations

from cotjudge.judges.pace import Pace
from cotjudge.judges.purse import Purse


class Means:
    """The money and the limits of one run.

    Args:
        budget_usd: US dollars that the run may spend; None sets no limit.
        rpm: calls to one model that may begin in a minute.
        tpm: tokens of the calls to one model that may begin in a minute.
        concurrency: calls to one model under way at once; None lets the limit find itself.

    Raises:
        SettingsError: a limit that cannot be.
    """

    def __init__(
        self,
        *,
        budget_usd: float | None = None,
        rpm: int | None = None,
        tpm: int | None = None,
        concurrency: int | None = None,
    ) -> None:
        self.purse = Purse(budget_usd)
        self._limits = {"rpm": rpm, "tpm": tpm, "concurrency": concurrency}
        self._paces: dict[str, Pace] = {}
        Pace(**self._limits)  # so that a bad limit is named now, not at the first call

    def pace(self, model: str) -> Pace:
        """The pace of calls to a model, the same one at every use."""
        if model not in self._paces:
            self._paces[model] = Pace(**self._limits)
        return self._paces[model]
