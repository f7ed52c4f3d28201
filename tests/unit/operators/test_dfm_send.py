"""Sending to a pipeline that is queued. The hook is one that knows only what the test is about."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import TaskDeferred

from airflow_provider_dfm.federation.errors import CommandTimedOut, FederationUnreachable, JobNotFound
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.hooks.job_callback import load_callback
from airflow_provider_dfm.operators import dfm_send
from airflow_provider_dfm.operators.dfm import DfmSendParamsOperator
from airflow_provider_dfm.results import whole
from tests.unit.hooks.test_task_identity import Store, context


class Hook:
    """Its job has one status after another, and the last one for good; an error is raised instead."""

    dfm_conn_id = "c"
    settings = SimpleNamespace(target="flare")

    def __init__(self, *statuses):
        self._statuses = list(statuses)
        self.sent = []
        self.indices = [0]

    def find_job(self, job_id):
        status = self._statuses[0] if len(self._statuses) == 1 else self._statuses.pop(0)
        if isinstance(status, Exception):
            raise status
        return None if status is None else JobMeta(job_id=job_id, status=status)

    def get_system_info(self):
        return SimpleNamespace(running_jobs=[SimpleNamespace(job_id="1")])

    def send_input_params(self, job_id, input_params, key, stop):
        self.sent.append((job_id, input_params, key))
        return self.indices

    def close(self):
        pass

    close_failed = close


@pytest.fixture
def hook(monkeypatch):
    """Makes the hook that the operator gets."""

    def make(*statuses):
        made = Hook(*statuses)
        monkeypatch.setattr(dfm_send, "DfmHook", lambda dfm_conn_id: made)
        return made

    return make


def send(**arguments):
    options = {"job_id": "1", "input_params": {"value": 1}, "poll_interval": 0.01, "deferrable": False} | arguments
    return DfmSendParamsOperator(task_id="send", **options)


def of_task(store=None):
    made = context(Store() if store is None else store)
    made["ti"].xcom_push = lambda key, value: None
    return made


@pytest.mark.parametrize("status", ["RUNNING", "FINISHED:COMPLETED"])
@pytest.mark.parametrize("deferrable", [True, False])
def test_a_job_that_has_begun_is_sent_to_at_once(hook, status, deferrable):
    made = hook(status)
    assert send(deferrable=deferrable).execute(of_task()) == "1"
    assert len(made.sent) == 1


@pytest.mark.parametrize("count", [2, 200_000])
def test_the_indices_of_the_sets_are_handed_on_however_many_they_are(hook, tmp_path, count):
    made, handed_on = hook("RUNNING"), {}
    made.results_path = tmp_path
    made.indices = list(range(count))
    task = of_task()
    task["ti"].xcom_push = lambda key, value: handed_on.update({key: value})
    send().execute(task)
    assert len(str(handed_on)) < 1000
    assert whole(handed_on["parameter_sets"]) == list(range(count))


def test_a_queued_job_is_waited_for_through_an_outage_and_the_log_says_so(hook, capsys):
    made = hook("SUBMITTED", FederationUnreachable("gone"), "DISPATCHED", "RUNNING")
    send().execute(of_task())
    assert len(made.sent) == 1
    assert "Job 1 is SUBMITTED: waiting up to 3600 s until it begins" in capsys.readouterr().out


def test_a_queued_job_is_waited_for_in_the_triggerer_and_sent_to_under_the_tasks_key(hook):
    made, store = hook("SUBMITTED"), Store()
    with pytest.raises(TaskDeferred) as deferred:
        send(deferrable=True).execute(of_task(store))
    trigger = deferred.value.trigger
    assert (trigger.job_id, trigger.cancel_on_kill, made.sent) == ("1", False, [])
    goes_on = load_callback(trigger.callback, trigger.callback_kwargs)
    assert [goes_on("1", JobMeta(job_id="1", status=status)) for status in ("DISPATCHED", "RUNNING")] == [True, False]

    event = {"job_id": "1", "status": "RUNNING", "ended_by_callback": True}
    send(deferrable=True).execute_complete(of_task(store), event)
    hook("RUNNING").sent = made.sent
    send().execute(of_task(store))
    assert made.sent[0] == made.sent[1]


def test_a_job_that_stays_queued_fails_the_task_with_nothing_sent(hook):
    made = hook("SUBMITTED")
    with pytest.raises(CommandTimedOut, match=r"did not begin within 0\.1 s, and was last seen as SUBMITTED"):
        send(timeout=0.1).execute(of_task())
    assert made.sent == []


def test_a_job_that_nobody_knows_fails_the_task(hook):
    made = hook(None)
    with pytest.raises(JobNotFound, match="knows no job 1"):
        send().execute(of_task())
    assert made.sent == []
