from __future__ import annotations

import logging
import time
from types import SimpleNamespace

import pytest

from airflow_provider_dfm.federation.errors import JobTimedOut
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.hooks import job_wait
from airflow_provider_dfm.hooks.federation_watch import Fault
from airflow_provider_dfm.hooks.job_wait import JobWait, look, run_here
from airflow_provider_dfm.hooks.job_watch import Snapshot

from .snapshots import snapshot

LOG = logging.getLogger("test")


def test_a_job_that_runs_is_waited_for():
    assert JobWait("1", None, LOG).take(snapshot({"1": "RUNNING"})) is None


@pytest.mark.parametrize("status", ["FINISHED:COMPLETED", "FINISHED:ABORTED", None])
def test_an_ended_or_unknown_job_ends_the_wait(status):
    assert JobWait("1", None, LOG).take(snapshot({"1": status})) == {"job_id": "1", "status": status}


def test_a_snapshot_without_the_job_is_not_its_end():
    assert JobWait("1", None, LOG).take(snapshot({"2": "FINISHED:COMPLETED"})) is None


def test_a_fault_is_logged_each_time_and_waited_out(caplog):
    wait = JobWait("1", None, LOG)
    for _ in range(2):
        assert wait.take(Snapshot(fault="connection refused")) is None
    assert [record.getMessage() for record in caplog.records] == ["Cannot look at job 1: connection refused"] * 2
    assert wait.take(snapshot({"1": "FINISHED:COMPLETED"})) is not None


def test_a_fault_that_stays_ends_the_wait_by_its_name():
    wait = JobWait("1", None, LOG, status="RUNNING")
    event = wait.take(Snapshot(fault="the kit has expired", permanent="StartupKitError"))
    assert event == {"job_id": "1", "status": "RUNNING", "error": "StartupKitError", "fault": "the kit has expired"}


def test_a_lost_job_ends_the_wait():
    event = JobWait("1", None, LOG).take(snapshot({"1": "RUNNING"}, lost=frozenset({"1"})))
    assert event == {"job_id": "1", "status": "RUNNING", "lost": True}


def test_a_deadline_ends_the_wait_with_what_was_known():
    wait = JobWait("1", time.time() - 1, LOG, status="RUNNING")
    event = wait.take(Snapshot(fault="connection refused"))
    assert event == {"job_id": "1", "status": "RUNNING", "timed_out": True, "fault": "connection refused"}


def test_an_end_counts_even_after_the_deadline():
    event = JobWait("1", time.time() - 1, LOG).take(snapshot({"1": "FINISHED:COMPLETED"}))
    assert "timed_out" not in event


def test_only_changes_are_logged(caplog):
    caplog.set_level(logging.INFO)
    wait = JobWait("1", None, LOG)
    for status in ("SUBMITTED", "RUNNING", "RUNNING", "RUNNING"):
        wait.take(snapshot({"1": status}))
    assert [record.getMessage() for record in caplog.records] == ["Job 1 is SUBMITTED", "Job 1 is RUNNING"]


def looked_at(status, callback):
    wait = JobWait("1", None, LOG, callback)
    assert wait.in_detail == ["1"]
    return wait.take(snapshot({"1": status}))


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
    assert wait.take(snapshot({"1": None})) == {"job_id": "1", "status": None}


class Clock:
    """Stands in for the time, which passes when a test says so."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(job_wait, "time", SimpleNamespace(monotonic=lambda: self.now, time=lambda: self.now))


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def test_a_job_that_goes_on_and_on_is_spoken_of_more_and_more_rarely(clock, caplog):
    caplog.set_level(logging.INFO)
    wait = JobWait("1", None, LOG)
    wait.take(snapshot({"1": "RUNNING"}))
    spoken = []
    for second in range(1, 1300):
        clock.now += 1
        caplog.clear()
        wait.take(snapshot({"1": "RUNNING"}))
        if caplog.records:
            spoken.append((second, caplog.messages[0]))
    assert [second for second, _ in spoken] == [10, 30, 70, 150, 310, 610, 910, 1210]
    assert spoken[3][1] == "Job 1 has been RUNNING for at least 0:02:30"


def test_a_job_whose_log_was_just_shown_is_not_spoken_of(clock, caplog):
    caplog.set_level(logging.INFO)
    wait = JobWait("1", None, LOG)
    watch = SimpleNamespace(poll=lambda job_ids, in_detail: snapshot({"1": "RUNNING"}))
    follower = SimpleNamespace(follow=lambda status: True)
    for _ in range(30):
        look(watch, wait, follower)
        clock.now += 9
    assert caplog.messages == ["Job 1 is RUNNING"]


def test_where_a_job_was_brought_is_told_once(caplog):
    caplog.set_level(logging.INFO)
    wait = JobWait("1", None, LOG)
    deployed = {"server": "OK", "seattle": "no reply (deployment timeout)"}
    for status in ("DISPATCHED", "RUNNING", "RUNNING"):
        wait.take(snapshot({"1": status}, job_deploy_detail=deployed))
    assert caplog.messages[1:] == [
        "Job 1 is RUNNING",
        "Job 1 was brought to its sites: server: OK; seattle: no reply (deployment timeout)",
    ]


@pytest.mark.parametrize(
    ("status", "order"),
    [("RUNNING", ["Job 1 is RUNNING", "shown"]), ("FINISHED:ABORTED", ["shown", "Job 1 is FINISHED:ABORTED"])],
)
def test_the_lines_of_a_job_are_shown_between_its_start_and_its_end(caplog, status, order):
    caplog.set_level(logging.INFO)
    watch = SimpleNamespace(poll=lambda job_ids, in_detail: snapshot({"1": status}))
    look(watch, JobWait("1", None, LOG), SimpleNamespace(follow=lambda status: LOG.info("shown")))
    assert caplog.messages == order


def test_a_federation_that_does_not_answer_is_not_asked_for_a_log():
    watch = SimpleNamespace(poll=lambda job_ids, in_detail: Snapshot(fault="connection refused"))
    asked = []
    assert look(watch, JobWait("1", None, LOG), SimpleNamespace(follow=asked.append)) is None
    assert asked == []


def test_what_is_wrong_with_one_job_is_told_and_the_wait_goes_on(caplog):
    wait = JobWait("1", None, logging.getLogger("test"))
    assert wait.take(Snapshot(faults={"1": Fault("no store")})) is None
    assert "Cannot look at job 1: no store" in caplog.text
    late = JobWait("1", 0.0, logging.getLogger("test"))
    assert late.take(Snapshot(faults={"1": Fault("no store")}))["fault"] == "no store"


def test_what_stays_wrong_with_one_job_ends_its_wait_alone():
    refused = Snapshot(faults={"1": Fault("not authorized", "AuthenticationFailed")})
    event = JobWait("1", None, LOG, status="RUNNING").take(refused)
    assert event == {"job_id": "1", "status": "RUNNING", "error": "AuthenticationFailed", "fault": "not authorized"}
    assert JobWait("2", None, LOG).take(refused) is None


def waiting(*tries, status="SUBMITTED"):
    history = [f"2026-11-24 18:33:0{number}: {came}" for number, came in enumerate(tries)]
    return snapshot({"1": status}, deploy_map={"app": ["@ALL"]}, schedule_history=history)


def test_why_the_server_does_not_start_a_job_is_told_and_again_when_that_changes(caplog):
    caplog.set_level(logging.INFO)
    wait = JobWait("1", None, LOG)
    short, missing = "connected sites (1) < min_sites (3)", "missing required site seattle"
    for tries in ((), (), (short,), (short, short), (short, missing), (missing, short)):
        assert wait.take(waiting(*tries)) is None
    wait.take(waiting(short, "scheduled", status="DISPATCHED"))
    assert caplog.messages == [
        "Job 1 is SUBMITTED",
        "The server has not started job 1: it has not tried to yet, as while it runs as many jobs at once as it may",
        f"The server has not started job 1: {short}",
        f"The server has not started job 1: {missing}",
        "Job 1 is DISPATCHED",
    ]


def test_what_a_list_leaves_out_does_not_change_the_reason_which_is_said_with_the_quiet(clock, caplog):
    caplog.set_level(logging.INFO)
    wait = JobWait("1", None, LOG)
    wait.take(waiting("no resources"))
    caplog.clear()
    clock.now += 10
    wait.take(snapshot({"1": "SUBMITTED"}))
    assert caplog.messages == ["Job 1 has been SUBMITTED for at least 0:00:10: no resources"]


def test_reasons_that_are_never_the_same_do_not_flood_the_log(caplog):
    caplog.set_level(logging.INFO)
    wait = JobWait("1", None, LOG)
    for number in range(1000):
        wait.take(waiting(f"{number} sites: " + "x" * 5000))
    assert len(caplog.messages) == 1 + job_wait.MAX_REASONS
    assert max(map(len, caplog.messages)) < 1100


@pytest.mark.parametrize("seen", [None, "SUBMITTED"])
def test_a_job_that_nobody_knows_any_more_is_told_from_one_that_nobody_ever_knew(seen):
    wait = JobWait("1", None, LOG, seen=seen)
    wait.take(Snapshot(fault="connection refused"))
    expected = {} if seen is None else {"seen": seen, "seen_at": None, "submit_time": None}
    assert wait.take(snapshot({"1": None})) == {"job_id": "1", "status": None} | expected
    wait = JobWait("1", None, LOG, seen=seen)
    wait.take(snapshot({"1": "RUNNING"}, submit_time=5.0))
    wait.take(Snapshot(fault="connection refused"))
    event = wait.take(snapshot({"1": None}))
    assert time.time() - 60 < event.pop("seen_at") <= time.time()
    assert event == {"job_id": "1", "status": None, "seen": "RUNNING", "submit_time": 5.0}


def test_what_a_callback_raises_can_go_into_a_database():
    def callback(job_id, meta):
        raise ValueError("a\0b\ud800c")

    assert looked_at("RUNNING", callback)["fault"].endswith(
        "ValueError: a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [([], "It was aborted."), (["site seattle: ImportError: x"], "DFM's runner said: site seattle: ImportError: x")],
)
def test_a_local_job_that_is_out_of_time_says_what_its_sites_said(said, told):
    aborted = []
    job = SimpleNamespace(
        job_id="1",
        wait_until_finished=lambda timeout, poll_interval: False,
        get_job_meta=lambda: JobMeta(job_id="1", status="RUNNING", said=said),
        cancel=lambda: aborted.append("1"),
    )
    with pytest.raises(JobTimedOut) as raised:
        run_here(job, time.time() - 1, 1.0)
    assert str(raised.value).endswith(told)
    assert aborted == ["1"]
