"""What all that look at a federation again and again have in common: one session, opened anew after each fault."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from airflow_provider_dfm.federation.errors import FederationError, PermanentFederationError
from airflow_provider_dfm.hooks.dfm import DfmHook

MAX_PAUSE_SECONDS = 60.0

Seen = TypeVar("Seen")


@dataclass(frozen=True)
class Fault:
    """Why a federation could not be asked.

    :param reason: in words.
    :param permanent: the name of its error where waiting cannot mend it, or ``""``.
    """

    reason: str
    permanent: str = ""


class FederationWatch:
    """One session that looks as often as it is asked to.

    :param hook: opens the session; it belongs to the watch from now on.
    """

    def __init__(self, hook: DfmHook) -> None:
        self._hook = hook
        self._closed = False
        self._using = threading.RLock()
        self._faults = 0

    def look(self, ask: Callable[[DfmHook], Seen]) -> Seen | Fault:
        """Look once.

        :param ask: asks the federation.
        :return: what was seen; a fault is not an exception.
        """
        with self._using:
            if self._closed:
                return Fault("the watch is closed")
            try:
                seen = ask(self._hook)
            except FederationError as error:
                # An error that has no name may pass too, and one job's must not end the wait for all others.
                self._faults += 1
                self._hook.close()
                permanent = type(error).__name__ if isinstance(error, PermanentFederationError) else ""
                return Fault(str(error), permanent)
            except BaseException:
                self._hook.close()
                raise
            self._faults = 0
            return seen

    def pause(self, poll_interval: float) -> float:
        """Seconds until the next look: the interval, and longer after each fault in a row."""
        return max(poll_interval, min(poll_interval * 2.0**self._faults, MAX_PAUSE_SECONDS))

    def close(self) -> None:
        """End the session, once a look under way is over."""
        with self._using:
            self._closed = True
            self._hook.close()
