"""Brings what a session host says to the threads that asked it."""

from __future__ import annotations

import json
import math
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

# A host begins with the next request at once; on a machine with much to do, within this time.
TURN_SECONDS = 2.0
# What a host says that has ended.
END = None

Message = dict[str, Any]
Messages = queue.SimpleQueue[Message | None]


@dataclass
class Asked:
    """A request.

    :param thread: the one that asks, and watches over the request's time.
    :param messages: what the host said for it.
    :param ends: until when the others have to wait for it; infinite until its reply came.
    """

    thread: int
    messages: Messages = field(default_factory=queue.SimpleQueue)
    ends: float = math.inf


class HostMessages:
    """Sorts replies and log lines by the requests that they belong to.

    There is no lock in here: a signal handler may ask while its own thread does. Each step is one that Python does as a
    whole.
    """

    def __init__(self) -> None:
        self._asked: dict[int, Asked] = {}
        # Those that the host has begun with. One that it has replied to stays until it begins with another.
        self._begun: dict[int, Asked] = {}
        self._ended = False
        # Log lines of nobody's request, from before the next one.
        self._unclaimed: Messages = queue.SimpleQueue()

    @contextmanager
    def of(self, number: int) -> Iterator[Messages]:
        """What is said for a request, while a ``with`` lasts: that its turn has come, log lines and its reply; and
        :data:`END` once the host ended.

        :param number: the request's.
        """
        asked = self._asked[number] = Asked(threading.get_ident())
        if self._ended:
            asked.messages.put(END)
        try:
            while True:
                try:
                    asked.messages.put(self._unclaimed.get_nowait())
                except queue.Empty:
                    break
            yield asked.messages
        finally:
            del self._asked[number]
            if asked.ends == math.inf:
                # Nobody watches over its time any more.
                self._begun.pop(number, None)

    def waits_for_others(self, number: int) -> bool:
        """Whether the host has not begun with a request, since it is answering one that another thread watches.

        :param number: the request's.
        """
        here, now = threading.get_ident(), time.monotonic()
        begun = list(self._begun.values())
        return number not in self._begun and any(asked.thread != here and now < asked.ends for asked in begun)

    def take(self, text: str | None) -> None:
        """Take in what the host says.

        :param text: a message, as JSON; :data:`END`: it has ended.
        """
        if text is END:
            self._ended = True
            for asked in list(self._asked.values()):
                asked.messages.put(END)
            return
        message = json.loads(text)
        number = message["number"]
        claimed = self._asked.get(number)
        if claimed is not None:
            self._claim(number, claimed, message)
        elif "log" in message:
            # Of a thread that belongs to no request: for the one that is asked now, or the next.
            waiting = [asked.messages for asked in list(self._asked.values())]
            (waiting or [self._unclaimed])[0].put(message)

    def _claim(self, number: int, asked: Asked, message: Message) -> None:
        if "begins" in message:
            for begun in [begun for begun, other in list(self._begun.items()) if other.ends < math.inf]:
                self._begun.pop(begun, None)
            self._begun[number] = asked
        elif "log" not in message:
            asked.ends = time.monotonic() + TURN_SECONDS
        asked.messages.put(message)
