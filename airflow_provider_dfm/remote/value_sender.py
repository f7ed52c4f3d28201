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

    The operation waits meanwhile. However many do at once, only one piece is on its way, and in memory.

    :param send: brings a message of texts and, at its end, bytes to the server, and raises where it cannot.
    """

    def __init__(self, send: Callable[[list[Any]], None]) -> None:
        self._send = send
        self._sending = threading.Lock()
        self._number = 0

    def keep(self, buffer: memoryview) -> dict[str, Any]:
        """Send a value, or a part of it.

        :param buffer: its bytes.
        :return: what stands for them; see :func:`value_store.stands_for`.
        :raises RuntimeError: they did not arrive.
        """
        digest = hashlib.sha256()
        with self._sending:
            for start in range(0, buffer.nbytes, PIECE_BYTES):
                piece = bytes(buffer[start : start + PIECE_BYTES])
                digest.update(piece)
                self._number += 1
                is_last = start + PIECE_BYTES >= buffer.nbytes
                self._send([str(self._number), digest.hexdigest() if is_last else "", piece])
        return stands_for(digest.hexdigest(), buffer.nbytes)
