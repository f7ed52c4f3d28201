"""Aborts jobs of a FLARE server, many of them at once."""

from __future__ import annotations

import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from airflow_provider_dfm.remote.failures import NamedError, flare_errors

NOT_STARTED = ("SUBMITTED", "APPROVED", "DISPATCHED")
# A server takes about three seconds to tell a running job's sites, and does so for several jobs at once.
AT_ONCE = 16
# Less than the five seconds that Airflow gives a task that it ends.
START_SECONDS = 3.0
# Up to this many jobs, asking for each costs less than listing all.
FEW = 4

# Job id to the name and the message of the error.
Refusals = dict[str, list[str]]


def abort_jobs(session: Any, job_ids: list[str]) -> Refusals:
    """Abort jobs; those that have ended stay as they are.

    A server that is just bringing a job to its sites calls it aborted, and runs it all the same: it sets the status
    of one that is not running yet, which its runner then overwrites (nvflare/private/fed/server/job_cmds.py,
    abort_job). So the jobs that had not started are looked at again.

    :param session: nvflare's.
    :param job_ids: the jobs.
    :return: those that could not be aborted.
    """
    refusals: Refusals = {}
    waiting = _abort(session, job_ids, refusals)
    ends = time.monotonic() + START_SECONDS
    while waiting and time.monotonic() < ends:
        time.sleep(0.5)
        started = _started(session, waiting)
        _abort(session, started, refusals)
        waiting -= started
    return refusals


def _abort(session: Any, job_ids: Collection[str], refusals: Refusals) -> set[str]:
    """Abort each job once; gives those that had not started."""
    waiting: set[str] = set()

    def abort(job_id: str) -> None:
        try:
            with flare_errors(f"aborting job {job_id}"):
                status = str(session.get_job_meta(job_id)["status"])
                session.abort_job(job_id)
        except NamedError as error:
            refusals[job_id] = [error.error_name, str(error)]
            return
        if status in NOT_STARTED:
            waiting.add(job_id)

    if len(job_ids) == 1:
        abort(*job_ids)
    elif job_ids:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(abort, job_ids))
    return waiting


def _started(session: Any, job_ids: set[str]) -> set[str]:
    """The jobs that run, although they were aborted."""
    try:
        if len(job_ids) > FEW:
            return {job["job_id"] for job in session.list_jobs() if job["status"] == "RUNNING"} & job_ids
        return {job_id for job_id in job_ids if session.get_job_meta(job_id)["status"] == "RUNNING"}
    except Exception:  # they were aborted: that the second look fails is no refusal
        return set()
