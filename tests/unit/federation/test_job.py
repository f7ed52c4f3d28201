"""A job as its session sees it. The session is one that knows only what the test is about."""

from __future__ import annotations

import pytest

from airflow_provider_dfm.federation.job import FederationJob
from airflow_provider_dfm.federation.job_status import JobStatus
from tests.unit.federation.tokens import meta


class StatusSession:
    """Can be asked for no result."""

    def __init__(self, *statuses):
        self._statuses = list(statuses)

    def get_job_meta(self, job_id):
        return meta(self._statuses.pop(0))

    def find_job(self, job_id):
        return None

    def get_status(self, job_id):
        return JobStatus.UNKNOWN

    def job_ended(self, job_id):
        pass


def test_without_callbacks_no_result_is_read():
    job = FederationJob(StatusSession("RUNNING", "FINISHED:COMPLETED"), "1")
    assert job.wait_until_finished(poll_interval=0.01)
    assert (job.get_status(), job.was_found) == (JobStatus.UNKNOWN, False)
    job.process_pending()


def test_a_detached_job_can_do_nothing_and_detaching_it_again_is_safe():
    job = FederationJob(StatusSession("RUNNING"), "1")
    job.detach()
    job.detach()
    for action in (job.get_status, job.wait_until_finished, job.cancel, job.results, job.get_job_meta):
        with pytest.raises(RuntimeError, match=r"detached job 1\. Use session\.reattach\(\)"):
            action()
