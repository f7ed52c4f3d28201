"""What an open pipeline was sent after its submit: each send once, in one order, whoever sends.

This module travels with each job, too, and is the same on both targets.
"""

from __future__ import annotations

import json
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from .line_file import LineFile

SENDS = "sends.jsonl"

Frames = list[tuple[int, dict[str, Any]]]
Deliver = Callable[[Frames, bool], None]


class SentSets:
    """The sends to one job, noted in a file of its workspace before they are delivered.

    A send is answered once it is delivered. Where that fails, it is tried again before anything else is sent.

    :param parameter_sets: how many sets the job was submitted with; the next one has this index.
    :param deliver: takes the sets with their indices, and whether the pipeline is to stop after them. It is called
        with one send after the other, in the order of the indices; where it raises, it is called with the same send
        again, and goes on where it stopped.
    """

    def __init__(self, parameter_sets: int, deliver: Deliver) -> None:
        self._next = parameter_sets
        self._deliver = deliver
        self._lock = threading.Lock()
        self._answers: dict[str, dict[str, Any]] = {}
        self._stopped = False
        self._undelivered: deque[tuple[Frames, bool]] = deque()
        self._file: LineFile | None = None

    def open(self, folder: str) -> None:
        """Note the sends in ``folder``."""
        os.makedirs(folder, exist_ok=True)
        self._file = LineFile(os.path.join(folder, SENDS))

    def __len__(self) -> int:
        """How many parameter sets the job has by now."""
        return self._next

    def __contains__(self, number: object) -> bool:
        """Whether the job has a parameter set of this number by now."""
        return isinstance(number, int) and 0 <= number < self._next

    def send(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do a send, unless it was done before.

        :param request: ``key``, by which a send that is repeated is known; ``content``, a SHA-256 of the rest;
            ``sets``; ``stop``: whether the pipeline is to end after them.
        :return: ``first`` and ``count`` of the sets' indices; or ``error``, a name, and ``message``.
        :raises Exception: it was not noted, or not delivered; whoever repeats it has it noted, or delivered, then.
        """
        key, content, sets, stop = (request[name] for name in ("key", "content", "sets", "stop"))
        with self._lock:
            noted = self._answers.get(key)
            if noted is not None and noted["content"] != content:
                return _conflict(key)
            self._deliver_all()
            if noted is not None:
                return noted
            if self._stopped:
                # To stop what is stopped is no fault.
                return _stopped() if sets else {"first": self._next, "count": 0}
            noted = {"key": key, "content": content, "first": self._next, "count": len(sets), "stop": stop}
            if self._file is None:
                raise RuntimeError("the pipeline takes no parameter sets yet")
            self._file.append([json.dumps(noted)], to_disk=True)
            self._answers[key] = noted
            self._stopped = stop
            self._next += len(sets)
            self._undelivered.append((list(enumerate(sets, start=noted["first"])), stop))
            self._deliver_all()
            return noted

    def _deliver_all(self) -> None:
        while self._undelivered:
            self._deliver(*self._undelivered[0])
            self._undelivered.popleft()


def _conflict(key: str) -> dict[str, Any]:
    return {
        "error": "JobContentConflict",
        "message": f"Other parameter sets were sent under the same key before ({key}). A parameter that is rendered "
        "anew at each try, such as the current time, does that. Clear the task to send the new ones as well.",
    }


def _stopped() -> dict[str, Any]:
    return {
        "error": "JobNotRunning",
        "message": "The pipeline was stopped, and takes no further parameter sets. Submit them as another job.",
    }
