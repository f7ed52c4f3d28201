"""What submitting operators do around the submit. The hook is one that knows only what the test is about."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from airflow.sdk.execution_time.timeout import timeout

from airflow_provider_dfm.federation.errors import (
    AuthenticationFailed,
    FederationError,
    FederationUnreachable,
    JobAborted,
    JobDefinitionError,
    JobTimedOut,
    SitesMissing,
)
from airflow_provider_dfm.federation.job import FederationJob
from airflow_provider_dfm.federation.job_identity import JobIdentity
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.job_status import JobStatus
from airflow_provider_dfm.hooks.clone_once import STATE_KEY
from airflow_provider_dfm.hooks.task_identity import give_up
from airflow_provider_dfm.operators import submitting
from airflow_provider_dfm.operators.dfm import DfmExecuteOperator
from airflow_provider_dfm.operators.flare import FlareCloneJobOperator
from airflow_provider_dfm.triggers.job import FederationJobTrigger
from airflow_provider_dfm.triggers.outage import FederationOutageTrigger
from tests.unit.hooks.test_task_identity import Store, context


class Hook:
    """Has one job, which runs, of each identity that it is asked for; submits another."""

    dfm_conn_id = "c"

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

    close_failed = close


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


class Outage:
    """The hook's federation goes away, and comes back after so many tries."""

    def __init__(self, hook, tries, error=None):
        self.left, self.error = tries, error or FederationUnreachable("connection refused")
        self.submit = hook.execute
        hook.execute = self.execute

    def execute(self, *arguments, **rest):
        if self.left:
            self.left -= 1
            raise self.error
        return self.submit(*arguments, **rest)


def deferred_try(operator, context, event=None):
    """What a try of a deferrable task defers to, or what it gives."""
    try:
        return operator.execute(context) if event is None else operator.execute_after_outage(context, event)
    except TaskDeferred as deferral:
        return deferral.trigger


def test_a_task_that_is_to_submit_in_an_outage_waits_in_the_triggerer_and_submits_the_same_job(hook):
    Outage(hook, tries=2)
    made = context(Store(), 1, 1)
    made["ti"].xcom_push = lambda key, value: None
    operator = DfmExecuteOperator(
        task_id="run", pipeline="pipelines:compare", deferrable=True, wait_for_completion=False, outage_timeout=3600
    )
    first = deferred_try(operator, made)
    assert isinstance(first, FederationOutageTrigger)
    assert first.outage["tries"] == 1
    second = deferred_try(operator, made, {"outage": first.outage, "fault": ""})
    assert second.ends_at == first.ends_at == pytest.approx(first.outage["since"] + 3600)
    assert second.not_before > first.not_before
    # Whoever ends the task meanwhile has the job aborted that a try may have submitted.
    job_id = deferred_try(operator, made, {"outage": second.outage, "fault": ""})
    assert job_id == JobIdentity(**first.jobs[0]).job_id(0)


@pytest.mark.parametrize(("fault", "why"), [("", "the federation answers"), ("refused", "refused")])
def test_the_log_of_a_task_that_comes_back_from_an_outage_says_so(hook, capsys, fault, why):
    """Airflow writes the log of the next trigger over that of the one which waited."""
    Outage(hook, tries=1)
    operator = DfmExecuteOperator(task_id="run", pipeline="pipelines:compare", deferrable=True, outage_timeout=3600)
    met = {"started": time.time() - 60, "since": time.time() - 50, "tries": 1}
    deferred_try(operator, context(Store(), 1, 1), {"outage": met, "fault": fault})
    assert re.search(rf"Trying again, \d+ s after this try of the task began: {why}", capsys.readouterr().out)


@pytest.mark.parametrize("wait_for_completion", [True, False])
def test_whoever_ends_a_task_that_was_cleared_in_an_outage_ends_its_former_jobs_too(hook, wait_for_completion):
    Outage(hook, tries=10)
    store = Store()
    options = {"pipeline": "pipelines:compare", "deferrable": True, "wait_for_completion": wait_for_completion}
    first = deferred_try(DfmExecuteOperator(task_id="run", **options), context(store, 1, 1))
    # Clearing counts the tries so far.
    cleared = deferred_try(DfmExecuteOperator(task_id="run", **options), context(store, 2, 2))
    assert cleared.jobs[0] not in first.jobs
    # A job that nobody waits for is left to itself.
    assert cleared.jobs[1:] == (first.jobs if wait_for_completion else [])


def test_a_try_knows_nothing_of_the_outage_that_the_one_before_met(hook):
    """As with ``dag.test()``, which has one operator for all tries."""
    Outage(hook, tries=2)
    operator = DfmExecuteOperator(task_id="run", pipeline="pipelines:compare", deferrable=True)
    long_ago = {"started": 1.0, "since": 1.0, "tries": 9}
    with pytest.raises(FederationUnreachable):
        operator.execute_after_outage(context(Store(), 1, 1), {"outage": long_ago, "fault": ""})
    assert deferred_try(operator, context(Store(), 2, 1)).outage["tries"] == 1


def test_an_outage_that_is_too_long_is_the_error_of_the_last_try(hook):
    Outage(hook, tries=10)
    operator = DfmExecuteOperator(
        task_id="run", pipeline="pipelines:compare", deferrable=True, outage_timeout=timedelta(hours=1)
    )
    made = context(Store(), 1, 1)
    trigger = deferred_try(operator, made)
    long_ago = trigger.outage | {"since": trigger.outage["since"] - 3600}
    with pytest.raises(FederationUnreachable, match="connection refused"):
        operator.execute_after_outage(made, {"outage": long_ago, "fault": ""})


@pytest.mark.parametrize("error", [SitesMissing("seattle"), AuthenticationFailed("no")])
def test_what_is_no_outage_is_not_waited_for(hook, error):
    Outage(hook, tries=1, error=error)
    operator = DfmExecuteOperator(task_id="run", pipeline="pipelines:compare", deferrable=True)
    with pytest.raises((SitesMissing, AirflowFailException)):
        operator.execute(context(Store(), 1, 1))


def test_a_task_that_is_not_deferrable_tries_in_its_worker_for_as_long_as_it_is_told(hook):
    outage = Outage(hook, tries=10)
    with pytest.raises(FederationUnreachable):
        run(Store(), 1, 1, deferrable=False, outage_timeout=0)
    assert outage.left == 9
    outage.left = 2
    run(Store(), 1, 1, deferrable=False, wait_for_completion=False, outage_interval=timedelta(milliseconds=10))
    assert outage.left == 0


def test_the_outage_counts_for_the_execution_timeout(hook):
    Outage(hook, tries=1)
    operator = DfmExecuteOperator(
        task_id="run", pipeline="p:f", deferrable=True, execution_timeout=timedelta(minutes=1), outage_timeout=3600
    )
    trigger = deferred_try(operator, context(Store(), 1, 1))
    assert trigger.ends_at == pytest.approx(trigger.outage["started"] + 60)


@pytest.mark.parametrize("name", ["outage_timeout", "outage_interval"])
@pytest.mark.parametrize("value", ["an hour", -1, True, timedelta(seconds=-1), float("nan")])
def test_what_is_no_time_is_refused_as_the_dag_is_read(name, value):
    with pytest.raises(ValueError, match=name):
        DfmExecuteOperator(task_id="run", pipeline="pipelines:compare", **{name: value})


def test_times_that_templates_give_are_read_anew_after_an_outage(hook):
    Outage(hook, tries=1)
    made = context(Store(), 1, 1)
    made["ti"].xcom_push = lambda key, value: None

    def rendered():
        """As Airflow makes the operator anew for each part of a try."""
        times = {"timeout": "{{ 60 * 60 }}", "outage_timeout": "{{ 30 * 60 }}", "outage_interval": "{{ 20 }}"}
        operator = DfmExecuteOperator(task_id="run", pipeline="p:f", deferrable=True, **times)
        operator.render_template_fields({})
        return operator

    outage = deferred_try(rendered(), made)
    assert outage.ends_at == pytest.approx(outage.outage["since"] + 1800)
    assert outage.interval == 20
    job = deferred_try(rendered(), made, {"outage": outage.outage, "fault": ""})
    assert isinstance(job, FederationJobTrigger)
    assert time.time() < job.ends_at <= time.time() + 3600


def test_a_clone_whose_id_is_not_known_cannot_be_aborted(hook):
    """Nobody can tell whose it is."""

    def refuse(*arguments):
        raise FederationUnreachable("connection refused")

    hook.find_job = hook.list_jobs = hook.check_sites = refuse
    made = context(Store(), 1, 1)
    operator = FlareCloneJobOperator(task_id="run", job_id="1", deferrable=True)
    trigger = deferred_try(operator, made)
    assert trigger.jobs == []
    made["task_state_store"].set(STATE_KEY, {"of": "1", "cycle": 1, "clone": "2", "ends_at": 0.0})
    again = deferred_try(operator, made, {"outage": trigger.outage, "fault": ""})
    assert again.jobs == ["2"]


class PreparedOperator(DfmExecuteOperator):
    """What a user may write: the parameters are made up in the task."""

    def execute(self, context):
        self.input_params = {"value": 7}
        return super().execute(context)


def test_what_a_class_of_ones_own_does_before_the_submit_is_done_again_after_an_outage(hook):
    outage = Outage(hook, tries=1)
    given = []
    submit = outage.submit
    outage.submit = lambda pipeline, input_params, **rest: given.append(input_params) or submit(**rest)
    made = context(Store(), 1, 1)
    made["ti"].xcom_push = lambda key, value: None
    options = {"task_id": "run", "pipeline": "pipelines:compare", "deferrable": True, "wait_for_completion": False}
    trigger = deferred_try(PreparedOperator(**options), made)
    deferred_try(PreparedOperator(**options), made, {"outage": trigger.outage, "fault": ""})
    assert given == [{"value": 7}]
