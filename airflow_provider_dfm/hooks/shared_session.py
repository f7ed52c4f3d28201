"""The one session that all threads of a hook share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from airflow_provider_dfm.federation.errors import FederationUnreachable

if TYPE_CHECKING:
    from airflow_provider_dfm.federation.session import FederationSession


class SharedSession:
    """Opens a session when it is first wanted, and another after each close; there is one at a time.

    :param make: makes a session, not open yet.
    """

    def __init__(self, make: Callable[[], FederationSession]) -> None:
        self._make = make
        # Opening takes up to a minute, for which a close must not wait: it goes by the second lock. A signal handler
        # may come here inside of either.
        self._opening, self._changing = threading.RLock(), threading.RLock()
        self._times_closed = 0
        self._of_thread = threading.local()
        #: The open session, or None.
        self.current: FederationSession | None = None

    def get(self) -> FederationSession:
        """The open session; opens it where it is not.

        :raises FederationError: it cannot be opened, or was closed meanwhile.
        """
        with self._opening:
            session = self.current or self._open()
        self._of_thread.session = session
        return session

    def close(self) -> None:
        """End the session, and one that is being opened. Does nothing the second time."""
        with self._changing:
            self._times_closed += 1
            session, self.current = self.current, None
        if session is not None:
            session.close()

    def close_failed(self) -> None:
        """End the session that this thread was given last, unless another one has taken its place by now."""
        failed: FederationSession | None = getattr(self._of_thread, "session", None)
        with self._changing:
            if failed is None or failed is not self.current:
                return
            self.current = None
        failed.close()

    def _open(self) -> FederationSession:
        times_closed = self._times_closed
        session = self._make()
        session.open()
        with self._changing:
            if self.current is None and self._times_closed == times_closed:
                self.current = session
                return session
        session.close()
        raise FederationUnreachable("The session was closed while it was being opened. Open a new one.")
