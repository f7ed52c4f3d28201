"""Looks after jobs of one connection: what triggers and synchronous tasks both wait with."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, field

from airflow_provider_dfm.federation.errors import (
    FederationError,
    JobNotFound,
    PermanentFederationError,
)
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.lost_jobs import LostJobs

# Below this many jobs, asking for each costs next to nothing whatever the server stores.
FEW = 4
# To the server, listing so many stored jobs, which it reads all, costs as much as one request: benchmarks/README.md
STORED_A_REQUEST = 30
# A list is tried again this often where asking for each job was cheaper: what is stored changes.
POLLS_UNTIL_NEXT_LIST = 50
MAX_PAUSE_SECONDS = 60.0


@dataclass(frozen=True)
class Snapshot:
    """What one poll saw.

    :param statuses: job id to FLARE's status; None for a job that the federation does not know.
    :param lost: jobs that the server lists as running, but does not run.
    :param fault: why the federation could not be asked, or ``""``.
    :param permanent: the name of the fault's error where waiting cannot mend it, or ``""``.
    """

    statuses: dict[str, str | None] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()
    fault: str = ""
    permanent: str = ""


class JobWatch:
    """One session that polls any number of jobs; it is opened anew after each fault.

    :param hook: opens the session; it belongs to the watch from now on.
    """

    def __init__(self, hook: DfmHook) -> None:
        self._hook = hook
        self._closed = False
        self._using = threading.RLock()
        self._faults = 0
        # How many jobs the server stores, by the last list.
        self._stored: int | None = None
        self._polls_since_list = 0
        self._lost = LostJobs()

    def poll(self, job_ids: Collection[str]) -> Snapshot:
        """Look at each job once.

        :param job_ids: the jobs.
        :return: what was seen; a fault is part of it, not an exception.
        """
        with self._using:
            if self._closed:
                return Snapshot(fault="the watch is closed")
            try:
                local = self._hook.settings.target == "local"
                statuses = self._ask_for_each(job_ids) if local else self._statuses(job_ids)
                lost = frozenset[str]() if local else self._lost.among(statuses, self._hook)
            except FederationError as error:
                # An error that has no name may pass too, and one job's must not end the wait for all others.
                self._faults += 1
                self._hook.close()
                permanent = type(error).__name__ if isinstance(error, PermanentFederationError) else ""
                return Snapshot(fault=str(error), permanent=permanent)
            except BaseException:
                self._hook.close()
                raise
            self._faults = 0
            return Snapshot(statuses, lost)

    def pause(self, poll_interval: float) -> float:
        """Seconds until the next poll: the interval, and longer after each fault in a row."""
        return max(poll_interval, min(poll_interval * 2.0**self._faults, MAX_PAUSE_SECONDS))

    def abort(self, job_id: str) -> None:
        """Abort a job in the same session, once a poll under way is over.

        :raises FederationError: it cannot be aborted.
        """
        with self._using:
            self._hook.abort_job(job_id)
            if self._closed:
                self._hook.close()

    def close(self) -> None:
        """End the session, once a poll under way is over."""
        with self._using:
            self._closed = True
            self._hook.close()

    def _statuses(self, job_ids: Collection[str]) -> dict[str, str | None]:
        self._polls_since_list += 1
        if not self._list_is_cheaper(len(job_ids)):
            return self._ask_for_each(job_ids)
        listed = {job.job_id: job.status for job in self._hook.list_jobs()}
        self._stored, self._polls_since_list = len(listed), 0
        # That a job is unknown only its own request can tell.
        missing = [job_id for job_id in job_ids if job_id not in listed]
        return {job_id: listed[job_id] for job_id in job_ids if job_id in listed} | self._ask_for_each(missing)

    def _list_is_cheaper(self, jobs: int) -> bool:
        if jobs < FEW:
            return False
        if self._stored is None or self._polls_since_list > POLLS_UNTIL_NEXT_LIST:
            return True
        return jobs > self._stored / STORED_A_REQUEST

    def _ask_for_each(self, job_ids: Collection[str]) -> dict[str, str | None]:
        return {job_id: self._status(job_id) for job_id in job_ids}

    def _status(self, job_id: str) -> str | None:
        try:
            return self._hook.get_job_meta(job_id).status
        except JobNotFound:
            return None
