"""Lets a site's net come to its end; DFM's own runner now and then stops a transition twice, or waits for itself.

This module travels with each job, and to the site processes of the local target.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from nv_dfm_core.exec import _net_runner


def mend_wind_down() -> None:
    """Have this process's net runners stop each of their transitions once, and shut down whatever is queued.

    In nv_dfm_core/exec/_net_runner.py, ``_schedule_wind_down_if_needed``, a transition is neither winding down nor
    stopping for a moment, in which the runner's other thread may begin to stop it again. When the first of the two
    has ended the runner is shut down, which cancels the second with a lock held that the second's callback waits
    for: the site never says that it is done. Seen in one of a hundred jobs on a busy machine.

    So it is with everything that is queued when the runner is shut down, after an error or an abort: the callbacks of
    what is cancelled would wait for the lock, and note the cancellation as the error.
    """
    runner = _net_runner.NetRunner
    if runner._schedule_wind_down_if_needed is _schedule_wind_down:
        return
    runner._schedule_wind_down_if_needed = _schedule_wind_down
    for name in ("_cleanup_when_normal_future_is_done", "_cleanup_when_stopping_future_is_done"):
        setattr(runner, name, _unless_cancelled(getattr(runner, name)))


def _unless_cancelled(make_callback: Callable[..., Callable[[Any], None]]) -> Callable[..., Callable[[Any], None]]:
    def make(self: Any, *arguments: Any) -> Callable[[Any], None]:
        callback = make_callback(self, *arguments)

        def call_back(future: Any) -> None:
            # Only a runner that is shut down cancels any, and forgets them all.
            if not future.cancelled():
                callback(future)

        return call_back

    return make


def _schedule_wind_down(self: Any, executor: Executor, func: Any) -> None:
    with self._scheduling_lock:
        if func not in self._wind_down or self._futures.get(func):
            return
        activation = self._wind_down.pop(func)
        # An error may have shut the pool down.
        if self._shutdown_event.is_set():
            return
        self._futures.pop(func, None)
        # Until there is a real one, so that the transition counts as stopping from here on.
        self._stopping[func] = Future()
    future = executor.submit(
        _net_runner.transition_async_wrapper,
        activation,
        self._this_site_instance,
        self._dfm_context,
        self._logger,
        self,
    )
    with self._scheduling_lock:
        self._stopping[func] = future
    # Without the lock, which the callback takes, at once where the future is done.
    future.add_done_callback(self._cleanup_when_stopping_future_is_done(func))
