from __future__ import annotations

import pytest

from airflow_provider_dfm.federation.errors import JobNotFound, UnreadableAnswer
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.system_info import RunningJob, SystemInfo
from airflow_provider_dfm.hooks import lost_jobs
from airflow_provider_dfm.hooks.lost_jobs import ABSENT_SECONDS, CHECK_SECONDS, LostJobs

from .snapshots import jobs_of


class Server:
    """Stands in for a federation: what a server says of its jobs after a crash at any moment cannot be arranged."""

    def __init__(self, started, scheduled=100.0, status="RUNNING", running=()):
        self.started = started
        self.meta = {"job_id": "1", "status": status, "submit_time": scheduled - 5, "last_schedule_time": scheduled}
        self.running = list(running)
        self.checks = 0

    def get_system_info(self):
        self.checks += 1
        running = [RunningJob(job_id=job_id) for job_id in self.running]
        return SystemInfo(server_status="stopped", server_start_time=self.started, sites=(), running_jobs=running)

    def get_job_meta(self, job_id):
        return JobMeta(**self.meta)


@pytest.fixture
def now(monkeypatch):
    class Clock:
        time = 1000.0

    monkeypatch.setattr(lost_jobs.time, "monotonic", lambda: Clock.time)
    return Clock


def checks(now, server, *pauses, status="RUNNING"):
    jobs = LostJobs()
    found = [jobs.among(jobs_of({"1": status}), server)]
    for pause in pauses:
        now.time += pause
        found.append(jobs.among(jobs_of({"1": status}), server))
    return [bool(lost) for lost in found]


@pytest.mark.parametrize("status", ["RUNNING", "DISPATCHED"])
def test_a_job_of_a_server_that_was_restarted_is_lost_at_the_second_check(now, status):
    server = Server(started=200.0, status=status)
    assert checks(now, server, 1, CHECK_SECONDS, status=status) == [False, False, True]
    assert server.checks == 2, "a check is not made at every poll"


def test_a_job_that_runs_is_not_lost(now):
    assert checks(now, Server(started=200.0, running=["1"]), *[CHECK_SECONDS] * 3) == [False] * 4


def test_a_job_whose_end_is_being_stored_is_not_lost(now):
    """Its process has ended, but no server was restarted since it began."""
    pauses = [CHECK_SECONDS] * 3
    assert checks(now, Server(started=50.0), *pauses) == [False] * 4
    assert checks(now, Server(started=50.0), CHECK_SECONDS, ABSENT_SECONDS)[-1], "but not for ever"


def test_a_job_that_ended_meanwhile_is_not_lost(now):
    server = Server(started=200.0)
    server.meta["status"] = "FINISHED:ABANDONED"
    assert checks(now, server, CHECK_SECONDS) == [False, False]


def test_a_job_that_waits_is_not_looked_at(now):
    server = Server(started=200.0)
    assert checks(now, server, CHECK_SECONDS, status="SUBMITTED") == [False, False]
    assert server.checks == 0


@pytest.mark.parametrize("error", [JobNotFound("1"), UnreadableAnswer("1")])
def test_a_job_that_somebody_deletes_meanwhile_is_no_trouble_of_the_others(now, error):
    server = Server(started=200)
    asked = []

    def get_job_meta(job_id):
        asked.append(job_id)
        raise error

    server.get_job_meta = get_job_meta
    assert checks(now, server, CHECK_SECONDS + 1, CHECK_SECONDS + 1) == [False, False, False]
    assert asked
