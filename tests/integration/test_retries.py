"""A retry does only those parameter sets that were not answered, and its results are the whole."""

from __future__ import annotations

import json
import uuid
from collections import Counter

import pytest
from airflow.sdk import Connection

from airflow_provider_dfm.federation.errors import JobFailed
from airflow_provider_dfm.federation.job_identity import JobIdentity
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from airflow_provider_dfm.federation.submit_once import Claim
from tests.dag_runs import run_dag, task_results, task_states

pytestmark = pytest.mark.federation

FAILURES = {"a": 0, "b": 1, "c": 2, "d": 0, "e": 1}
TRIES = {value: failures + 1 for value, failures in FAILURES.items()}


@pytest.fixture
def runs(tmp_path):
    """The file in which the site counts."""
    return tmp_path / "runs.txt"


@pytest.fixture(params=["flare", "local"])
def made(request, local_fields, tmp_path):
    made = local_fields() if request.param == "local" else request.getfixturevalue("fields")(federation="trials")
    return made | {"results_path": f"{tmp_path}/results"}


def test_each_try_does_what_the_one_before_did_not(made, runs):
    claim = Claim(JobIdentity("test", "dag", "run", "task", -1, uuid.uuid4().hex, 1))
    sets = [{"value": value, "failures": failures, "runs": str(runs)} for value, failures in FAILURES.items()]

    def attempt(number):
        # Each try is another process's.
        with FederationSession(read_settings(made, "test")) as session:
            job = session.execute("trial_pipelines:unsteady", sets, claim=claim)
            assert job.job_id == claim.identity.job_id(number)
            assert job.wait_until_finished(timeout=120)
            return job.results()

    assert list(attempt(0).outcome.failed_sets()) == [1, 2, 4]
    second = attempt(1)
    assert list(second.outcome.failed_sets()) == [2]
    with pytest.raises(JobFailed, match="parameter set 2, site seattle: RuntimeError: c failed"):
        list(second)
    third = attempt(2)
    assert [(result.parameter_set, result.value) for result in third] == list(enumerate(FAILURES))
    assert len(third) == len(FAILURES)
    assert Counter(runs.read_text().split()) == TRIES


@pytest.mark.airflow
@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("way", ["local", "deferred"])
def test_a_task_that_is_retried_gives_all_results_under_its_last_job(
    way, fields, local_fields, tmp_path, runs, monkeypatch
):
    for name, made in (("flare", fields(federation="trials")), ("local", local_fields())):
        login = made.pop("user", None)
        extra = json.dumps(made | {"results_path": f"file://{tmp_path}/results"})
        connection = Connection(conn_id=name, conn_type="dfm", login=login, extra=extra)
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", connection.as_json())
    monkeypatch.setenv("AIRFLOW_VAR_RUNS", str(runs))
    run = run_dag(f"unsteady_{way}")
    assert task_states(run) == {"run": "success", "read": "success"}
    values = task_results(run)
    assert [row["value"] for row in values["read"]["results"]] == list(FAILURES)
    assert (values["read"]["job_id"], values["read"]["failed"]) == (values["run"], {})
    assert Counter(runs.read_text().split()) == TRIES
