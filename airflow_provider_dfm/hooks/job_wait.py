"""One task's wait for one job."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from airflow_provider_dfm.federation import steps
from airflow_provider_dfm.hooks.job_callback import JobCallback
from airflow_provider_dfm.hooks.job_watch import JobWatch, Snapshot


@dataclass
class JobWait:
    """What each snapshot means to the task.

    :param job_id: the job.
    :param ends_at: when to give up, in seconds since 1970; None: never.
    :param log: gets status changes and faults.
    :param callback: is called at each look with the job's id and its meta, if that is in the snapshot; False ends the
        wait.
    """

    job_id: str
    ends_at: float | None
    log: Any
    callback: JobCallback | None = None
    status: str | None = None
    fault: str = ""

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
            ``"fault"`` describes.
        """
        event: dict[str, Any] = {"job_id": self.job_id}
        if snapshot.fault:
            self.fault = snapshot.fault
            self.log.warning("Cannot look at job %s: %s", self.job_id, snapshot.fault)
        elif self.job_id in snapshot.statuses:
            self._note(snapshot.statuses[self.job_id])
            ended = self._call_back(snapshot)
            if ended is not None:
                return event | {"status": self.status} | ended
            if self.status is None or self.status.startswith("FINISHED"):
                return event | {"status": self.status}
        if snapshot.permanent:
            return event | {"status": self.status, "error": snapshot.permanent, "fault": snapshot.fault}
        if self.job_id in snapshot.lost:
            return event | {"status": self.status, "lost": True}
        if self.ends_at is not None and time.time() >= self.ends_at:
            return event | {"status": self.status, "timed_out": True, "fault": self.fault}
        return None

    def _call_back(self, snapshot: Snapshot) -> dict[str, Any] | None:
        if self.callback is None or self.job_id not in snapshot.metas:
            return None
        try:
            goes_on = self.callback(self.job_id, snapshot.metas[self.job_id])
        except Exception as error:  # whatever the DAG author's function raises
            return {"error": "CallbackFailed", "fault": f"the callback raised {type(error).__name__}: {error}"}
        return {"ended_by_callback": True} if goes_on is False else None

    def _note(self, status: str | None) -> None:
        self.fault = ""
        if status != self.status:
            self.log.info("Job %s is %s", self.job_id, status or "unknown to the federation")
            self.status = status


def wait_for_job(watch: JobWatch, wait: JobWait, poll_interval: float) -> dict[str, Any]:
    """Wait in this process, as a trigger does in the triggerer.

    :param watch: looks at the job.
    :param wait: the job and its deadline.
    :param poll_interval: seconds between two looks.
    :return: the event, as :meth:`JobWait.take` gives it.
    """
    while True:
        event = wait.take(watch.poll([wait.job_id], wait.in_detail))
        steps.reached(steps.ENDED if event else steps.POLLED, wait.job_id)
        if event is not None:
            return event
        pause = watch.pause(poll_interval)
        if wait.ends_at is not None:
            pause = min(pause, max(0.0, wait.ends_at - time.time()))
        time.sleep(pause)
