"""Threads for what waits for a federation, beside an event loop.

``asyncio.to_thread`` and all that goes to a loop's default pool share a few threads: six on two cores. Airflow's
triggerer writes its log there (``structlog``'s async methods), also before it tells a trigger that its task was ended.
A few silent servers would keep all of them busy, so nothing that waits for a federation goes there.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def start_in_own_thread(
    function: Callable[Given, Answer], *arguments: Given.args, **keywords: Given.kwargs
) -> Future[Answer]:
    """Begin something in a thread that is made for it, and that no process waits for at its end.

    The thread has a copy of this one's context, so that what it logs comes to the same place.

    :param function: what to do.
    :return: what comes of it; cancelling that stops nothing.
    """
    future: Future[Answer] = Future()
    future.set_running_or_notify_cancel()
    context = copy_context()

    def run() -> None:
        try:
            answer: Any = context.run(function, *arguments, **keywords)
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(answer)

    threading.Thread(target=run, name=getattr(function, "__name__", "own-thread"), daemon=True).start()
    return future


async def in_own_thread(function: Callable[Given, Answer], *arguments: Given.args, **keywords: Given.kwargs) -> Answer:
    """Do something in a thread that is made for it. Where the waiting task is cancelled, the thread goes on.

    :param function: what to do.
    :return: what it gives.
    """
    return await asyncio.wrap_future(start_in_own_thread(function, *arguments, **keywords))
