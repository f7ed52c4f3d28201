"""A task that was given an empty list of parameter sets. The hooks are such as know only what the tests are about."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred

from airflow_provider_dfm.operators import dfm_send, submitting
from airflow_provider_dfm.operators.dfm import DfmExecuteOperator, DfmSendParamsOperator
from tests.unit.hooks.test_task_identity import Store, context
from tests.unit.operators import test_dfm_send, test_submitting

JOB = "2b7bb1d0-cdba-4d1c-9f00-28d8a2d0e2cd"
BOTH = pytest.mark.parametrize("deferrable", [True, False])


class SubmittingHook(test_submitting.Hook):
    """Notes what it was asked to execute."""

    def __init__(self):
        super().__init__()
        self.executed = []

    def execute(self, pipeline, input_params, **rest):
        self.executed.append(input_params)
        return super().execute(**rest)


def of_task():
    made = context(Store(), 1, 1)
    made["ti"].xcom_push = lambda key, value: None
    return made


@pytest.fixture
def execute(monkeypatch):
    """Executes an operator whose input_params are a list without a set; gives what was executed."""
    hook = SubmittingHook()
    monkeypatch.setattr(submitting, "DfmHook", lambda dfm_conn_id: hook)

    def run(**arguments):
        options = {"input_params": [], "wait_for_completion": False} | arguments
        operator = DfmExecuteOperator(task_id="run", pipeline="a:b", **options)
        operator.render_template_fields({"sets": []})
        operator.execute(of_task())

    run.hook = hook
    return run


@BOTH
@pytest.mark.parametrize("input_params", [[], (), "{{ sets }}"])
def test_nothing_is_executed_and_the_task_is_skipped(execute, deferrable, input_params, capsys):
    with pytest.raises(AirflowSkipException, match=r"input_params is an empty list: .* nothing was submitted"):
        execute(deferrable=deferrable, wait_for_completion=True, input_params=input_params)
    assert execute.hook.executed == []
    assert "The task is skipped, as on_no_sets='skip' says" in capsys.readouterr().out


@BOTH
def test_or_it_fails_without_a_retry(execute, deferrable):
    with pytest.raises(AirflowFailException, match="input_params is an empty list"):
        execute(deferrable=deferrable, on_no_sets="fail")
    assert execute.hook.executed == []


@BOTH
def test_or_it_succeeds(execute, deferrable):
    execute(deferrable=deferrable, on_no_sets="succeed")
    assert execute.hook.executed == [[]]


@pytest.mark.parametrize("input_params", [{}, [{}]])
def test_a_set_without_parameters_is_one(execute, input_params):
    execute(input_params=input_params)
    assert execute.hook.executed == [input_params]


def test_a_pipeline_that_runs_on_needs_none(execute):
    execute(input_params=[], autostop=False)
    assert execute.hook.executed == [[]]


def test_a_former_job_of_a_cleared_task_is_aborted_all_the_same(execute):
    store = Store()
    for try_number, max_tries, sets, ended in ((1, 2, {}, TaskDeferred), (2, 3, [], AirflowSkipException)):
        made = context(store, try_number, max_tries)
        made["ti"].xcom_push = lambda key, value: None
        operator = DfmExecuteOperator(task_id="run", pipeline="a:b", input_params=sets, deferrable=True)
        with pytest.raises(ended):
            operator.execute(made)
    assert len(execute.hook.aborted) == 1


@pytest.fixture
def send(monkeypatch):
    hook = test_dfm_send.Hook("RUNNING")
    monkeypatch.setattr(dfm_send, "DfmHook", lambda dfm_conn_id: hook)

    def run(**arguments):
        options = {"job_id": JOB, "input_params": []} | arguments
        operator = DfmSendParamsOperator(task_id="send", **options)
        operator.render_template_fields({"sets": []})
        return operator.execute(of_task())

    run.hook = hook
    return run


@BOTH
@pytest.mark.parametrize("input_params", [[], "{{ sets }}"])
def test_nothing_is_sent_and_the_task_is_skipped(send, deferrable, input_params):
    with pytest.raises(AirflowSkipException, match=r"input_params is an empty list: .* nothing was sent"):
        send(deferrable=deferrable, input_params=input_params)
    assert send.hook.sent == []


@BOTH
def test_or_the_task_that_sends_fails(send, deferrable):
    with pytest.raises(AirflowFailException, match="input_params is an empty list"):
        send(deferrable=deferrable, on_no_sets="fail")
    assert send.hook.sent == []


@BOTH
@pytest.mark.parametrize("how", [{"on_no_sets": "succeed"}, {"stop": True}])
def test_a_task_that_is_to_succeed_or_to_stop_asks_the_job(send, deferrable, how):
    assert send(deferrable=deferrable, **how) == JOB
    assert len(send.hook.sent) == 1
