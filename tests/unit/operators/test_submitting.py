"""What submitting operators do around the submit. The hook is one that knows only what the test is about."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from airflow_provider_dfm.federation.job import FederationJob
from airflow_provider_dfm.operators import submitting
from airflow_provider_dfm.operators.dfm import DfmExecuteOperator
from tests.unit.hooks.test_task_identity import Store, context


class Hook:
    """Has one job, which runs, of each identity that it is asked for; submits another."""

    def __init__(self):
        self.settings = SimpleNamespace(target="flare")
        self.aborted = []

    def active_jobs(self, identity):
        return [identity.job_id(0)]

    def abort_job(self, job_id):
        self.aborted.append(job_id)

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
