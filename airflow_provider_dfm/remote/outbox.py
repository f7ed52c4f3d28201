"""Brings a site's results to the server, many of them with one message.

This module travels with each job.
"""

from __future__ import annotations

import contextlib
import json
import queue
import threading
from collections.abc import Callable
from typing import Any

TOPIC_RESULTS = "airflow_provider_dfm.results"
# As many wait at most; then the operations do.
TOKENS_AT_ONCE = 200
BYTES_AT_ONCE = 1 << 20


class Outbox:
    """Sends tokens in the order in which they come, in a thread of its own.

    DFM sends each with a message of its own, while its operation's thread waits: 10,000 parameter sets take it minutes.

    :param send: brings some lines, one token each, to the server, and raises where it cannot.
    :param fail: is told of the error then; what comes afterwards is refused.
    """

    def __init__(self, send: Callable[[list[str]], None], fail: Callable[[Exception], None]) -> None:
        self._send = send
        self._fail = fail
        self._lines: queue.Queue[str] = queue.Queue(TOKENS_AT_ONCE)
        self._failure: Exception | None = None
        threading.Thread(target=self._run, name="outbox", daemon=True).start()

    def put(self, token: Any) -> None:
        """Take a token, a DFM ``TokenPackage``."""
        self._check()
        self._lines.put(json.dumps(token.model_dump(mode="json")))

    def flush(self) -> None:
        """Wait until all that came is with the server.

        :raises RuntimeError: it is not.
        """
        self._lines.join()
        self._check()

    def _check(self) -> None:
        if self._failure is not None:
            raise RuntimeError(str(self._failure)) from self._failure

    def _run(self) -> None:
        while True:
            lines = self._some()
            try:
                if self._failure is None:
                    self._send(lines)
            except Exception as error:
                self._failure = error
                self._fail(error)
            finally:
                for _ in lines:
                    self._lines.task_done()

    def _some(self) -> list[str]:
        lines = [self._lines.get()]
        size = len(lines[0])
        with contextlib.suppress(queue.Empty):
            while len(lines) < TOKENS_AT_ONCE and size < BYTES_AT_ONCE:
                lines.append(self._lines.get_nowait())
                size += len(lines[-1])
        return lines
