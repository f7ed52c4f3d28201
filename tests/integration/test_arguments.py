"""Tasks that end by their arguments, in a real Airflow: rendered, resolved and mapped by it."""

from __future__ import annotations

import pytest
from airflow.sdk import Connection

from tests.dag_runs import run_dag, task_states

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("database")]


@pytest.fixture(autouse=True)
def nowhere(monkeypatch):
    """A connection without a startup kit: a task that asked the federation for anything would say so."""
    extra = '{"startup_kit": "/nowhere"}'
    made = Connection(conn_id="nowhere", conn_type="dfm", login="a@b.c", extra=extra)
    monkeypatch.setenv("AIRFLOW_CONN_NOWHERE", made.as_json())


def test_a_task_without_parameter_sets_is_skipped_and_so_is_what_comes_after_it():
    skipped = [f"{task}_{way}" for task in ("run", "send", "after") for way in ("here", "deferred")]
    assert task_states(run_dag("arguments_nothing")) == dict.fromkeys(skipped, "skipped") | {
        "nothing": "success",
        "fails": "failed",
    }


def test_a_wrong_argument_fails_its_task_at_the_first_try_and_the_log_names_it(capfd):
    run = run_dag("arguments_wrong")
    tries = {instance.task_id: (str(instance.state), instance.try_number) for instance in run.get_task_instances()}
    assert tries.pop("misspelt")[0] == "success"
    assert tries == dict.fromkeys(("template", "xcom", "mapped", "sensor"), ("failed", 1))
    said = "".join(capfd.readouterr())
    for what in (
        "DfmExecuteOperator 'template': timeout is 'an hour': give seconds",
        "DfmExecuteOperator 'xcom': on_timeout is 'Abort': give abort or leave",
        "FlareSubmitJobOperator 'mapped': min_sites is -1: give a whole number of at least 0, or None",
        "FederationReadySensor 'sensor': sites is \"{'north': 1}\": give a list of sites' names",
    ):
        assert what in said
