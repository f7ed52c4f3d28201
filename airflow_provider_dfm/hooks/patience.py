"""Tries again what a federation that is away for a moment keeps from being done."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_exponential

from airflow_provider_dfm.federation.errors import (
    ConnectionNotFound,
    JobFailed,
    JobTimedOut,
    SitesMissing,
    StorageFailed,
    TransientFederationError,
)

if TYPE_CHECKING:
    from airflow.sdk.types import Logger

    from airflow_provider_dfm.hooks.dfm import DfmHook

# Longer outages are for Airflow's own retries, where nobody says otherwise: a worker is held here.
PATIENCE_SECONDS = 300.0
MAX_PAUSE_SECONDS = 30.0


@dataclass(frozen=True)
class Patience:
    """How long to try again.

    :param seconds: for how long.
    :param pause: seconds that a pause between two tries may have; the first ones are shorter.
    """

    seconds: float = PATIENCE_SECONDS
    pause: float = MAX_PAUSE_SECONDS


Answer = TypeVar("Answer")


def patiently(
    action: Callable[[], Answer],
    hook: DfmHook,
    log: Logger,
    ends_at: float | None = None,
    patience: Patience = Patience(),
) -> Answer:
    """Do something in a session, and again in a new one after each error that may pass.

    :param action: what to do; doing it twice has to be safe.
    :param hook: the session that failed is ended after each error, so that the action opens another; one that another
        thread has opened meanwhile is left open.
    :param log: gets each error that is not the last one.
    :param ends_at: when to try for the last time, in seconds since 1970, where that is before ``patience`` ends. It is
        done once where that is over already.
    :param patience: for how long, and with which pauses.
    :raises FederationError: the last error.
    """

    def again(state: RetryCallState) -> None:
        assert state.outcome is not None
        assert state.next_action is not None
        log.warning("Trying again in %.0f s: %s", state.next_action.sleep, state.outcome.exception())
        # A file that cannot be kept is no fault of the session, with which a local job would be lost.
        if not isinstance(state.outcome.exception(), StorageFailed):
            hook.close_failed()

    def pause(state: RetryCallState) -> float:
        # The last attempt is not later than wanted, however long the pauses have grown.
        return max(0.0, min(growing(state), seconds - (state.seconds_since_start or 0.0)))

    growing = wait_exponential(max=patience.pause)
    seconds = patience.seconds if ends_at is None else min(patience.seconds, ends_at - time.time())
    retrying = Retrying(
        retry=retry_if_exception(may_pass),
        wait=pause,
        stop=stop_after_delay(seconds),
        before_sleep=again,
        reraise=True,
    )
    return retrying(action)


def may_pass(error: BaseException) -> bool:
    """Whether trying again soon may help against an error.

    :param error: the error.
    """
    # A deadline does not pass, a site can stay away for days, a job that has ended does not begin again, and a
    # connection that Airflow does not give is as a rule misspelt.
    lasting = (JobTimedOut, SitesMissing, JobFailed, ConnectionNotFound)
    return isinstance(error, TransientFederationError) and not isinstance(error, lasting)
