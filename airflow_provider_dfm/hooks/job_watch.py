"""Looks after jobs of one connection: what triggers and synchronous tasks both wait with."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_dfm.federation.errors import FederationError, JobNotFound, PermanentFederationError
from airflow_provider_dfm.hooks.dfm import DfmHook

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """What one poll saw.

    :param statuses: job id to FLARE's status; None for a job that the federation does not know.
    :param fault: why the federation could not be asked, or ``""``.
    """

    statuses: dict[str, str | None] = field(default_factory=dict)
    fault: str = ""


class JobWatch:
    """One session that polls any number of jobs; it is opened anew after each fault.

    :param dfm_conn_id: the connection.
    """

    def __init__(self, dfm_conn_id: str) -> None:
        self._dfm_conn_id = dfm_conn_id
        self._hook: DfmHook | None = None
        self._closed = False
        self._using = threading.Lock()

    def poll(self, job_ids: Collection[str]) -> Snapshot:
        """Look at each job once.

        :param job_ids: the jobs.
        :return: what was seen; a fault that may pass is part of it, not an exception.
        :raises PermanentFederationError: the connection cannot work.
        """
        with self._using:
            if self._closed:
                return Snapshot(fault="the watch is closed")
            try:
                if self._hook is None:
                    self._hook = DfmHook(self._dfm_conn_id)
                return Snapshot({job_id: self._status(self._hook, job_id) for job_id in job_ids})
            except FederationError as error:
                self._end()
                if isinstance(error, PermanentFederationError):
                    raise
                # An error that has no name may pass too, and one job's must not end the wait for all others.
                return Snapshot(fault=str(error))
            except BaseException:
                self._end()
                raise

    def close(self) -> None:
        """End the session, once a poll under way is over."""
        with self._using:
            self._closed = True
            self._end()

    @staticmethod
    def _status(hook: DfmHook, job_id: str) -> str | None:
        try:
            return str(hook.get_job_meta(job_id)["status"])
        except JobNotFound:
            return None

    def _end(self) -> None:
        hook, self._hook = self._hook, None
        if hook is not None:
            hook.close()


@dataclass
class JobWait:
    """One task's wait for one job: what each snapshot means to it.

    :param job_id: the job.
    :param ends_at: when to give up, in seconds since 1970; None: never.
    :param log: gets status changes and faults.
    """

    job_id: str
    ends_at: float | None
    log: Any
    status: str | None = None
    fault: str = ""

    def take(self, snapshot: Snapshot) -> dict[str, Any] | None:
        """Take in a snapshot.

        :return: the event that ends the wait, or None: ``{"job_id", "status"}`` of an ended job, with
            ``"timed_out"`` for the last status seen when the time was over, and status None for a job that
            nobody knows.
        """
        if snapshot.fault:
            self.fault = snapshot.fault
            self.log.warning("Cannot look at job %s, trying again: %s", self.job_id, snapshot.fault)
        elif self.job_id in snapshot.statuses:
            self.fault = ""
            status = snapshot.statuses[self.job_id]
            if status != self.status:
                self.log.info("Job %s is %s", self.job_id, status or "unknown to the federation")
                self.status = status
            if status is None or status.startswith("FINISHED"):
                return {"job_id": self.job_id, "status": status}
        if self.ends_at is not None and time.time() >= self.ends_at:
            return {"job_id": self.job_id, "status": self.status, "timed_out": True, "fault": self.fault}
        return None


def wait_for_job(dfm_conn_id: str, wait: JobWait, poll_interval: float) -> dict[str, Any]:
    """Wait in this process until a job has ended or its time is over.

    :param dfm_conn_id: the connection.
    :param wait: the job and its deadline.
    :param poll_interval: seconds between two looks.
    :return: the event, as :meth:`JobWait.take` gives it.
    """
    watch = JobWatch(dfm_conn_id)
    try:
        while True:
            event = wait.take(watch.poll([wait.job_id]))
            if event is not None:
                return event
            time.sleep(poll_interval)
    finally:
        watch.close()
