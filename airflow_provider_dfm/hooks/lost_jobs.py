"""Finds jobs that a server lists as running, but no longer runs.

A server that dies leaves its jobs so for ever, from nvflare 2.8.0 on; 2.6 and 2.7 abandon them when they start again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from airflow_provider_dfm.federation.errors import CommandTimedOut, FederationError, FederationUnreachable
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.system_info import SystemInfo

RUNNING = ("DISPATCHED", "RUNNING")
CHECK_SECONDS = 15.0
# Without a restart: the server has ended the job's process, and may still be storing a large workspace.
ABSENT_SECONDS = 900.0


class Federation(Protocol):
    """What has to be asked."""

    def get_system_info(self) -> SystemInfo: ...

    def get_job_meta(self, job_id: str) -> JobMeta: ...


class LostJobs:
    """Cross-checks, every :data:`CHECK_SECONDS`, what is listed as running with what the server says it runs."""

    def __init__(self) -> None:
        self._checked = 0.0
        # Job id to the first check that missed it.
        self._absent_since: dict[str, float] = {}

    def among(self, jobs: Mapping[str, JobMeta | None], federation: Federation) -> frozenset[str]:
        """The lost ones, each at its second check at the earliest: a job that just ended is not listed so for long.

        :param jobs: job id to its meta, as listed just now.
        :param federation: is asked when a check is due.
        """
        listed = {job_id for job_id, meta in jobs.items() if meta is not None and meta.status in RUNNING}
        now = time.monotonic()
        if not listed or now - self._checked < CHECK_SECONDS:
            return frozenset()
        self._checked = now
        info = federation.get_system_info()
        absent = listed - {job.job_id for job in info.running_jobs}
        lost = {
            job_id
            for job_id in absent & self._absent_since.keys()
            if now - self._absent_since[job_id] > ABSENT_SECONDS
            or _began_before(federation, job_id, info.server_start_time)
        }
        self._absent_since = {job_id: self._absent_since.get(job_id, now) for job_id in absent}
        return frozenset(lost)


def _began_before(federation: Federation, job_id: str, server_start_time: datetime) -> bool:
    """Whether a job was given to a server that is no longer there; the times are the server's own clock's."""
    try:
        meta = federation.get_job_meta(job_id)
    except (FederationUnreachable, CommandTimedOut):
        raise
    except FederationError:
        # Somebody has deleted it since it was listed, say: that is not the others' trouble.
        return False
    scheduled = meta.last_schedule_time or meta.submit_time
    return meta.status in RUNNING and scheduled is not None and scheduled < server_start_time
