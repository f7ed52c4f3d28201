"""Clones a job once over all tries of a task.

The server chooses a clone's id, and takes no mark with it, so it cannot be known before, as the ids of jobs that are
submitted are. A note in the task's state store has the id as soon as the server has answered. Where no answer came, it
says which clones there were before: of one that has come since, nobody can tell whether this task's request made it or
another's, so it is never taken. A copy of the job under an id of our own would tell; but its files can be had of an
ended job only, and then with all that it wrote (``nvflare/private/fed/server/job_cmds.py``, ``download_job``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.execution_time.context import NEVER_EXPIRE

from airflow_provider_dfm.federation import steps
from airflow_provider_dfm.federation.errors import (
    FederationError,
    JobContentConflict,
    is_unnamed,
)
from airflow_provider_dfm.federation.submit_once import is_wanted

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_provider_dfm.federation.job import FederationJob
    from airflow_provider_dfm.federation.job_meta import JobMeta
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
        # What the store has, once that is known: a signal handler must not ask Airflow, see DfmHook.hold_settings().
        self._stored: dict[str, Any] | None = None

    def clone(self, hook: DfmHook, claim: Claim, ends_at: float, required_sites: RequiredSites) -> FederationJob:
        """Find the clone that an earlier try made, or make one.

        One that is active or has succeeded is the one. One that failed, or was given up, makes room for the next.

        :param hook: the connection's.
        :param claim: whose clone it is.
        :param ends_at: when its time is over, in seconds since 1970.
        :param required_sites: which sites have to be connected for a new one.
        :raises JobNotFound: nobody knows the job to clone.
        :raises JobContentConflict: an earlier try got no answer, and nobody can tell whether it has a clone.
        """
        note = self._note(claim.identity.cycle)
        clone_id = note.get("clone")
        meta = hook.find_job(clone_id) if clone_id else None
        if meta is not None and meta.job_id not in claim.given_up and is_wanted(meta):
            return hook.reattach(meta.job_id, found=meta, ends_at=note["ends_at"])
        doubtful = [job.job_id for job in self._doubtful(hook, note, claim.given_up)]
        if doubtful:
            raise JobContentConflict(
                f"An earlier try of this task asked for a clone of job {self.job_id} and got no answer. Since then "
                f"{', '.join(doubtful)} came, and nothing tells whether this task's request made that or another's. "
                "Look whose it is. If it is this task's, wait for it by a FederationJobSensor, or delete it. Clear the "
                "task to have it make another clone."
            )
        hook.check_sites(required_sites)
        note = {"of": self.job_id, "cycle": claim.identity.cycle, "ends_at": ends_at, "clone": None}
        self._keep(note | {"before": self._before(hook)})
        steps.reached(steps.SUBMITTING, self.job_id)
        job = hook.clone_job(self.job_id)
        self._keep(note | {"clone": job.job_id})
        steps.reached(steps.SUBMITTED, job.job_id)
        return job

    def known(self, cycle: int) -> str | None:
        """The id of the task's clone, where it is known.

        :param cycle: the cycle it was made in.
        """
        clone_id: str | None = self._note(cycle).get("clone")
        return clone_id

    def active(self, hook: DfmHook, cycle: int) -> list[str]:
        """The id of the task's clone, where there is one that has not ended; the log names those in doubt.

        :param hook: the connection's.
        :param cycle: the cycle it was made in.
        """
        note = self._note(cycle)
        if note.get("clone"):
            meta = hook.find_job(note["clone"])
            return [meta.job_id] if meta is not None and not meta.has_ended else []
        try:
            doubtful = ", ".join(job.job_id for job in self._doubtful(hook, note) if not job.has_ended)
        except FederationError as error:
            doubtful = _unlisted(error)
        if doubtful:
            hook.log.warning(
                "A try of this task asked for a clone of job %s and got no answer. Whether one of these is its own, "
                "nobody can tell, so they run on: %s",
                self.job_id,
                doubtful,
            )
        return []

    def _note(self, cycle: int) -> dict[str, Any]:
        if self._stored is None:
            self._stored = self._store.get(STATE_KEY) or {}
        note = self._stored
        return note if (note.get("of"), note.get("cycle")) == (self.job_id, cycle) else {}

    def _keep(self, note: dict[str, Any]) -> None:
        self._stored = note
        self._store.set(STATE_KEY, note, retention=NEVER_EXPIRE)

    def _before(self, hook: DfmHook) -> list[str]:
        """The clones that there are; none where the server cannot list them: only a lost answer makes them matter."""
        try:
            return [job.job_id for job in self._clones(hook)]
        except FederationError as error:
            hook.log.warning("The clones of job %s that there are: %s", self.job_id, _unlisted(error))
            return []

    def _doubtful(self, hook: DfmHook, note: dict[str, Any], given_up: Collection[str] = ()) -> list[JobMeta]:
        """The clones that a request without an answer may have made; none that has failed, which nobody waits for."""
        if not note or note["clone"]:
            return []
        others = {*note["before"], *given_up}
        return [job for job in self._clones(hook) if job.job_id not in others and is_wanted(job)]

    def _clones(self, hook: DfmHook) -> list[JobMeta]:
        """The clones of the job that this connection's FLARE user made."""
        settings = hook.settings
        return [
            job
            for job in hook.list_jobs(detailed=True)
            if job.cloned_from == self.job_id and (not settings.secure_mode or job.submitter_name == settings.user)
        ]


def _unlisted(error: FederationError) -> str:
    """What to say of a list that a server cannot give as long as it stores a certain job; raises any other error."""
    if not is_unnamed(error):
        raise error
    return str(error)
