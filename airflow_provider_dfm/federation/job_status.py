"""The states of a job."""

from __future__ import annotations

import enum

SUCCESS = "FINISHED:COMPLETED"


class JobStatus(enum.Enum):
    """DFM's states of a job, and FAILED, which DFM reports as FINISHED.

    Sources: nv_dfm_core/session/_job.py and nvflare/apis/job_def.py, RunStatus.
    """

    SUBMITTED = "SUBMITTED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    ABORTED = "ABORTED"
    UNKNOWN = "UNKNOWN"

    @classmethod
    def of(cls, flare_status: str) -> JobStatus:
        """The state that a FLARE status stands for.

        :param flare_status: such as ``RUNNING`` or ``FINISHED:COMPLETED``.
        """
        if flare_status == SUCCESS:
            return cls.FINISHED
        if flare_status == "FINISHED:ABORTED":
            return cls.ABORTED
        if flare_status.startswith("FINISHED"):
            return cls.FAILED
        return cls.RUNNING if flare_status == "RUNNING" else cls.SUBMITTED

    @property
    def has_ended(self) -> bool:
        return self in (JobStatus.FINISHED, JobStatus.FAILED, JobStatus.ABORTED)
