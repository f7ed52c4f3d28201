"""Sends a site's large values to the server, piece by piece. This module travels with each job."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from typing import Any

from .value_store import PIECE_BYTES, stands_for

TOPIC_VALUES = "airflow_provider_dfm.values"


class ValueSender:
    """Brings the bytes of values to the server before the results that name them.

    The operation waits meanwhile. However many do at once, only one piece is on its way, and in memory. After a value
    that did not arrive no other is sent: the server may have a part of it, and would take what follows for the rest.

    :param send: brings a message of texts and, at its end, bytes to the server, and raises where it cannot.
    """

    def __init__(self, send: Callable[[list[Any]], None]) -> None:
        self._send = send
        self._sending = threading.Lock()
        self._number = 0
        self._failure: Exception | None = None

    def keep(self, buffer: memoryview) -> dict[str, Any]:
        """Send a value, or a part of it.

        :param buffer: its bytes.
        :return: what stands for them; see :func:`value_store.stands_for`.
        :raises RuntimeError: they, or those of a value before them, did not arrive.
        """
        with self._sending:
            if self._failure is not None:
                raise RuntimeError(str(self._failure)) from self._failure
            try:
                return self._send_all(buffer)
            except Exception as error:
                self._failure = error
                raise

    def _send_all(self, buffer: memoryview) -> dict[str, Any]:
        digest = hashlib.sha256()
        for start in range(0, buffer.nbytes, PIECE_BYTES):
            # A copy, so that what is sent is what its checksum is of, though the site's code may write to the array.
            piece = bytes(buffer[start : start + PIECE_BYTES])
            digest.update(piece)
            self._number += 1
            is_last = start + PIECE_BYTES >= buffer.nbytes
            self._send([str(self._number), digest.hexdigest() if is_last else "", piece])
        return stands_for(digest.hexdigest(), buffer.nbytes)
