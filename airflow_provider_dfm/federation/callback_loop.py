"""Where async callbacks run in a thread that has no event loop of its own."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable
from types import TracebackType
from typing import Any


class CallbackLoop:
    """An event loop for the async callbacks of one wait, made when it is first needed; use it in a ``with``."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> CallbackLoop:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the loop, and what runs on it."""
        loop, self._loop = self._loop, None
        if loop is None:
            return
        try:
            # As asyncio.run does; its Runner came with Python 3.11.
            loop.run_until_complete(_cancel_others())
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            loop.close()

    def run(self, awaitable: Awaitable[Any]) -> None:
        """Run what an async callback returned, to its end.

        :raises RuntimeError: a loop runs in this thread already.
        """
        if _runs_here():
            if inspect.iscoroutine(awaitable):
                awaitable.close()
            raise RuntimeError(
                "an async callback cannot run here, where an event loop runs already: await the job's "
                "wait_until_finished_async() or process_pending_async() there"
            )
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(_awaited(awaitable))

    def sleep(self, seconds: float) -> None:
        """Wait; what callbacks have started goes on meanwhile."""
        if self._loop is None:
            time.sleep(seconds)
        else:
            self._loop.run_until_complete(asyncio.sleep(seconds))


async def _awaited(awaitable: Awaitable[Any]) -> None:
    await awaitable


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _runs_here() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
