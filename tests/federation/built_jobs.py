"""The job ``sleep``, built by a function. Put the job's ``app/custom`` on ``python_path`` too."""

from __future__ import annotations

from nvflare.job_config.api import FedJob
from sleep_trial import AskToSleep, Sleep


def sleep(seconds: float = 0) -> FedJob:
    """Build the job.

    :param seconds: how long its sites wait.
    """
    job = FedJob(name="built", min_clients=2)
    job.to_server(AskToSleep(seconds))
    job.to_clients(Sleep(), tasks=["sleep"])
    return job
