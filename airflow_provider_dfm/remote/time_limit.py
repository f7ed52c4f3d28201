"""Bounds what nothing else bounds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


def within(seconds: float, action: Callable[..., Any], *arguments: Any) -> Any:
    """Do something in a thread that nobody waits for longer than wanted.

    The client library's own limit for a log-in leaves out the time in which a server takes the connection and says
    nothing: nvflare/fuel/hci/client/api.py, ``connect``, waits half a minute for its cell first.

    :param seconds: how long to wait.
    :param action: what to do. It goes on when the time is over, so this process had better end then.
    :raises TimeoutError: it was not done in time.
    """
    done: list[Any] = []
    failed: list[Exception] = []

    def run() -> None:
        try:
            done.append(action(*arguments))
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="time-limit", daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return done[0]
