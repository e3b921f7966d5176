"""The provider of a batch, and what the user is told when it does not do as asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cotjudge.batches.shelf import Batch, Shelf
from cotjudge.errors import JudgeUnusable
from cotjudge.judges.batch_door import Provider
from cotjudge.judges.faults import Fault
from cotjudge.judges.llm import LLMSettings


def provider_of(spec: str, settings: LLMSettings | Mapping[str, Any], api_base: str | None = None) -> Provider:
    """The provider that takes a judge's batches.

    Args:
        spec: the judge's model string.
        settings: the judge's settings.
        api_base: where it is served, instead of what the settings say.

    Raises:
        SettingsError: this provider's batches cannot be used, or nobody says where they are.
        JudgeUnusable: the model string names no provider.
    """
    s = settings if isinstance(settings, LLMSettings) else LLMSettings.model_validate(settings)
    return Provider(spec, api_base=api_base or s.api_base, first_wait_s=s.first_wait_s)


def unusable(batch: Batch, doing: str, fault: Fault, advice: str) -> JudgeUnusable:
    """A fault as the line for the user."""
    return JudgeUnusable(f"{batch.judge}: batch {batch.id} could not be {doing} ({fault.reason}); {advice}")


def submission_failed(shelf: Shelf, batch: Batch, fault: Fault) -> JudgeUnusable:
    """Keep what can be sent again, give up what was refused for good; and the line for the user."""
    if fault.treatment in ("bad_request", "over_context", "refused"):
        shelf.save(batch.model_copy(update={"stage": "refused", "asked": {}}))
        return unusable(batch, "sent", fault, "its judgements will be asked anew")
    return unusable(batch, "sent", fault, "nothing is lost: it goes with the next `cotjudge batch status`")
