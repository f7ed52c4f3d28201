"""Aborts the jobs that a task had before it began anew."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from airflow_provider_dfm.federation.errors import (
    FederationError,
    JobNotFound,
    is_unnamed,
)
from airflow_provider_dfm.hooks.lost_jobs import RUNNING

if TYPE_CHECKING:
    from airflow.sdk.types import Logger

    from airflow_provider_dfm.hooks.dfm import DfmHook


def abort_former_jobs(hook: DfmHook, job_ids: Collection[str], given_up: Collection[str], log: Logger) -> None:
    """Abort a task's former jobs; doing it twice is safe.

    :param hook: the connection's.
    :param job_ids: those that have not ended.
    :param given_up: ids of jobs that will never end, which are left alone.
    :param log: the task's.
    :raises FederationError: one could not be aborted, and runs.
    """
    for job_id in job_ids:
        if job_id in given_up:
            continue
        log.info("The task begins anew: aborting its former job %s", job_id)
        try:
            hook.abort_job(job_id)
        except JobNotFound:
            continue
        except FederationError as error:
            # A server refuses to abort what it does not run, by an error that has no name.
            if not is_unnamed(error) or _runs(hook, job_id):
                raise
            log.warning("Job %s does not run any more, whatever the server calls it: %s", job_id, error)


def _runs(hook: DfmHook, job_id: str) -> bool:
    meta = hook.find_job(job_id)
    if meta is None or meta.has_ended:
        return False
    return meta.status not in RUNNING or job_id in {job.job_id for job in hook.get_system_info().running_jobs}
