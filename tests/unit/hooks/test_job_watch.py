from __future__ import annotations

import logging
import time

import pytest

from airflow_provider_dfm.federation.errors import (
    CommandTimedOut,
    FederationError,
    FederationUnreachable,
    JobNotFound,
    StartupKitError,
)
from airflow_provider_dfm.hooks import job_watch
from airflow_provider_dfm.hooks.job_watch import JobWait, JobWatch, Snapshot

LOG = logging.getLogger("test")


def test_a_job_that_runs_is_waited_for():
    assert JobWait("1", None, LOG).take(Snapshot({"1": "RUNNING"})) is None


@pytest.mark.parametrize("status", ["FINISHED:COMPLETED", "FINISHED:ABORTED", None])
def test_an_ended_or_unknown_job_ends_the_wait(status):
    assert JobWait("1", None, LOG).take(Snapshot({"1": status})) == {"job_id": "1", "status": status}


def test_a_snapshot_without_the_job_is_not_its_end():
    assert JobWait("1", None, LOG).take(Snapshot({"2": "FINISHED:COMPLETED"})) is None


def test_a_fault_is_logged_and_waited_out(caplog):
    wait = JobWait("1", None, LOG)
    assert wait.take(Snapshot(fault="connection refused")) is None
    assert "trying again: connection refused" in caplog.text
    assert wait.take(Snapshot({"1": "FINISHED:COMPLETED"})) is not None


def test_a_deadline_ends_the_wait_with_what_was_known():
    wait = JobWait("1", time.time() - 1, LOG, status="RUNNING")
    event = wait.take(Snapshot(fault="connection refused"))
    assert event == {"job_id": "1", "status": "RUNNING", "timed_out": True, "fault": "connection refused"}


def test_an_end_counts_even_after_the_deadline():
    event = JobWait("1", time.time() - 1, LOG).take(Snapshot({"1": "FINISHED:COMPLETED"}))
    assert "timed_out" not in event


def test_only_changes_are_logged(caplog):
    caplog.set_level(logging.INFO)
    wait = JobWait("1", None, LOG)
    for status in ("SUBMITTED", "RUNNING", "RUNNING", "RUNNING"):
        wait.take(Snapshot({"1": status}))
    assert [record.getMessage() for record in caplog.records] == ["Job 1 is SUBMITTED", "Job 1 is RUNNING"]


class FaultyHook:
    """Stands in for a hook whose federation fails in ways that a real one cannot be made to."""

    opened = 0
    answers: dict = {}  # noqa: RUF012 - each test sets its own

    def __init__(self, dfm_conn_id):
        type(self).opened += 1

    def get_job_meta(self, job_id):
        answer = self.answers[job_id]
        if isinstance(answer, Exception):
            raise answer
        return {"status": answer}

    def close(self):
        pass


@pytest.fixture
def faulty(monkeypatch):
    monkeypatch.setattr(job_watch, "DfmHook", FaultyHook)
    FaultyHook.opened = 0
    return FaultyHook


def test_one_session_for_all_polls_and_all_jobs(faulty):
    faulty.answers = {"1": "RUNNING", "2": JobNotFound("2")}
    watch = JobWatch("weather")
    for _ in range(3):
        assert watch.poll(["1", "2"]) == Snapshot({"1": "RUNNING", "2": None})
    assert faulty.opened == 1


@pytest.mark.parametrize("error", [FederationUnreachable("gone"), CommandTimedOut("late"), FederationError("odd")])
def test_a_fault_that_may_pass_is_told_and_the_session_opened_anew(faulty, error):
    faulty.answers = {"1": error}
    watch = JobWatch("weather")
    assert watch.poll(["1"]) == Snapshot(fault=str(error))
    faulty.answers = {"1": "RUNNING"}
    assert watch.poll(["1"]) == Snapshot({"1": "RUNNING"})
    assert faulty.opened == 2


def test_a_fault_that_stays_ends_the_watch(faulty):
    faulty.answers = {"1": StartupKitError("expired")}
    with pytest.raises(StartupKitError):
        JobWatch("weather").poll(["1"])


def test_a_closed_watch_opens_no_session(faulty):
    watch = JobWatch("weather")
    watch.close()
    assert watch.poll(["1"]).fault
    assert faulty.opened == 0
