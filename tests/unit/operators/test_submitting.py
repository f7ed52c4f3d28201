"""What submitting operators do around the submit. The hook is one that knows only what the test is about."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from airflow.sdk.execution_time.timeout import timeout

from airflow_provider_dfm.federation.errors import (
    AuthenticationFailed,
    FederationError,
    JobAborted,
    JobDefinitionError,
    JobTimedOut,
)
from airflow_provider_dfm.federation.job import FederationJob
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.job_status import JobStatus
from airflow_provider_dfm.hooks.task_identity import give_up
from airflow_provider_dfm.operators import submitting
from airflow_provider_dfm.operators.dfm import DfmExecuteOperator
from tests.unit.hooks.test_task_identity import Store, context


class Hook:
    """Has one job, which runs, of each identity that it is asked for; submits another."""

    def __init__(self):
        self.settings = SimpleNamespace(target="flare")
        self.aborted = []
        self.refusal = None
        self.status = "SUBMITTED"
        self.running = []

    def active_jobs(self, identity):
        return [identity.job_id(0)]

    def abort_job(self, job_id):
        if self.refusal is not None:
            raise self.refusal
        self.aborted.append(job_id)

    def hold_settings(self):
        self.settings = SimpleNamespace(target="flare")

    def get_system_info(self):
        return SimpleNamespace(running_jobs=[SimpleNamespace(job_id=job_id) for job_id in self.running])

    def find_job(self, job_id):
        return JobMeta(job_id=job_id, status=self.status)

    def get_status(self, job_id):
        return JobStatus.SUBMITTED

    def prepare(self, *arguments):
        return None

    def execute(self, *arguments, claim, **rest):
        return FederationJob(None, claim.identity.job_id(0))

    def close(self):
        pass


@pytest.fixture
def hook(monkeypatch):
    made = Hook()
    monkeypatch.setattr(submitting, "DfmHook", lambda dfm_conn_id: made)
    return made


def run(store, try_number, max_tries, **arguments):
    """One try of a task; gives its job's id."""
    made = context(store, try_number, max_tries)
    made["ti"].xcom_push = lambda key, value: None
    return DfmExecuteOperator(task_id="run", pipeline="pipelines:compare", **arguments).execute(made)


OPEN = {"input_params": None, "autostop": False}


def test_clearing_the_task_of_a_pipeline_that_runs_on_aborts_it_and_a_retry_does_not(hook):
    store = Store()
    first = run(store, 1, 2, **OPEN)
    assert run(store, 2, 2, **OPEN) == first
    assert hook.aborted == []
    assert run(store, 3, 4, **OPEN) != first
    assert hook.aborted == [first]


def test_clearing_a_task_that_does_not_wait_leaves_its_former_job_alone(hook):
    store = Store()
    for try_number, max_tries in ((1, 2), (2, 3)):
        run(store, try_number, max_tries, wait_for_completion=False)
    assert hook.aborted == []


def test_a_task_that_is_ended_while_it_asks_airflow_aborts_its_job_without_asking_it(hook):
    class Locked:
        @property
        def target(self):
            raise AssertionError("the interrupted request holds Airflow's lock")

    made = context(Store(), 1, 1)
    operator = DfmExecuteOperator(task_id="run", pipeline="pipelines:compare", wait_for_completion=False)

    def end(key, value):
        hook.settings = Locked()
        operator.on_kill()

    made["ti"].xcom_push = end
    assert operator.execute(made) == hook.aborted[0]


def cleared(store):
    """The first try of a task that was cleared after its first one."""
    return run(store, 2, 3, **OPEN)


def test_a_former_job_that_a_try_could_not_abort_is_aborted_by_the_next(hook):
    store = Store()
    first = run(store, 1, 2, **OPEN)
    hook.refusal = AuthenticationFailed("not now")
    with pytest.raises(AirflowFailException):
        cleared(store)
    hook.refusal = None
    second = run(store, 3, 3, **OPEN)
    assert hook.aborted == [first]
    assert second not in (first, None)
    run(store, 4, 3, **OPEN)
    assert hook.aborted == [first]


@pytest.mark.parametrize("status", ["FINISHED:ABORTED", "RUNNING"], ids=["has ended meanwhile", "is lost"])
def test_a_former_job_that_the_server_will_not_abort_and_that_does_not_run_is_let_be(hook, status):
    store = Store()
    first = run(store, 1, 2, **OPEN)
    hook.refusal, hook.status = FederationError("InternalError"), status
    assert cleared(store) != first
    hook.refusal = None
    run(store, 3, 3, **OPEN)
    assert hook.aborted == []


def test_one_that_runs_is_not(hook):
    store = Store()
    first = run(store, 1, 2, **OPEN)
    hook.refusal, hook.status, hook.running = FederationError("InternalError"), "RUNNING", [first]
    with pytest.raises(FederationError, match="InternalError"):
        cleared(store)


def test_a_former_job_that_was_given_up_is_let_be(hook):
    store = Store()
    first = run(store, 1, 2, **OPEN)
    give_up({"task_state_store": store}, first)
    cleared(store)
    assert hook.aborted == []


@pytest.mark.parametrize(("on_timeout", "aborted"), [("leave", "It was left running"), ("abort", "It was aborted")])
def test_a_wait_ends_before_airflows_own_timer_so_that_on_timeout_decides(hook, on_timeout, aborted):
    how = {"deferrable": False, "on_timeout": on_timeout, "poll_interval": 60}
    # As Airflow's task runner does around the task.
    with timeout(2), pytest.raises(JobTimedOut, match=aborted):
        run(Store(), 1, 1, execution_timeout=timedelta(seconds=2), **how)
    assert len(hook.aborted) == (on_timeout == "abort")


@pytest.mark.parametrize(("seconds", "ends_after"), [(20, 18), (3600, 3595), (None, 7200)])
def test_a_wait_is_as_long_as_both_timeouts_allow(seconds, ends_after):
    allowed = None if seconds is None else timedelta(seconds=seconds)
    flare = SimpleNamespace(settings=SimpleNamespace(target="flare"))
    for deferrable, expected in ((False, ends_after), (True, seconds or 7200)):
        operator = DfmExecuteOperator(
            task_id="run", pipeline="pipelines:compare", execution_timeout=allowed, deferrable=deferrable
        )
        assert operator._within_execution_timeout(8200.0, 1000.0, flare) == 1000 + expected


def test_a_deferred_wait_has_all_of_the_execution_timeout(hook, monkeypatch):
    monkeypatch.setattr(submitting, "time", SimpleNamespace(time=lambda: 1000.0))
    with pytest.raises(TaskDeferred) as deferred:
        run(Store(), 1, 1, deferrable=True, execution_timeout=timedelta(minutes=1))
    assert deferred.value.trigger.ends_at == 1060


@pytest.mark.parametrize("reply", ["came", "was lost"])
def test_a_task_that_is_ended_while_it_submits_aborts_the_job_that_it_submitted(hook, monkeypatch, reply):
    operator = DfmExecuteOperator(task_id="run", pipeline="pipelines:compare")
    submitted = []
    monkeypatch.setattr(hook, "active_jobs", lambda identity: list(submitted))

    def execute(*arguments, claim, **rest):
        # The signal comes while the server takes the job.
        operator.on_kill()
        submitted.append(claim.identity.job_id(0))
        if reply == "was lost":
            raise JobDefinitionError("the reply was lost")
        return FederationJob(None, submitted[0])

    monkeypatch.setattr(hook, "execute", execute)
    made = context(Store(), 1, 1)
    with pytest.raises((JobAborted, AirflowFailException)):
        operator.execute(made)
    assert hook.aborted == submitted
