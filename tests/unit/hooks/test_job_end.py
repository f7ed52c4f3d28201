"""What the end of a wait means to the task, where no job's end tells it."""

from __future__ import annotations

import logging
from datetime import datetime, timezone

import pytest

from airflow_provider_dfm.federation.errors import FederationUnreachable, JobLost, JobNotFound, JobTimedOut
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.system_info import SystemInfo
from airflow_provider_dfm.hooks.job_end import conclude, raise_fault

LOG = logging.getLogger("test")
STARTED = datetime(2026, 11, 24, 18, 0, tzinfo=timezone.utc)


class Federation:
    """Stands in for a hook whose server was started at a certain time."""

    dfm_conn_id = "poc"

    def __init__(self, meta=None, fault=None):
        self.meta = meta
        self.fault = fault

    def get_system_info(self):
        if self.fault is not None:
            raise self.fault
        return SystemInfo(server_status="stopped", server_start_time=STARTED, sites=(), running_jobs=())

    def find_job(self, job_id):
        return self.meta


def gone(**seen):
    return {"job_id": "1", "status": None, **seen}


def test_a_job_that_nobody_ever_knew_may_belong_to_another_federation():
    with pytest.raises(JobNotFound, match="It may have been deleted, or belong to another federation"):
        raise_fault(Federation(), gone())


def test_a_server_that_came_back_without_its_jobs_is_named_and_a_retry_may_help():
    with pytest.raises(JobLost) as raised:
        raise_fault(
            Federation(), gone(seen="RUNNING", submit_time=STARTED.timestamp() - 60, seen_at=STARTED.timestamp() - 5)
        )
    assert "no longer knows job 1, which was RUNNING before" in str(raised.value)
    assert "started at 2026-11-24 18:00:00 UTC, after the job was submitted, and came back without it" in str(
        raised.value
    )
    assert "another federation" not in str(raised.value)


@pytest.mark.parametrize(
    ("submit_time", "seen_at"),
    [(None, None), (STARTED.timestamp() + 60, None), (STARTED.timestamp() - 60, STARTED.timestamp() + 3600)],
    ids=["nobody knows when", "submitted to it", "outlived its start"],
)
def test_a_job_that_is_gone_from_the_same_server_was_deleted(submit_time, seen_at):
    with pytest.raises(JobNotFound, match=r"which was RUNNING before\. Somebody has deleted it, or its server lost it"):
        raise_fault(Federation(), gone(seen="RUNNING", submit_time=submit_time, seen_at=seen_at))


def test_a_server_that_went_away_again_is_not_waited_for_to_say_so():
    federation = Federation(fault=FederationUnreachable("connection refused"))
    with pytest.raises(JobNotFound, match=r"which was RUNNING before\..*connection refused"):
        raise_fault(federation, gone(seen="RUNNING", submit_time=None))


def test_a_wait_that_is_over_says_why_the_server_never_started_the_job():
    history = ["2026-11-24 18:33:09: connected sites (1) < min_sites (3)"]
    meta = JobMeta(job_id="1", status="SUBMITTED", deploy_map={"app": ["@ALL"]}, schedule_history=history)
    event = {"job_id": "1", "status": "SUBMITTED", "timed_out": True, "fault": ""}
    with pytest.raises(JobTimedOut, match=r"last seen as SUBMITTED\. .*not started it: connected sites \(1\) < min"):
        conclude({}, Federation(meta), event, LOG, abort_on_timeout=False)
