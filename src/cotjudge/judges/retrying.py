"""Trying a call again: which faults are worth another try, and how long to wait for it."""

from __future__ import annotations

import tenacity

from cotjudge.judges.faults import Fault
from cotjudge.judges.llm_settings import LLMSettings


def retrying(settings: LLMSettings) -> tenacity.AsyncRetrying:
    """What repeats a call after a passing fault, as often and as patiently as the settings say; then raises the fault.

    Waits grow exponentially at random; a provider's Retry-After is honoured instead, and one that is longer than
    we wait ends the tries at once.
    """
    return tenacity.AsyncRetrying(
        stop=tenacity.stop_after_attempt(1 + settings.retries),
        retry=tenacity.retry_if_exception(lambda error: _worth_waiting(error, settings)),
        wait=lambda state: _pause(state, settings),
        reraise=True,
    )


def _worth_waiting(error: BaseException, settings: LLMSettings) -> bool:
    if not isinstance(error, Fault) or not error.worth_retrying:
        return False
    return (error.retry_after_s or 0.0) <= settings.longest_wait_s


def _pause(state: tenacity.RetryCallState, settings: LLMSettings) -> float:
    random = tenacity.wait_random_exponential(multiplier=settings.first_wait_s, max=settings.longest_wait_s)(state)
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after_s if isinstance(error, Fault) else None
    return random if asked is None else asked + min(random, settings.first_wait_s) / 4  # so that not all come at once
