"""Brings a site's results to the server, many of them with one message.

This module travels with each job.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from .json_text import too_large
from .token_lines import token_line

TOPIC_RESULTS = "airflow_provider_dfm.results"
TOPIC_DONE = "airflow_provider_dfm.done"
TOKENS_AT_ONCE = 200
BYTES_AT_ONCE = 1 << 20
# As much waits at most, in the memory of somebody else's site; then the operations do.
TOKENS_WAITING = 200
BYTES_WAITING = 8 << 20


class Outbox:
    """Sends tokens in the order in which they come, in a thread of its own.

    DFM sends each with a message of its own, while its operation's thread waits: 10,000 parameter sets take it minutes.

    :param send: brings some lines, one token each, to the server, and raises where it cannot; gets their number, too,
        which counts from 1, and by which the server knows what comes a second time.
    :param fail: is told of the error then; what comes afterwards is refused.
    """

    def __init__(self, send: Callable[[int, list[str]], None], fail: Callable[[Exception], None]) -> None:
        self._send = send
        self._fail = fail
        self._changed = threading.Condition()
        self._lines: deque[str] = deque()
        self._bytes = 0
        self._taken = 0
        self._sent = 0
        self._messages = 0
        self._failure: Exception | None = None
        threading.Thread(target=self._run, name="outbox", daemon=True).start()

    def put(self, token: Any) -> None:
        """Take a token, a DFM ``TokenPackage``.

        :raises RuntimeError: one before it could not be sent.
        :raises ValueError: it is larger than the server takes.
        """
        line = token_line(token)
        size = too_large(line)
        if size:
            raise ValueError(
                f"a value for place {token.target_place!r} is too large: as JSON it has {size}. Yield it in parts, or "
                "write it to storage and yield its address"
            )
        with self._changed:
            self._changed.wait_for(lambda: self._failure is not None or self._has_room())
            self._check()
            self._lines.append(line)
            self._bytes += len(line)
            self._taken += 1
            self._changed.notify_all()

    def flush(self) -> int:
        """Wait until all that has come so far is with the server.

        :return: the number of the last message.
        :raises RuntimeError: it is not.
        """
        with self._changed:
            taken = self._taken
            self._changed.wait_for(lambda: self._failure is not None or self._sent >= taken)
            self._check()
            return self._messages

    def _has_room(self) -> bool:
        return len(self._lines) < TOKENS_WAITING and self._bytes < BYTES_WAITING

    def _check(self) -> None:
        if self._failure is not None:
            raise RuntimeError(str(self._failure)) from self._failure

    def _run(self) -> None:
        number = 0
        while self._failure is None:
            lines = self._some()
            number += 1
            try:
                self._send(number, lines)
            except Exception as error:
                with self._changed:
                    self._failure = error
                    self._changed.notify_all()
                self._fail(error)
                return
            with self._changed:
                self._sent += len(lines)
                self._messages = number
                self._bytes -= sum(map(len, lines))
                self._changed.notify_all()

    def _some(self) -> list[str]:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._lines))
            lines = [self._lines.popleft()]
            size = len(lines[0])
            while self._lines and len(lines) < TOKENS_AT_ONCE and size < BYTES_AT_ONCE:
                lines.append(self._lines.popleft())
                size += len(lines[-1])
        return lines
