"""Brings what a session host says to the threads that asked it."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# What a host says that has ended.
END = None

Message = dict[str, Any]
Messages = queue.SimpleQueue[Message | None]


class HostMessages:
    """Sorts replies and log lines by the requests that they belong to.

    There is no lock in here: a signal handler may ask while its own thread does. Each step is one that Python does as a
    whole.
    """

    def __init__(self) -> None:
        self._asked: dict[int, Messages] = {}
        self._ended = False
        # Log lines of nobody's request, from before the next one.
        self._unclaimed: Messages = queue.SimpleQueue()

    @contextmanager
    def of(self, number: int) -> Iterator[Messages]:
        """What is said for a request, while a ``with`` lasts: log lines and its reply; :data:`END` once the host ended.

        :param number: the request's.
        """
        messages: Messages = queue.SimpleQueue()
        self._asked[number] = messages
        if self._ended:
            messages.put(END)
        try:
            while True:
                try:
                    messages.put(self._unclaimed.get_nowait())
                except queue.Empty:
                    break
            yield messages
        finally:
            del self._asked[number]

    def take(self, text: str | None) -> None:
        """Take in what the host says.

        :param text: a message, as JSON; :data:`END`: it has ended.
        """
        if text is END:
            self._ended = True
            for messages in list(self._asked.values()):
                messages.put(END)
            return
        message = json.loads(text)
        asked = self._asked.get(message["number"])
        if asked is not None:
            asked.put(message)
        elif "log" in message:
            # Of a thread that belongs to no request: for the one that is asked now, or the next.
            next(iter(list(self._asked.values())), self._unclaimed).put(message)
