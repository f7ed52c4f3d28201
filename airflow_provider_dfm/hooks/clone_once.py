"""Clones a job once over all tries of a task.

The server chooses a clone's id, so it cannot be known before, as the ids of jobs that are submitted are. A note in
the task's state store says instead which clones there were before; the one more is the task's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.execution_time.context import NEVER_EXPIRE

from airflow_provider_dfm.federation import steps
from airflow_provider_dfm.federation.errors import JobContentConflict
from airflow_provider_dfm.federation.submit_once import is_wanted

if TYPE_CHECKING:
    from airflow_provider_dfm.federation.job import FederationJob
    from airflow_provider_dfm.federation.required_sites import RequiredSites
    from airflow_provider_dfm.federation.submit_once import Claim
    from airflow_provider_dfm.hooks.dfm import DfmHook

STATE_KEY = "airflow_provider_dfm_clone"


class CloneOnce:
    """One task's clone of a job.

    :param job_id: the job to clone.
    :param store: the task's state store.
    """

    def __init__(self, job_id: str, store: Any) -> None:
        self.job_id = job_id
        self._store = store

    def clone(self, hook: DfmHook, claim: Claim, ends_at: float, required_sites: RequiredSites) -> FederationJob:
        """Find the clone that an earlier try made, or make one.

        One that is active or has succeeded is the one. One that failed, or was given up, makes room for the next.

        :param hook: the connection's.
        :param claim: whose clone it is.
        :param ends_at: when its time is over, in seconds since 1970.
        :param required_sites: which sites have to be connected for a new one.
        :raises JobNotFound: nobody knows the job to clone.
        :raises JobContentConflict: nobody can tell which of several clones is this task's.
        """
        note = self._note(claim.identity.cycle)
        clone_id = self._find(hook, note)
        meta = hook.find_job(clone_id) if clone_id else None
        if meta is not None and meta.job_id not in claim.given_up and is_wanted(meta):
            return hook.reattach(meta.job_id, found=meta, ends_at=note["ends_at"])
        hook.check_sites(required_sites)
        note = {"of": self.job_id, "cycle": claim.identity.cycle, "ends_at": ends_at, "clone": None}
        self._keep(note | {"before": self._clones(hook)})
        steps.reached(steps.SUBMITTING, self.job_id)
        job = hook.clone_job(self.job_id)
        self._keep(note | {"clone": job.job_id})
        steps.reached(steps.SUBMITTED, job.job_id)
        return job

    def active(self, hook: DfmHook, cycle: int) -> list[str]:
        """The id of the task's clone, where there is one that has not ended.

        :param hook: the connection's.
        :param cycle: the cycle it was made in.
        """
        clone_id = self._find(hook, self._note(cycle))
        meta = hook.find_job(clone_id) if clone_id else None
        return [meta.job_id] if meta is not None and not meta.has_ended else []

    def _note(self, cycle: int) -> dict[str, Any]:
        note: dict[str, Any] = self._store.get(STATE_KEY) or {}
        return note if (note.get("of"), note.get("cycle")) == (self.job_id, cycle) else {}

    def _keep(self, note: dict[str, Any]) -> None:
        self._store.set(STATE_KEY, note, retention=NEVER_EXPIRE)

    def _find(self, hook: DfmHook, note: dict[str, Any]) -> str | None:
        if not note or note["clone"]:
            return note.get("clone")
        made = sorted(set(self._clones(hook)) - set(note["before"]))
        if len(made) > 1:
            raise JobContentConflict(
                f"An earlier try asked for a clone of job {self.job_id} and got no answer. Since then there are "
                f"several, {', '.join(made)}, and nothing says which of them is this task's. Delete those that nobody "
                "needs, or clear the task to make another one."
            )
        if made:
            self._keep(note | {"clone": made[0]})
        return made[0] if made else None

    def _clones(self, hook: DfmHook) -> list[str]:
        return [job.job_id for job in hook.list_jobs(detailed=True) if job.cloned_from == self.job_id]
