from __future__ import annotations

import logging
import time

import pytest

from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.hooks.job_wait import JobWait
from airflow_provider_dfm.hooks.job_watch import Snapshot

LOG = logging.getLogger("test")


def test_a_job_that_runs_is_waited_for():
    assert JobWait("1", None, LOG).take(Snapshot({"1": "RUNNING"})) is None


@pytest.mark.parametrize("status", ["FINISHED:COMPLETED", "FINISHED:ABORTED", None])
def test_an_ended_or_unknown_job_ends_the_wait(status):
    assert JobWait("1", None, LOG).take(Snapshot({"1": status})) == {"job_id": "1", "status": status}


def test_a_snapshot_without_the_job_is_not_its_end():
    assert JobWait("1", None, LOG).take(Snapshot({"2": "FINISHED:COMPLETED"})) is None


def test_a_fault_is_logged_each_time_and_waited_out(caplog):
    wait = JobWait("1", None, LOG)
    for _ in range(2):
        assert wait.take(Snapshot(fault="connection refused")) is None
    assert [record.getMessage() for record in caplog.records] == ["Cannot look at job 1: connection refused"] * 2
    assert wait.take(Snapshot({"1": "FINISHED:COMPLETED"})) is not None


def test_a_fault_that_stays_ends_the_wait_by_its_name():
    wait = JobWait("1", None, LOG, status="RUNNING")
    event = wait.take(Snapshot(fault="the kit has expired", permanent="StartupKitError"))
    assert event == {"job_id": "1", "status": "RUNNING", "error": "StartupKitError", "fault": "the kit has expired"}


def test_a_lost_job_ends_the_wait():
    event = JobWait("1", None, LOG).take(Snapshot({"1": "RUNNING"}, lost=frozenset({"1"})))
    assert event == {"job_id": "1", "status": "RUNNING", "lost": True}


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


def looked_at(status, callback):
    wait = JobWait("1", None, LOG, callback)
    assert wait.in_detail == ["1"]
    return wait.take(Snapshot({"1": status}, metas={"1": JobMeta(job_id="1", status=status)}))


@pytest.mark.parametrize("answer", [True, None, 0])
def test_a_callback_sees_each_look_and_only_false_ends_the_wait(answer):
    seen = []

    def callback(job_id, meta):
        seen.append((job_id, meta.status))
        return answer

    assert looked_at("RUNNING", callback) is None
    assert looked_at("FINISHED:COMPLETED", callback) == {"job_id": "1", "status": "FINISHED:COMPLETED"}
    assert seen == [("1", "RUNNING"), ("1", "FINISHED:COMPLETED")]


def test_a_callback_that_says_false_ends_the_wait():
    event = looked_at("RUNNING", lambda job_id, meta: False)
    assert event == {"job_id": "1", "status": "RUNNING", "ended_by_callback": True}


def test_a_callback_that_raises_ends_the_wait_by_its_error():
    event = looked_at("RUNNING", lambda job_id, meta: meta.nothing)
    assert event["error"] == "CallbackFailed"
    assert "the callback raised AttributeError" in event["fault"]


def test_a_callback_is_not_called_without_the_jobs_meta():
    wait = JobWait("1", None, LOG, lambda job_id, meta: False)
    assert wait.take(Snapshot(fault="connection refused")) is None
    assert wait.take(Snapshot({"1": None})) == {"job_id": "1", "status": None}
