"""Until when a try of a task goes on."""

from __future__ import annotations

from datetime import timedelta

from airflow_provider_dfm.hooks.patience import MAX_PAUSE_SECONDS, PATIENCE_SECONDS, Patience

# Airflow's own timer aborts the job whatever on_timeout says, so the wait ends before it: by this much, or by a tenth
# of a short execution_timeout.
EXECUTION_TIMEOUT_MARGIN_SECONDS = 5.0


def within_execution_timeout(
    ends_at: float, started: float, execution_timeout: timedelta | None, *, defers: bool
) -> float:
    """A time, or that at which a try's ``execution_timeout`` is over, in seconds since 1970.

    :param ends_at: the time.
    :param started: when the try began.
    :param execution_timeout: the task's.
    :param defers: whether the task waits in the triggerer: there Airflow itself does not look at it
        (task_runner.py, ``_run_execute_callable``).
    """
    if execution_timeout is None:
        return ends_at
    seconds = execution_timeout.total_seconds()
    margin = 0.0 if defers else min(EXECUTION_TIMEOUT_MARGIN_SECONDS, seconds / 10)
    return min(ends_at, started + seconds - margin)


def patience_of(outage_timeout: float | None, outage_interval: float | None, timeout: float) -> Patience:
    """What an operator's arguments say of outages.

    :param outage_timeout: seconds; None: five minutes, or ``timeout`` where that is less.
    :param outage_interval: seconds; None: 30.
    :param timeout: seconds the job may take.
    """
    return Patience(
        min(PATIENCE_SECONDS, timeout) if outage_timeout is None else outage_timeout,
        MAX_PAUSE_SECONDS if outage_interval is None else outage_interval,
    )
