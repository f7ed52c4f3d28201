"""Waiting for a job in a task, deferred or not, and what the job's end means to the task."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow_provider_dfm.federation.errors import FederationError, JobNotFound, JobTimedOut
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.job_watch import JobWait, wait_for_job
from airflow_provider_dfm.triggers.job import FederationJobTrigger

if TYPE_CHECKING:
    from airflow.sdk.types import Logger

    from airflow_provider_dfm.federation.results import FederationResults


def job_trigger(
    dfm_conn_id: str, job_id: str, poll_interval: float, timeout: float | None, cancel_on_kill: bool
) -> FederationJobTrigger:
    """The trigger for a wait that begins now.

    :param timeout: seconds the job has left; None: no limit.
    """
    return FederationJobTrigger(dfm_conn_id, job_id, poll_interval, _deadline(timeout), cancel_on_kill)


def wait_here(
    dfm_conn_id: str, job_id: str, poll_interval: float, timeout: float | None, log: Logger
) -> dict[str, Any]:
    """Wait in this process; gives the event that a trigger would have fired."""
    return wait_for_job(dfm_conn_id, JobWait(job_id, _deadline(timeout), log), poll_interval)


def conclude(dfm_conn_id: str, event: dict[str, Any], log: Logger, abort_on_timeout: bool) -> FederationResults | None:
    """Turn the event that ended a wait into the task's success or failure.

    :param event: as the trigger fires it.
    :param log: the task's log.
    :param abort_on_timeout: abort the job when its time was over.
    :return: the results of a pipeline; None for a plain FLARE job.
    :raises JobTimedOut: the time was over.
    :raises JobNotFound: nobody knows the job.
    :raises JobFailed, ResultsIncomplete, UnsafeResult: it did not do its work.
    """
    job_id = event["job_id"]
    if event.get("timed_out"):
        raise JobTimedOut(_timed_out(dfm_conn_id, event, log, abort_on_timeout))
    if event["status"] is None:
        raise JobNotFound(
            f"The federation of connection {dfm_conn_id!r} knows no job {job_id}. It may have been deleted, or "
            "belong to another federation."
        )
    with DfmHook(dfm_conn_id) as hook:
        results = hook.check_job(job_id)
    if results is None:
        log.info("Job %s ended as %s", job_id, event["status"])
    else:
        log.info(
            "Job %s answered all %s parameter sets with %s results",
            job_id,
            results.outcome.parameter_sets,
            len(results),
        )
    return results


def abort(dfm_conn_id: str, job_id: str, log: Logger) -> str:
    """Abort a job, in a session of its own; says how that went, and does not raise what a federation can cause."""
    try:
        with DfmHook(dfm_conn_id) as hook:
            hook.abort_job(job_id)
    except FederationError as error:
        log.error("Could not abort job %s: %s", job_id, error)
        return f"It could not be aborted: {error}"
    log.info("Aborted job %s", job_id)
    return "It was aborted."


def _deadline(timeout: float | None) -> float | None:
    return None if timeout is None else time.time() + timeout


def _timed_out(dfm_conn_id: str, event: dict[str, Any], log: Logger, abort_on_timeout: bool) -> str:
    job_id = event["job_id"]
    message = f"Job {job_id} did not end in time; it was last seen as {event['status'] or 'nothing'}."
    if event.get("fault"):
        message += f" The federation could not be asked: {event['fault']}"
    return f"{message} {abort(dfm_conn_id, job_id, log)}" if abort_on_timeout else f"{message} It was left running."
