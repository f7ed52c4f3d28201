from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowTaskTimeout

from airflow_provider_dfm.federation.errors import (
    AuthenticationFailed,
    CommandTimedOut,
    FederationError,
    FederationUnreachable,
    JobNotFound,
    StartupKitError,
    StorageFailed,
    UnreadableAnswer,
)
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.system_info import RunningJob, SystemInfo
from airflow_provider_dfm.hooks import federation_watch, lost_jobs
from airflow_provider_dfm.hooks.federation_watch import MAX_PAUSE_SECONDS, Fault
from airflow_provider_dfm.hooks.job_watch import DETAILS_A_POLL, POLLS_UNTIL_NEXT_LIST, JobWatch, Snapshot

from .snapshots import statuses


class Federation:
    """Stands in for a hook whose federation fails in ways that a real one cannot be made to."""

    settings = SimpleNamespace(target="flare")
    log = logging.getLogger("test")

    def __init__(self, answers):
        self.answers = answers
        self.asked = []
        self.closed = 0
        self.running = set(answers)

    def get_job_meta(self, job_id):
        self.asked.append("job")
        answer = self.answers.get(job_id, JobNotFound(job_id))
        if isinstance(answer, Exception):
            raise answer
        return JobMeta(job_id=job_id, status=answer, submit_time=1.0)

    def find_job(self, job_id):
        try:
            return self.get_job_meta(job_id)
        except JobNotFound:
            return None

    def list_jobs(self):
        self.asked.append("list")
        return [JobMeta(job_id=job_id, status=status) for job_id, status in self.answers.items()]

    def get_system_info(self):
        running = [RunningJob(job_id=job_id) for job_id in self.running]
        return SystemInfo(server_status="stopped", server_start_time=0.0, sites=(), running_jobs=running)

    def close(self):
        self.closed += 1

    close_failed = close


def test_one_session_for_all_polls_and_all_jobs():
    federation = Federation({"1": "RUNNING", "2": JobNotFound("2")})
    watch = JobWatch(federation)
    for _ in range(3):
        assert statuses(watch.poll(["1", "2"])) == {"1": "RUNNING", "2": None}
    assert federation.closed == 0


@pytest.mark.parametrize("error", [FederationUnreachable("gone"), CommandTimedOut("late"), FederationError("odd")])
def test_a_fault_that_may_pass_is_told_and_the_session_ended_so_that_the_next_poll_opens_another(error):
    federation = Federation({"1": error})
    watch = JobWatch(federation)
    assert watch.poll(["1"]) == Snapshot(fault=str(error))
    assert federation.closed == 1
    federation.answers = {"1": "RUNNING"}
    assert statuses(watch.poll(["1"])) == {"1": "RUNNING"}


@pytest.fixture
def clock(monkeypatch):
    """The time, which passes when a test says so."""
    made = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(federation_watch, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


def named(watch, clock, seconds, looks, jobs=("1",)):
    """Of each look, which fault that stays it names."""
    names = []
    for _ in range(looks):
        names.append(watch.poll(jobs).permanent)
        clock.now += seconds
    return names


@pytest.mark.parametrize(
    ("seconds", "first"),
    [(10, ["", "", "", "", "", ""]), (30, ["", ""]), (300, ["", ""])],
    ids=["looked at often", "in a minute", "looked at rarely"],
)
def test_a_fault_that_stays_is_named_once_several_looks_over_a_minute_have_met_it(clock, seconds, first):
    watch = JobWatch(Federation({"1": StartupKitError("expired")}))
    assert named(watch, clock, seconds, len(first) + 1) == [*first, "StartupKitError"]


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), AirflowException("no supervisor")])
def test_any_other_error_of_a_look_is_a_fault_that_may_pass(error, caplog):
    federation = Federation({"1": error, "2": error})
    watch = JobWatch(federation)
    assert watch.poll(["1", "2"]) == Snapshot(fault=f"{type(error).__name__}: {error}")
    assert federation.closed == 1
    assert "Traceback" in caplog.text
    federation.answers = {"1": "RUNNING"}
    assert statuses(watch.poll(["1"])) == {"1": "RUNNING"}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), AirflowTaskTimeout("late")])
def test_what_is_to_end_the_task_does(error):
    federation = Federation({"1": "RUNNING"})

    def find_job(job_id):
        raise error

    federation.find_job = find_job
    with pytest.raises(type(error)):
        JobWatch(federation).poll(["1"])
    assert federation.closed == 1


@pytest.mark.parametrize("between", ["RUNNING", FederationUnreachable("gone")])
def test_a_fault_that_only_seemed_to_stay_is_forgotten(clock, between):
    federation = Federation({"1": StartupKitError("half a kit")})
    watch = JobWatch(federation)
    assert named(watch, clock, 40, 2) == ["", ""]
    federation.answers = {"1": between}
    watch.poll(["1"])
    federation.answers = {"1": StartupKitError("half a kit")}
    assert named(watch, clock, 40, 3) == ["", "", "StartupKitError"]


def test_a_connection_that_has_never_worked_is_named_at_the_first_look_and_one_that_has_is_not(clock):
    federation = Federation({"1": StartupKitError("expired")})
    assert JobWatch(federation, worked_before=False).poll(["1"]).permanent == "StartupKitError"
    federation.answers = {"1": "RUNNING"}
    watch = JobWatch(federation, worked_before=False)
    watch.poll(["1"])
    federation.answers = {"1": StartupKitError("expired")}
    assert named(watch, clock, 40, 3) == ["", "", "StartupKitError"]


def test_pauses_grow_with_each_fault_in_a_row_up_to_a_limit():
    federation = Federation({"1": FederationUnreachable("gone")})
    watch = JobWatch(federation)
    pauses = []
    for _ in range(6):
        pauses.append(watch.pause(4))
        watch.poll(["1"])
    assert pauses == [4, 8, 16, 32, MAX_PAUSE_SECONDS, MAX_PAUSE_SECONDS]
    assert watch.pause(300) == 300, "never shorter than wanted"
    federation.answers = {"1": "RUNNING"}
    watch.poll(["1"])
    assert watch.pause(4) == 4


def test_a_closed_watch_asks_nothing():
    federation = Federation({"1": "RUNNING"})
    watch = JobWatch(federation)
    watch.close()
    assert watch.poll(["1"]).fault
    assert federation.asked == []


def test_the_session_of_a_closed_watch_ends_with_its_last_user():
    federation = Federation({"1": "RUNNING"})
    watch = JobWatch(federation)
    with watch.session() as one:
        with watch.session():
            watch.close()
            watch.close()
        assert federation.closed == 0
        assert one is federation
    assert federation.closed == 1
    with watch.session():
        assert federation.closed == 1
    assert federation.closed == 2, "who needs it afterwards has it opened anew, and closed again"


def test_few_jobs_are_asked_for_one_by_one():
    federation = Federation({str(number): "RUNNING" for number in range(100)})
    JobWatch(federation).poll(["1", "2"])
    assert federation.asked == ["job"] * 2


def test_many_jobs_are_listed_once_a_poll():
    jobs = {str(number): "RUNNING" for number in range(100)}
    federation = Federation(jobs)
    watch = JobWatch(federation)
    for _ in range(3):
        assert statuses(watch.poll(list(jobs))) == jobs
    assert federation.asked == ["list"] * 3


def test_a_list_of_a_full_store_is_left_for_single_requests_and_tried_again_later():
    stored = {str(number): "RUNNING" for number in range(1000)}
    federation = Federation(stored)
    watch = JobWatch(federation)
    jobs = {str(number): "RUNNING" for number in range(10)}
    for _ in range(3):
        assert statuses(watch.poll(list(jobs))) == jobs
    assert federation.asked == ["list", *["job"] * 20]
    for _ in range(POLLS_UNTIL_NEXT_LIST):
        watch.poll(list(jobs))
    assert federation.asked.count("list") == 2


def test_a_job_that_the_list_lacks_is_asked_for():
    jobs = {str(number): "RUNNING" for number in range(10)}
    federation = Federation(jobs)
    assert statuses(JobWatch(federation).poll([*jobs, "unknown"])) == jobs | {"unknown": None}
    assert federation.asked == ["list", "job"]


def test_a_job_in_detail_is_asked_for_singly_however_many_are_listed():
    jobs = {str(number): "RUNNING" for number in range(10)}
    federation = Federation(jobs)
    snapshot = JobWatch(federation).poll([*jobs], in_detail=["3"])
    assert statuses(snapshot) == jobs
    assert federation.asked == ["job", "list"]


OF_ONE_JOB = [
    StorageFailed("no store"),
    UnreadableAnswer("odd"),
    AuthenticationFailed("not authorized for this one"),
    FederationError("InternalError"),
]


@pytest.mark.parametrize("error", OF_ONE_JOB, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("jobs", [2, 10])
def test_what_is_wrong_with_one_job_alone_is_its_own(error, jobs):
    running = {str(number): "RUNNING" for number in range(jobs)}
    federation = Federation(running)
    watch = JobWatch(federation)
    federation.answers = running | {"odd": error}
    federation.list_jobs = lambda: [JobMeta(job_id=job_id, status="RUNNING") for job_id in running]
    seen = watch.poll([*running, "odd"])
    assert statuses(seen) == running
    assert (seen.fault, seen.permanent, seen.faults) == ("", "", {"odd": Fault(str(error))})
    assert federation.closed == 0
    assert watch.poll([*running]).faults == {}


def test_what_stays_wrong_with_one_job_is_named_for_it_alone_after_several_looks(clock):
    federation = Federation({"1": "RUNNING", "2": AuthenticationFailed("refused"), "3": FederationError("internal")})
    watch = JobWatch(federation)
    seen = []
    for _ in range(4):
        seen.append(watch.poll(["1", "2", "3"]))
        clock.now += 30
    assert [snapshot.fault_of("2").permanent for snapshot in seen] == ["", "", *["AuthenticationFailed"] * 2]
    assert {snapshot.fault_of("3") for snapshot in seen} == {Fault("internal")}
    assert {snapshot.fault_of("1") for snapshot in seen} == {Fault("")}


@pytest.mark.parametrize("error", [AuthenticationFailed("refused"), FederationError("internal")])
def test_what_all_jobs_have_is_the_connections(clock, error):
    federation = Federation({"1": error, "2": error})
    seen = JobWatch(federation).poll(["1", "2"])
    assert (seen.fault, seen.faults, federation.closed) == (str(error), {}, 1)


def test_a_job_that_the_server_refuses_to_tell_of_is_not_lost_and_no_trouble_of_the_others(monkeypatch):
    monkeypatch.setattr(lost_jobs, "CHECK_SECONDS", 0.0)
    running = {str(number): "RUNNING" for number in range(10)}
    federation = Federation(running)
    federation.running = set()
    watch = JobWatch(federation)
    watch.poll([*running])
    federation.list_jobs = lambda: [JobMeta(job_id=job_id, status="RUNNING") for job_id in running]
    federation.answers = dict.fromkeys(running, AuthenticationFailed("refused"))
    seen = watch.poll([*running])
    assert (seen.fault, seen.lost) == ("", frozenset())


def test_a_server_that_can_list_no_jobs_is_asked_for_each():
    running = {str(number): "RUNNING" for number in range(10)}
    federation = Federation(running)

    def broken():
        federation.asked.append("list")
        raise FederationError("a name is no text")

    federation.list_jobs = broken
    watch = JobWatch(federation)
    for _ in range(3):
        assert statuses(watch.poll([*running])) == running
    assert federation.asked == ["list", *["job"] * 30]
    assert federation.closed == 0


@pytest.mark.parametrize("error", [FederationUnreachable("gone"), StartupKitError("expired")])
def test_any_other_fault_of_a_list_is_one_of_all(error):
    federation = Federation({str(number): "RUNNING" for number in range(10)})

    def broken():
        raise error

    federation.list_jobs = broken
    assert JobWatch(federation).poll([*federation.answers]).fault == str(error)


class Waiting(Federation):
    """A federation whose list is short of detail, as the real one's is."""

    def __init__(self, statuses, detail=None):
        super().__init__(statuses)
        self.detail = detail or {}
        self.asked_for = []

    def get_job_meta(self, job_id):
        self.asked_for.append(job_id)
        if job_id in self.detail:
            raise self.detail[job_id]
        meta = super().get_job_meta(job_id)
        return meta.model_copy(update={"deploy_map": {"app": ["@ALL"]}, "schedule_history": ("now: no resources",)})


def test_of_many_waiting_jobs_a_few_are_asked_for_their_reason_at_each_poll_in_turn():
    jobs = [str(number) for number in range(10)]
    federation = Waiting(dict.fromkeys(jobs, "SUBMITTED") | {"running": "RUNNING"})
    watch = JobWatch(federation)
    told = []
    for _ in range(5):
        seen = watch.poll([*jobs, "running"])
        assert statuses(seen) == dict.fromkeys(jobs, "SUBMITTED") | {"running": "RUNNING"}
        told.append([job_id for job_id, meta in seen.jobs.items() if meta.why_it_waits == "no resources"])
    assert [len(each) for each in told] == [DETAILS_A_POLL] * 5
    assert federation.asked.count("list") == 5
    assert sorted(federation.asked_for) == sorted(jobs * 2)


class CountedId(str):
    """A job's id that counts how often it is put into a set or a dict, or looked for there."""

    hashed = 0

    def __hash__(self):
        CountedId.hashed += 1
        return super().__hash__()


def test_whose_turn_it_is_costs_each_waiting_job_the_same_however_many_there_are():
    hashed = []
    for number in (100, 1000):
        federation = Waiting({CountedId(job): "SUBMITTED" for job in range(number)})
        watch = JobWatch(federation)
        listed = {job: federation.get_job_meta(job) for job in federation.answers}
        watch._asked_why = dict.fromkeys(listed)
        CountedId.hashed = 0
        watch._ask_why_they_wait(listed)
        hashed.append(CountedId.hashed / number)
    assert hashed[1] < hashed[0] * 2


def test_a_reason_that_cannot_be_asked_for_leaves_the_job_as_the_list_has_it():
    jobs = [str(number) for number in range(5)]
    detail = {"0": FederationError("odd"), "1": UnreadableAnswer("no form"), "2": JobNotFound("2")}
    watch = JobWatch(Waiting(dict.fromkeys(jobs, "SUBMITTED"), detail))
    seen = watch.poll(jobs)
    assert statuses(seen) == dict.fromkeys(jobs, "SUBMITTED")
    assert seen.faults == {}


@pytest.mark.parametrize("error", [CommandTimedOut("get_job_meta"), FederationUnreachable("away")])
def test_a_job_whose_meta_does_not_come_in_time_ends_no_look_at_the_others(error):
    jobs = [str(number) for number in range(5)]
    federation = Waiting(dict.fromkeys(jobs, "SUBMITTED"), {"1": error})
    seen = JobWatch(federation).poll(jobs)
    assert (seen.fault, statuses(seen)) == ("", dict.fromkeys(jobs, "SUBMITTED"))
    # The session that failed is ended, and nothing more is asked of it in this poll.
    assert (federation.closed, federation.asked_for) == (1, ["0", "1"])
