"""Downloads an ended job once its server has stored what the job wrote."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from airflow_provider_dfm.federation.errors import CommandTimedOut
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.job_status import SUCCESS

PAUSE_SECONDS = 1.0
# A server packs some 50 MB a second.
STORING_SECONDS = 600.0
# A job that failed or was aborted can have lost its workspace with its process; of its results nothing depends on it.
STORING_SECONDS_AFTER_FAILURE = 60.0
# A server that starts calls so what it ran when it died: nvflare/private/fed/server/job_runner.py,
# update_unfinished_jobs. What such a job wrote is never stored.
ABANDONED = "FINISHED:ABANDONED"


def download_stored_job(
    download: Callable[[], Path],
    meta: JobMeta,
    storing_seconds: float = STORING_SECONDS,
    storing_seconds_after_failure: float = STORING_SECONDS_AFTER_FAILURE,
) -> Path:
    """Download a job, and again until its workspace is among what came.

    A server of nvflare 2.6 or 2.7 calls a job ended before it has stored the job's workspace, and meanwhile answers
    with the rest: nvflare/private/fed/server/job_runner.py, ``_job_complete_process``.

    :param download: downloads the job and gives the folder.
    :param meta: the ended job's meta, as the server has it.
    :param storing_seconds: how long the workspace of a completed job may take.
    :param storing_seconds_after_failure: the same of a job that failed; then it is taken to have none.
    :return: the folder; of a job that failed, or never ran, it may have no ``workspace/``.
    :raises CommandTimedOut: the job completed, but its workspace does not come.
    """
    completed = meta.status == SUCCESS
    # A job without a start time never ran.
    to_be_stored = completed or (meta.start_time and meta.status != ABANDONED)
    ends = time.monotonic() + (storing_seconds if completed else storing_seconds_after_failure)
    while True:
        location = download()
        if (location / "workspace").exists() or not to_be_stored:
            return location
        if time.monotonic() > ends:
            if not completed:
                return location
            shutil.rmtree(location, ignore_errors=True)
            raise CommandTimedOut(
                f"Job {meta.job_id} has completed, but {storing_seconds:g} s later its server has still not stored "
                "what it wrote. Try again later; the server's log may tell why."
            )
        shutil.rmtree(location, ignore_errors=True)
        time.sleep(PAUSE_SECONDS)
