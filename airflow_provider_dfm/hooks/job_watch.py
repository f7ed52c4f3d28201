"""Looks after jobs of one connection: what triggers and synchronous tasks both wait with."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from airflow_provider_dfm.federation.errors import JobNotFound
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.federation_watch import Fault, FederationWatch
from airflow_provider_dfm.hooks.lost_jobs import LostJobs

# Below this many jobs, asking for each costs next to nothing whatever the server stores.
FEW = 4
# To the server, listing so many stored jobs, which it reads all, costs as much as one request: benchmarks/README.md
STORED_A_REQUEST = 30
# A list is tried again this often where asking for each job was cheaper: what is stored changes.
POLLS_UNTIL_NEXT_LIST = 50


@dataclass(frozen=True)
class Snapshot:
    """What one poll saw.

    :param statuses: job id to FLARE's status; None for a job that the federation does not know.
    :param metas: the whole meta of those that were to be seen in detail.
    :param deployed: ``server`` or site to ``OK``, or to why the job could not be brought there, by job id; only of jobs
        that were asked for singly.
    :param lost: jobs that the server lists as running, but does not run.
    :param fault: why the federation could not be asked, or ``""``.
    :param permanent: the name of the fault's error where waiting cannot mend it, or ``""``.
    """

    statuses: dict[str, str | None] = field(default_factory=dict)
    metas: dict[str, JobMeta] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()
    fault: str = ""
    permanent: str = ""
    deployed: dict[str, dict[str, str]] = field(default_factory=dict)


class JobWatch(FederationWatch):
    """One session that polls any number of jobs.

    :param hook: opens the session; it belongs to the watch from now on.
    """

    def __init__(self, hook: DfmHook) -> None:
        super().__init__(hook)
        # How many jobs the server stores, by the last list.
        self._stored: int | None = None
        self._polls_since_list = 0
        self._lost = LostJobs()
        self._deployed: dict[str, dict[str, str]] = {}

    def poll(self, job_ids: Collection[str], in_detail: Collection[str] = ()) -> Snapshot:
        """Look at each job once.

        :param job_ids: the jobs.
        :param in_detail: those of them whose whole meta is wanted.
        :return: what was seen; a fault is part of it, not an exception.
        """
        seen = self.look(lambda hook: self._snapshot(hook, job_ids, in_detail))
        return Snapshot(fault=seen.reason, permanent=seen.permanent) if isinstance(seen, Fault) else seen

    def abort(self, job_id: str) -> None:
        """Abort a job in the same session, once a poll under way is over.

        :raises FederationError: it cannot be aborted.
        """
        with self._using:
            self._hook.abort_job(job_id)
            if self._closed:
                self._hook.close()

    def _snapshot(self, hook: DfmHook, job_ids: Collection[str], in_detail: Collection[str]) -> Snapshot:
        local = hook.settings.target == "local"
        self._deployed = {}
        singly = job_ids if local else in_detail
        metas = {job_id: self._meta(job_id) for job_id in singly}
        statuses = {job_id: _status(meta) for job_id, meta in metas.items()}
        statuses |= self._statuses([job_id for job_id in job_ids if job_id not in metas])
        lost = frozenset[str]() if local else self._lost.among(statuses, hook)
        wanted = {job_id: meta for job_id, meta in metas.items() if meta is not None and job_id in in_detail}
        return Snapshot(statuses, wanted, lost, deployed=self._deployed)

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
        metas = {job_id: self._meta(job_id) for job_id in job_ids}
        return {job_id: _status(meta) for job_id, meta in metas.items()}

    def _meta(self, job_id: str) -> JobMeta | None:
        try:
            meta = self._hook.get_job_meta(job_id)
        except JobNotFound:
            return None
        if meta.deploy_detail:
            self._deployed[job_id] = meta.deploy_detail
        return meta


def _status(meta: JobMeta | None) -> str | None:
    return None if meta is None else meta.status
