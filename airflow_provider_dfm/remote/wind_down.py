"""Lets each transition of a site's net stop once; DFM's own runner now and then stops one twice, and then hangs.

This module travels with each job, and to the site processes of the local target.
"""

from __future__ import annotations

from concurrent.futures import Executor, Future
from typing import Any

from nv_dfm_core.exec import _net_runner


def mend_wind_down() -> None:
    """Have this process's net runners stop each of their transitions once.

    In nv_dfm_core/exec/_net_runner.py, ``_schedule_wind_down_if_needed``, a transition is neither winding down nor
    stopping for a moment, in which the runner's other thread may begin to stop it again. When the first of the two
    has ended the runner is shut down, which cancels the second with a lock held that the second's callback waits
    for: the site never says that it is done. Seen in one of a hundred jobs on a busy machine.
    """
    _net_runner.NetRunner._schedule_wind_down_if_needed = _schedule_wind_down


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
