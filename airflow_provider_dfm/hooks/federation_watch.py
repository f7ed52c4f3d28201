"""What all that look at a federation again and again have in common: one session, opened anew after each fault."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from airflow_provider_dfm.federation.errors import FederationError, PermanentFederationError
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.remote.foreign_text import fit

MAX_PAUSE_SECONDS = 60.0
# A fault that waiting cannot mend is believed once so many looks in a row, over so long a time, have met one: a kit
# that is replaced file by file, or a proxy's maintenance page, looks like one for a moment.
BELIEVED_LOOKS = 3
BELIEVED_SECONDS = 60.0

Seen = TypeVar("Seen")


@dataclass(frozen=True)
class Fault:
    """Why a federation could not be asked.

    :param reason: in words.
    :param permanent: the name of its error where waiting cannot mend it, and that is believed by now; or ``""``.
    """

    reason: str
    permanent: str = ""


class Doubt:
    """Whether a fault that waiting cannot mend is believed: not before it has come again and again."""

    def __init__(self) -> None:
        self._looks = 0
        self._since = 0.0

    def name(self, error: Exception) -> str:
        """The error's name, where waiting cannot mend it and that is believed by now; or ``""``.

        :param error: what this look met.
        """
        if not isinstance(error, PermanentFederationError):
            self.clear()
            return ""
        now = time.monotonic()
        if not self._looks:
            self._since = now
        self._looks += 1
        believed = self._looks >= BELIEVED_LOOKS and now - self._since >= BELIEVED_SECONDS
        return type(error).__name__ if believed else ""

    def clear(self) -> None:
        """A look met no such fault."""
        self._looks = 0


class FederationWatch:
    """One session that looks as often as it is asked to, and that others may use meanwhile.

    :param hook: opens the session; it belongs to the watch from now on.
    :param worked_before: whether the connection has worked, so that a fault that seems to stay is not believed at the
        first look.
    """

    def __init__(self, hook: DfmHook, worked_before: bool = True) -> None:
        self._hook = hook
        self._worked = worked_before
        self._doubt = Doubt()
        self._counting = threading.Lock()
        # Whoever made the watch, until it closes it, and all who are asking something.
        self._users = 1
        self._closed = False
        self._faults = 0

    @contextmanager
    def session(self) -> Iterator[DfmHook]:
        """The hook, for a ``with``. Its session stays open for all who use it at the time, after :meth:`close` too."""
        with self._counting:
            self._users += 1
        try:
            yield self._hook
        finally:
            self._leave()

    def look(self, ask: Callable[[DfmHook], Seen]) -> Seen | Fault:
        """Look once.

        :param ask: asks the federation.
        :return: what was seen; a fault is not an exception.
        """
        with self.session() as hook:
            if self._closed:
                return Fault("the watch is closed")
            try:
                seen = ask(hook)
            except Exception as error:  # Airflow's own too, and those of a machine that lacks threads or memory
                # An error that has no name may pass too, and must not end the waits of all that share the watch.
                self._faults += 1
                fault = str(error)
                if not isinstance(error, FederationError):
                    fault = fit(f"{type(error).__name__}: {error}")
                    hook.log.warning("A look at the federation failed", exc_info=True)
                hook.close_failed()
                return Fault(fault, self._permanent(error))
            except BaseException:
                hook.close()
                raise
            self._faults = 0
            self._worked = True
            self._doubt.clear()
            return seen

    def _permanent(self, error: Exception) -> str:
        if not self._worked and isinstance(error, PermanentFederationError):
            return type(error).__name__
        return self._doubt.name(error)

    def pause(self, poll_interval: float) -> float:
        """Seconds until the next look: the interval, and longer after each fault in a row."""
        return max(poll_interval, min(poll_interval * 2.0**self._faults, MAX_PAUSE_SECONDS))

    def close(self) -> None:
        """End the session, once all that use it are done. Does nothing the second time."""
        with self._counting:
            if self._closed:
                return
            self._closed = True
        self._leave()

    def _leave(self) -> None:
        with self._counting:
            self._users -= 1
            if self._users:
                return
        self._hook.close()
