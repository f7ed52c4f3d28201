"""What no retry can mend fails each task at once, whichever of the provider's operators and sensors it runs."""

from __future__ import annotations

import importlib
import pkgutil
from types import SimpleNamespace

import pytest
from airflow.sdk import BaseOperator, Connection
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

import airflow_provider_dfm
from airflow_provider_dfm.decorators.dfm import DfmPipelineDecoratedOperator
from airflow_provider_dfm.federation.errors import (
    ConnectionSettingsError,
    FederationUnreachable,
    JobLost,
    WorkFailed,
)
from airflow_provider_dfm.hooks.no_retry import fails_for_good
from airflow_provider_dfm.operators.dfm import (
    DfmDiscoverOperator,
    DfmExecuteOperator,
    DfmPrepareOperator,
    DfmResultsOperator,
    DfmSendParamsOperator,
)
from airflow_provider_dfm.operators.flare import (
    FlareAbortJobOperator,
    FlareCloneJobOperator,
    FlareDeleteJobOperator,
    FlareDownloadResultOperator,
    FlareListJobsOperator,
    FlareSubmitJobOperator,
)
from airflow_provider_dfm.sensors.federation import FederationReadySensor
from airflow_provider_dfm.sensors.job import FederationJobSensor

JOB = "2b7bb1d0-cdba-4d1c-9f00-28d8a2d0e2cd"


def _pipeline():
    pass


TASKS = [
    (DfmExecuteOperator, {"pipeline": "a:b"}),
    (DfmPipelineDecoratedOperator, {"python_callable": _pipeline}),
    (DfmPrepareOperator, {"pipeline": "a:b"}),
    (DfmDiscoverOperator, {"pipeline": "a:b"}),
    (DfmSendParamsOperator, {"job_id": JOB, "input_params": {}}),
    (DfmResultsOperator, {"job_id": JOB}),
    (FlareSubmitJobOperator, {"job_definition_path": "a:b"}),
    (FlareCloneJobOperator, {"job_id": JOB}),
    (FlareAbortJobOperator, {"job_id": JOB}),
    (FlareDeleteJobOperator, {"job_id": JOB}),
    (FlareDownloadResultOperator, {"job_id": JOB}),
    (FlareListJobsOperator, {}),
    (FederationJobSensor, {"job_id": JOB}),
    (FederationReadySensor, {}),
]
# What Airflow calls of them when a wait in the triggerer is over.
ENDED = {"job_id": JOB, "status": None, "error": "StartupKitError", "fault": "the kit has expired.", "lack": "the kit"}


class Store(dict):
    """Stands in for Airflow's store of a task's state."""

    def set(self, key, value, *, retention=None):
        self[key] = value


@pytest.fixture
def context():
    ti = SimpleNamespace(
        id="1",
        dag_id="d",
        run_id="r",
        task_id="t",
        map_index=-1,
        try_number=1,
        max_tries=2,
        task=SimpleNamespace(retries=2),
        xcom_push=lambda key, value: None,
    )
    return {"ti": ti, "task_state_store": Store()}


@pytest.fixture(autouse=True)
def connection(monkeypatch):
    broken = Connection(conn_id="broken", conn_type="dfm", login="a@b.c", extra='{"target": "neither"}')
    monkeypatch.setenv("AIRFLOW_CONN_BROKEN", broken.as_json())


def test_each_operator_and_sensor_is_tried_here():
    found = set()
    for room in ("operators", "sensors", "decorators"):
        for module in pkgutil.iter_modules([f"{airflow_provider_dfm.__path__[0]}/{room}"]):
            names = vars(importlib.import_module(f"airflow_provider_dfm.{room}.{module.name}"))
            found |= {kind for kind in names.values() if isinstance(kind, type) and issubclass(kind, BaseOperator)}
    own = {kind for kind in found if kind.__module__.startswith("airflow_provider_dfm")}
    bases = {base for kind in own for base in kind.__mro__[1:]}
    assert own - bases == {kind for kind, _ in TASKS} - bases


@pytest.mark.parametrize(("kind", "arguments"), TASKS, ids=[kind.__name__ for kind, _ in TASKS])
def test_a_connection_that_cannot_work_fails_the_task_without_a_retry(context, kind, arguments):
    task = kind(task_id="t", dfm_conn_id="broken", **arguments)
    with pytest.raises(AirflowFailException, match=r"^ConnectionSettingsError: .*broken.*target") as caught:
        task.execute(context)
    assert isinstance(caught.value.__cause__, ConnectionSettingsError)


DEFERRING = [(kind, arguments) for kind, arguments in TASKS if hasattr(kind, "execute_complete")]


@pytest.mark.parametrize(("kind", "arguments"), DEFERRING, ids=[kind.__name__ for kind, _ in DEFERRING])
def test_so_does_one_that_ends_a_wait_in_the_triggerer(context, kind, arguments):
    task = kind(task_id="t", dfm_conn_id="broken", **arguments)
    with pytest.raises(AirflowFailException, match=r"^StartupKitError: .*the kit"):
        task.execute_complete(context, ENDED)


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
@pytest.mark.parametrize(("kind", "arguments"), TASKS[-2:], ids=[kind.__name__ for kind, _ in TASKS[-2:]])
def test_a_sensor_that_is_to_skip_on_failure_skips(context, kind, arguments, mode):
    context["ti"].get_first_reschedule_date = lambda context: None
    task = kind(task_id="t", dfm_conn_id="broken", mode=mode, soft_fail=True, **arguments)
    with pytest.raises(AirflowSkipException):
        task.execute(context)


@pytest.mark.parametrize("error", [WorkFailed("x"), JobLost("x"), FederationUnreachable("x")])
def test_what_a_retry_may_mend_stays_what_it_is(error):
    @fails_for_good
    def fail():
        raise error

    with pytest.raises(type(error)) as caught:
        fail()
    assert caught.value is error
