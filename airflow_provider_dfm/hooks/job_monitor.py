"""Waits for a job as nvflare's ``monitor_job`` does."""

from __future__ import annotations

import enum
import time
from typing import Any

from airflow_provider_dfm.federation.errors import JobLost
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.job_callback import JobCallback
from airflow_provider_dfm.hooks.job_end import raise_fault
from airflow_provider_dfm.hooks.job_wait import JobWait, wait_for_job
from airflow_provider_dfm.hooks.job_watch import JobWatch


class MonitorReturnCode(enum.Enum):
    """Why a wait ended; nvflare's own names: nvflare/fuel/flare_api/api_spec.py."""

    JOB_FINISHED = "JOB_FINISHED"
    TIMEOUT = "TIMEOUT"
    ENDED_BY_CB = "ENDED_BY_CB"

    @classmethod
    def of(cls, event: dict[str, Any]) -> MonitorReturnCode | None:
        """Why the event's wait ended; None: by a fault.

        :param event: as :meth:`JobWait.take` gives it.
        """
        for key, code in (("ended_by_callback", cls.ENDED_BY_CB), ("timed_out", cls.TIMEOUT)):
            if event.get(key):
                return code
        finished = (event["status"] or "").startswith("FINISHED")
        return cls.JOB_FINISHED if finished and not event.get("error") else None


def monitor_job(
    hook: DfmHook, job_id: str, timeout: float, poll_interval: float, callback: JobCallback | None
) -> MonitorReturnCode:
    """Wait; see :meth:`DfmHook.monitor_job`."""
    ends_at = time.time() + timeout if timeout > 0 else None
    event = wait_for_job(
        JobWatch(hook, worked_before=False), JobWait(job_id, ends_at, hook.log, callback), poll_interval
    )
    code = MonitorReturnCode.of(event)
    if code is not None:
        return code
    raise_fault(hook, event)
    raise JobLost(f"Job {job_id} is lost: the server lists it as {event['status']}, but does not run it.")
