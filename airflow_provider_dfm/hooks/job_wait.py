"""One task's wait for one job."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_dfm.federation import steps
from airflow_provider_dfm.federation.errors import JobTimedOut
from airflow_provider_dfm.federation.job_ends import first_of
from airflow_provider_dfm.federation.job_logs import shown
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.hooks.job_callback import JobCallback
from airflow_provider_dfm.hooks.job_watch import JobWatch, Snapshot
from airflow_provider_dfm.hooks.log_follower import LogFollower
from airflow_provider_dfm.hooks.task_callbacks import TaskCallbacks
from airflow_provider_dfm.remote.foreign_text import fit

if TYPE_CHECKING:
    from airflow_provider_dfm.federation.job import FederationJob

FIRST_QUIET_SECONDS = 10.0
MAX_QUIET_SECONDS = 300.0
# Reasons can have figures in them that are never the same: so many are told as they come, and others with the quiet.
MAX_REASONS = 20
REASON_CHARACTERS = 1000


@dataclass
class Quiet:
    """When it is time to say that nothing has changed: after ten seconds, then after pauses that double."""

    since: float = field(default_factory=lambda: time.monotonic())
    pause: float = FIRST_QUIET_SECONDS
    heard: float = field(default_factory=lambda: time.monotonic())

    def is_over(self) -> bool:
        """Whether it is time; then the next pause begins."""
        now = time.monotonic()
        if now - self.heard < self.pause:
            return False
        self.heard, self.pause = now, min(self.pause * 2, MAX_QUIET_SECONDS)
        return True

    def lasts(self) -> timedelta:
        """How long nothing has changed."""
        return timedelta(seconds=int(time.monotonic() - self.since))


@dataclass
class JobWait:
    """What each snapshot means to the task.

    :param job_id: the job.
    :param ends_at: when to give up, in seconds since 1970; None: never.
    :param log: gets status changes and faults.
    :param callback: is called at each look with the job's id and its meta; False ends the wait.
    :param status: the job's status at the last look; None: there was none, or nobody knows the job.
    :param fault: why the last look failed, or ``""``.
    :param quiet: when it is time to say that nothing has changed.
    :param seen: the last status that this wait, or whoever began it, knows the job to have had; None: none.
    :param seen_at: when this wait saw it last, in seconds since 1970; None: it did not.
    :param submit_time: when the server took the job, by its own clock.
    :param reason: why the server has not started the job, as it said last.
    :param reasons: those that the log has.
    """

    job_id: str
    ends_at: float | None
    log: Any
    callback: JobCallback | None = None
    status: str | None = None
    fault: str = ""
    quiet: Quiet = field(default_factory=Quiet)
    seen: str | None = None
    seen_at: float | None = None
    submit_time: datetime | None = None
    reason: str = ""
    reasons: set[str] = field(default_factory=set)

    @property
    def in_detail(self) -> list[str]:
        """The job, where its whole meta is wanted."""
        return [] if self.callback is None else [self.job_id]

    def take(self, snapshot: Snapshot) -> dict[str, Any] | None:
        """Take in a snapshot.

        :return: None, or the event that ends the wait. It has ``"job_id"`` and the last ``"status"``; None for a
            job that nobody knows. Where the job has not ended, one more key says why the wait has:
            ``"ended_by_callback"``, ``"lost"`` (the server lists it as running, but does not run it),
            ``"timed_out"``, with the last ``"fault"``, or ``"error"``, the name of the permanent error that
            ``"fault"`` describes. Of a job that nobody knows any more, ``"seen"`` is the status that it had,
            ``"seen_at"`` when this wait saw it so, and ``"submit_time"`` when it was submitted, by the server's clock;
            both in seconds since 1970, or None.
        """
        event: dict[str, Any] = {"job_id": self.job_id}
        fault = snapshot.fault_of(self.job_id)
        if fault.reason:
            self.fault = fault.reason
            self.log.warning("Cannot look at job %s: %s", self.job_id, fault.reason)
        elif self.job_id in snapshot.jobs:
            meta = snapshot.jobs[self.job_id]
            self._note(meta)
            ended = self._call_back(meta)
            if ended is not None:
                return event | {"status": self.status} | ended
            if self.status is None:
                return event | {"status": None} | self._gone()
            if self.status.startswith("FINISHED"):
                return event | {"status": self.status}
        if fault.permanent:
            return event | {"status": self.status, "error": fault.permanent, "fault": fault.reason}
        if self.job_id in snapshot.lost:
            return event | {"status": self.status, "lost": True}
        if self.ends_at is not None and time.time() >= self.ends_at:
            return event | {"status": self.status, "timed_out": True, "fault": self.fault}
        return None

    def _call_back(self, meta: JobMeta | None) -> dict[str, Any] | None:
        if self.callback is None or meta is None:
            return None
        try:
            goes_on = self.callback(self.job_id, meta)
        except Exception as error:  # whatever the DAG author's function raises
            fault = fit(f"the callback raised {type(error).__name__}: {error}")
            return {"error": "CallbackFailed", "fault": fault}
        return {"ended_by_callback": True} if goes_on is False else None

    def _gone(self) -> dict[str, Any]:
        if self.seen is None:
            return {}
        submitted = None if self.submit_time is None else self.submit_time.timestamp()
        return {"seen": self.seen, "seen_at": self.seen_at, "submit_time": submitted}

    def _note(self, meta: JobMeta | None) -> None:
        self.fault = ""
        if meta is not None:
            self.seen, self.submit_time = meta.status, meta.submit_time or self.submit_time
            self.seen_at = time.time()
        status = None if meta is None else meta.status
        if status != self.status:
            self.log.info("Job %s is %s", self.job_id, status or "unknown to the federation")
            if meta is not None and status == "RUNNING" and meta.deploy_detail:
                sites = "; ".join(
                    f"{site}: {detail}" if detail else site for site, detail in meta.deploy_detail.items()
                )
                self.log.info("Job %s was brought to its sites: %s", self.job_id, shown(sites))
            self.status, self.quiet, self.reason = status, Quiet(), ""
            self._note_reason(meta)
        elif self._note_reason(meta):
            self.quiet.heard = time.monotonic()
        elif status is not None and self.quiet.is_over():
            why = f": {self.reason}" if self.reason else ""
            self.log.info("Job %s has been %s for at least %s%s", self.job_id, status, self.quiet.lasts(), why)

    def _note_reason(self, meta: JobMeta | None) -> bool:
        """Take in why the server has not started the job; says whether that was logged: a reason is told once."""
        reason = "" if meta is None else shown(meta.why_it_waits, REASON_CHARACTERS)
        # A list does not tell.
        if reason:
            self.reason = reason
        if not reason or reason in self.reasons or len(self.reasons) >= MAX_REASONS:
            return False
        self.reasons.add(reason)
        self.log.info("The server has not started job %s: %s", self.job_id, reason)
        return True


def look(watch: JobWatch, wait: JobWait, follower: LogFollower | None = None) -> dict[str, Any] | None:
    """Look at a job once.

    :param watch: looks.
    :param wait: what that means.
    :param follower: shows what is new in the job's log; it is asked only where the federation just answered.
    :return: None, or the event that ends the wait.
    """
    snapshot = watch.poll([wait.job_id], wait.in_detail)
    meta = snapshot.jobs.get(wait.job_id)
    status = None if meta is None else meta.status
    if follower is None or snapshot.fault:
        return wait.take(snapshot)
    if status is not None and status.startswith("FINISHED"):
        # Its last lines come before its end.
        follower.follow(status)
        return wait.take(snapshot)
    event = wait.take(snapshot)
    if follower.follow(status):
        wait.quiet.heard = time.monotonic()
    return event


def wait_for_job(
    watch: JobWatch,
    wait: JobWait,
    poll_interval: float,
    follower: LogFollower | None = None,
    callbacks: TaskCallbacks | None = None,
) -> dict[str, Any]:
    """Wait in this process, as a trigger does in the triggerer.

    :param watch: looks at the job.
    :param wait: the job and its deadline.
    :param poll_interval: seconds between two looks.
    :param follower: see :func:`look`.
    :param callbacks: are called between two looks with what has come of the job.
    :return: the event, as :meth:`JobWait.take` gives it.
    :raises CallbackFailed: one of them raised something.
    """
    while True:
        event = look(watch, wait, follower)
        steps.reached(steps.ENDED if event else steps.POLLED, wait.job_id)
        if event is not None:
            return event
        if callbacks is not None and wait.status == "RUNNING" and not wait.fault:
            callbacks.follow(wait.ends_at)
        pause = watch.pause(poll_interval)
        if wait.ends_at is not None:
            pause = min(pause, max(0.0, wait.ends_at - time.time()))
        time.sleep(pause)


def run_here(
    job: FederationJob, ends_at: float, poll_interval: float, callbacks: TaskCallbacks | None = None
) -> dict[str, Any]:
    """Wait for a job of the target local, which runs in this task.

    :param job: the job.
    :param ends_at: when to give up, in seconds since 1970.
    :param poll_interval: seconds between two looks.
    :param callbacks: are called between two looks with what has come of the job.
    :return: the event, as :meth:`JobWait.take` gives it.
    :raises JobTimedOut: the time was over; the job was aborted.
    """
    pause = min(poll_interval, 0.5)
    while not job.wait_until_finished(min(pause, ends_at - time.time()), pause):
        if time.time() >= ends_at:
            # A site that met an error may wait for ever: nv_dfm_core/targets/local/_job_runner.py, run.
            said = first_of((job.get_job_meta().model_extra or {}).get("said") or [])
            job.cancel()
            why = f" DFM's runner said: {said}" if said else ""
            raise JobTimedOut(f"Job {job.job_id} did not end in time. It was aborted.{why}")
        if callbacks is not None:
            callbacks.follow(ends_at)
    # The results are kept by now, for the session of whoever reads them later.
    if callbacks is not None:
        callbacks.job_is_kept()
    return {"job_id": job.job_id, "status": job.get_job_meta().status}
