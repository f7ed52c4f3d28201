from __future__ import annotations

import contextlib
import threading
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import ClassVar

import pytest
import tenacity

from airflow_provider_dfm.federation.errors import (
    AuthenticationFailed,
    FederationError,
    FederationUnreachable,
    JobNotFound,
    UnreadableAnswer,
)
from airflow_provider_dfm.federation.flare_commands import FlareCommands
from airflow_provider_dfm.federation.job_identity import JobIdentity
from airflow_provider_dfm.hooks import job_aborts
from airflow_provider_dfm.hooks.federation_watch import FederationWatch
from airflow_provider_dfm.hooks.job_aborts import JobAborts, abort_patiently


class Federation:
    """Stands in for a hook whose federation answers, refuses and hangs as a real one cannot be made to."""

    def __init__(self):
        self.requests = []
        self.refusals = {}
        self.error = None
        self.failed = 0
        self.answers = threading.Event()
        self.answers.set()

    def active_jobs(self, identity):
        return [identity.job_id(0), identity.job_id(1)] if identity.dag_id == "active" else []

    def abort_jobs(self, job_ids):
        self.requests.append(list(job_ids))
        assert self.answers.wait(60)
        if self.error is not None:
            raise self.error
        return {job_id: error for job_id, error in self.refusals.items() if job_id in job_ids}

    def close(self):
        pass

    def close_failed(self):
        self.failed += 1


class Log:
    def __init__(self):
        self.lines = []

    def warning(self, text, *arguments):
        self.lines.append(f"warning: {text % arguments}")

    def error(self, text, *arguments):
        self.lines.append(f"error: {text % arguments}")


@pytest.fixture
def federation():
    return Federation()


@pytest.fixture
def aborts(federation):
    watch = FederationWatch(federation)
    return JobAborts(lambda: watch)


def test_what_waits_at_a_time_goes_into_one_request(federation, aborts):
    federation.answers.clear()
    with ThreadPoolExecutor(20) as pool:
        aborted = [pool.submit(aborts.abort, "first")]
        while not federation.requests:
            pass
        aborted += [pool.submit(aborts.abort, str(number)) for number in range(19)]
        while len(aborts._waiting) < 19:
            pass
        federation.answers.set()
        for one in aborted:
            one.result(timeout=60)
    assert [sorted(request) for request in federation.requests] == [
        ["first"],
        sorted(str(number) for number in range(19)),
    ]


def test_of_a_job_whose_id_is_not_known_all_that_its_task_has_are_aborted(federation, aborts):
    whose = JobIdentity("c", "active", "r", "t", -1, "salt", 1)
    aborts.abort(whose)
    assert federation.requests == [[whose.job_id(0), whose.job_id(1)]]
    federation.refusals = {whose.job_id(1): FederationError("not now")}
    with pytest.raises(FederationError, match="not now"):
        aborts.abort(whose)
    with pytest.raises(JobNotFound, match="no job that has not ended"):
        aborts.abort(replace(whose, dag_id="never submitted"))
    assert len(federation.requests) == 2


def test_a_task_whose_jobs_cannot_be_looked_for_keeps_no_other_job_of_its_batch_from_being_aborted(federation, aborts):
    whose = JobIdentity("c", "odd", "r", "t", -1, "salt", 1)

    def refuse(error):
        def active_jobs(identity):
            raise error

        federation.active_jobs = active_jobs

    refuse(UnreadableAnswer("no meta"))
    errors = aborts._try({whose: Future(), "1": Future()})
    assert federation.requests == [["1"]]
    assert [type(error) for error in errors.values()] == [UnreadableAnswer]
    refuse(FederationUnreachable("away"))
    with pytest.raises(FederationUnreachable):
        aborts._try({whose: Future(), "1": Future()})


def test_a_job_that_is_refused_is_the_trouble_of_its_own_task(federation, aborts):
    federation.refusals = {"1": FederationError("not now"), "2": JobNotFound("gone")}
    aborts.abort("0")
    with pytest.raises(JobNotFound, match="gone"):
        aborts.abort("2")
    with pytest.raises(FederationError, match="not now"):
        aborts.abort("1")
    assert federation.failed == 0


def test_what_is_no_jobs_id_keeps_no_other_job_of_its_batch_from_being_aborted():
    class Session(FlareCommands):
        settings = None
        asked: ClassVar[list[str]] = []

        def ask(self, method, **arguments):
            self.asked += arguments["job_ids"]
            return {}

        get_job_meta = send_input_params = None

    job_id = str(uuid.uuid4())
    (error,) = Session().abort_jobs(["None", job_id]).values()
    assert isinstance(error, JobNotFound)
    assert Session.asked == [job_id]


def test_a_fault_at_the_end_of_a_session_is_told_to_all_that_wait_and_the_next_abort_tries_anew(federation, aborts):
    federation.close_failed = federation.close = lambda: (_ for _ in ()).throw(RuntimeError("can't start new thread"))
    federation.error = FederationUnreachable("gone")
    with pytest.raises(RuntimeError, match="new thread"):
        aborts.abort("1")
    federation.error = None
    aborts.abort("1")


@pytest.mark.parametrize("error", [FederationUnreachable("gone"), RuntimeError("no connection of this name now")])
def test_an_error_of_all_is_raised_for_each_and_the_next_abort_tries_anew(federation, aborts, error):
    federation.error = error
    for _ in range(2):
        with pytest.raises(type(error)):
            aborts.abort("1")
    federation.error = None
    aborts.abort("1")
    assert len(federation.requests) == 3


@pytest.fixture
def no_pauses(monkeypatch):
    monkeypatch.setattr(job_aborts, "wait_exponential", lambda **limits: tenacity.wait_none())


def test_what_could_not_be_aborted_is_logged_by_name_and_tried_again(no_pauses):
    log = Log()
    answers = [FederationUnreachable("the server is away"), RuntimeError("Airflow's own"), None]

    def abort():
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    abort_patiently(abort, "1234", "weather", log)
    assert answers == []
    assert log.lines == [
        "warning: Could not abort job 1234, trying again in 0 s: the server is away",
        "warning: Could not abort job 1234, trying again in 0 s: Airflow's own",
    ]


@pytest.mark.parametrize(
    ("error", "patience"), [(AuthenticationFailed("no right to abort"), 60.0), (FederationUnreachable("away"), 0.0)]
)
def test_what_cannot_be_aborted_at_all_says_what_to_do(no_pauses, monkeypatch, error, patience):
    monkeypatch.setattr(job_aborts, "PATIENCE_SECONDS", patience)
    log = Log()

    def abort():
        raise error

    with contextlib.suppress(FederationError):
        abort_patiently(abort, "1234", "weather", log)
    (line,) = log.lines
    assert line.startswith(
        f"error: Job 1234 of connection 'weather' could not be aborted, and may run on: {type(error).__name__}"
    )
    assert "FlareAbortJobOperator" in line
