"""Looks after jobs of one connection: what triggers and synchronous tasks both wait with."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field

from airflow_provider_dfm.federation.errors import (
    CommandTimedOut,
    FederationError,
    FederationUnreachable,
    StorageFailed,
    UnreadableAnswer,
    is_unnamed,
)
from airflow_provider_dfm.federation.job_meta import WAITING, JobMeta
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.federation_watch import Doubt, Fault, FederationWatch
from airflow_provider_dfm.hooks.lost_jobs import LostJobs

# Below this many jobs, asking for each costs next to nothing whatever the server stores.
FEW = 4
# To the server, listing so many stored jobs, which it reads all, costs as much as one request: benchmarks/README.md
STORED_A_REQUEST = 30
# A list is tried again this often where asking for each job was cheaper: what is stored changes.
POLLS_UNTIL_NEXT_LIST = 50
# Of the waiting jobs in a list, which does not say why they wait, so many are asked for by themselves at each poll.
DETAILS_A_POLL = 4
# Each job's own however many have it: what is kept of it cannot be read, or its meta makes no sense.
OF_A_JOB = (StorageFailed, UnreadableAnswer)


@dataclass(frozen=True)
class Snapshot:
    """What one poll saw.

    :param jobs: job id to its meta, None for a job that the federation does not know; where many were asked for, what
        a list that is not detailed gives, except of :data:`DETAILS_A_POLL` of those that wait.
    :param lost: jobs that the server lists as running, but does not run.
    :param fault: why the federation could not be asked, or ``""``.
    :param permanent: the name of the fault's error where waiting cannot mend it, and that is believed by now; or
        ``""``.
    :param faults: jobs that could not be looked at, which has nothing to do with the others, each with its own
        fault.
    """

    jobs: dict[str, JobMeta | None] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()
    fault: str = ""
    permanent: str = ""
    faults: dict[str, Fault] = field(default_factory=dict)

    def fault_of(self, job_id: str) -> Fault:
        """Why a job could not be looked at; without a reason where it could."""
        return self.faults.get(job_id) or Fault(self.fault, self.permanent)


class JobWatch(FederationWatch):
    """One session that polls any number of jobs.

    :param hook: opens the session; it belongs to the watch from now on.
    :param worked_before: see :class:`FederationWatch`.
    """

    def __init__(self, hook: DfmHook, worked_before: bool = True) -> None:
        super().__init__(hook, worked_before)
        # How many jobs the server stores, by the last list; infinite where it could not list them.
        self._stored: float | None = None
        self._polls_since_list = 0
        self._lost = LostJobs()
        # Those that were asked for why they wait, the one whose turn is longest ago first.
        self._asked_why: dict[str, None] = {}
        self._errors_of_jobs: dict[str, FederationError] = {}
        self._doubts_of_jobs: dict[str, Doubt] = {}

    def poll(self, job_ids: Collection[str], in_detail: Collection[str] = ()) -> Snapshot:
        """Look at each job once.

        :param job_ids: the jobs.
        :param in_detail: those of them whose whole meta is wanted.
        :return: what was seen; a fault is part of it, not an exception.
        """
        seen = self.look(lambda hook: self._snapshot(hook, job_ids, in_detail))
        return Snapshot(fault=seen.reason, permanent=seen.permanent) if isinstance(seen, Fault) else seen

    def _snapshot(self, hook: DfmHook, job_ids: Collection[str], in_detail: Collection[str]) -> Snapshot:
        self._errors_of_jobs = {}
        if hook.settings.target == "local":
            return Snapshot(self._ask_for_each(job_ids), faults=self._faults_of_jobs())
        jobs = self._ask_for_each(in_detail)
        left = [job_id for job_id in job_ids if job_id not in jobs and job_id not in self._errors_of_jobs]
        jobs |= self._ask_for_all(left)
        errors = list(self._errors_of_jobs.values())
        if errors and not jobs and not any(isinstance(error, OF_A_JOB) for error in errors):
            # What all of them have is the connection's.
            raise errors[0]
        return Snapshot(jobs, self._lost.among(jobs, hook), faults=self._faults_of_jobs())

    def _faults_of_jobs(self) -> dict[str, Fault]:
        self._doubts_of_jobs = {job_id: self._doubts_of_jobs.get(job_id, Doubt()) for job_id in self._errors_of_jobs}
        return {
            job_id: Fault(str(error), self._doubts_of_jobs[job_id].name(error))
            for job_id, error in self._errors_of_jobs.items()
        }

    def _ask_for_all(self, job_ids: Collection[str]) -> dict[str, JobMeta | None]:
        self._polls_since_list += 1
        if not self._list_is_cheaper(len(job_ids)):
            return self._ask_for_each(job_ids)
        self._polls_since_list = 0
        try:
            listed = {job.job_id: job for job in self._hook.list_jobs()}
        except FederationError as error:
            if not is_unnamed(error):
                raise
            # From nvflare 2.8 on, a server lists none while it stores one whose name is no text: see flare_session.py.
            self._hook.log.warning("Each job is asked for by itself: %s", error)
            self._stored = math.inf
            return self._ask_for_each(job_ids)
        self._stored = len(listed)
        # That a job is unknown only its own request can tell.
        missing = [job_id for job_id in job_ids if job_id not in listed]
        found = {job_id: listed[job_id] for job_id in job_ids if job_id in listed}
        return found | self._ask_why_they_wait(found) | self._ask_for_each(missing)

    def _ask_why_they_wait(self, listed: dict[str, JobMeta]) -> dict[str, JobMeta]:
        """The whole meta of a few of the listed jobs that wait for the server to start them, in turn."""
        waiting = [job_id for job_id, meta in listed.items() if meta.status in WAITING]
        turns = {job_id: turn for turn, job_id in enumerate(self._asked_why)}
        asked = sorted(waiting, key=lambda job_id: turns.get(job_id, -1))[:DETAILS_A_POLL]
        left = set(waiting).difference(asked)
        kept = [job_id for job_id in self._asked_why if job_id in left]
        self._asked_why = dict.fromkeys([*kept, *asked])
        metas = {}
        for job_id in asked:
            try:
                metas[job_id] = self._hook.find_job(job_id)
            except FederationError as error:
                # The list has told its status, which is what counts.
                self._hook.log.debug("Why job %s waits cannot be asked: %s", job_id, error)
                if isinstance(error, (FederationUnreachable, CommandTimedOut)):
                    # Its meta may be too large to come in time, which would end each look at the others.
                    self._hook.close_failed()
                    break
        return {job_id: meta for job_id, meta in metas.items() if meta is not None}

    def _list_is_cheaper(self, jobs: int) -> bool:
        if jobs < FEW:
            return False
        if self._stored is None or self._polls_since_list > POLLS_UNTIL_NEXT_LIST:
            return True
        return jobs > self._stored / STORED_A_REQUEST

    def _ask_for_each(self, job_ids: Collection[str]) -> dict[str, JobMeta | None]:
        jobs: dict[str, JobMeta | None] = {}
        for job_id in job_ids:
            try:
                jobs[job_id] = self._hook.find_job(job_id)
            except (FederationUnreachable, CommandTimedOut):
                raise
            except FederationError as error:
                # The server refuses it, say, or fails at it.
                self._errors_of_jobs[job_id] = error
        return jobs
