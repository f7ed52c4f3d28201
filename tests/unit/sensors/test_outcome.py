"""What the job sensor tells of a wait that ended without the job's end."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, AirflowSkipException

from airflow_provider_dfm.federation.errors import JobNotFound, StartupKitError, WorkFailed
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.system_info import SystemInfo
from airflow_provider_dfm.sensors import job as sensors_job
from airflow_provider_dfm.sensors.job import FederationJobSensor
from tests.unit.federation.test_partial_acceptance import partly_answered

JOB = "2b7bb1d0-cdba-4d1c-9f00-28d8a2d0e2cd"


class Store(dict):
    """Stands in for a task's state store."""

    def set(self, key, value, retention):
        self[key] = value


class Hook:
    """Stands in for a hook whose connection cannot work, or whose job runs."""

    settings = SimpleNamespace(target="flare")
    log = logging.getLogger("test")

    def __init__(self, fault):
        self.fault = fault

    def find_job(self, job_id):
        if self.fault is not None:
            raise self.fault
        return JobMeta(job_id=job_id, status="SUBMITTED")

    def close(self):
        pass

    close_failed = close


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
@pytest.mark.parametrize(
    ("fault", "soft_fail", "raised", "told"),
    [
        (StartupKitError("expired"), True, AirflowSkipException, []),
        (StartupKitError("expired"), False, AirflowFailException, []),
        (None, True, AirflowSkipException, ["TIMEOUT"]),
        (None, False, AirflowSensorTimeout, ["TIMEOUT"]),
    ],
)
def test_a_connection_that_cannot_work_is_no_timeout(monkeypatch, mode, fault, soft_fail, raised, told):
    monkeypatch.setattr(sensors_job, "DfmHook", lambda dfm_conn_id: Hook(fault))
    outcomes = []
    ti = SimpleNamespace(
        xcom_push=lambda key, value: outcomes.append(value),
        get_first_reschedule_date=lambda context: None,
        try_number=1,
        max_tries=0,
    )
    sensor = FederationJobSensor(task_id="t", job_id=JOB, mode=mode, soft_fail=soft_fail, timeout=0, poke_interval=10)
    with pytest.raises(raised):
        sensor.execute({"ti": ti, "task_state_store": Store()})
    assert outcomes == told


def test_looks_that_are_processes_of_their_own_remember_that_they_have_seen_the_job(monkeypatch, caplog):
    """A server cannot be made to lose a job between two looks without one that is stopped and emptied for it."""
    hook = Hook(None)
    monkeypatch.setattr(sensors_job, "DfmHook", lambda dfm_conn_id: hook)
    context = {"ti": SimpleNamespace(xcom_push=None), "task_state_store": Store()}
    look(context)
    hook.find_job = lambda job_id: None
    hook.dfm_conn_id = "poc"
    hook.get_system_info = lambda: SystemInfo(server_status="stopped", server_start_time=0, sites=(), running_jobs=())
    with pytest.raises(JobNotFound, match=f"no longer knows job {JOB}, which was SUBMITTED before"):
        look(context)
    with pytest.raises(JobNotFound, match="belong to another federation"):
        look(context | {"task_state_store": Store()})


def look(context):
    FederationJobSensor(task_id="t", job_id=JOB, mode="reschedule").poke(context)


@pytest.mark.parametrize(
    ("accepts", "arguments", "succeeds"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"on_partial_failure": "fail"}, False),
        (False, {"on_partial_failure": "succeed"}, True),
    ],
    ids=["accepted", "not accepted", "accepted, but not here", "accepted here"],
)
def test_a_job_that_answered_some_of_its_sets_is_taken_as_its_submitting_task_has_it(
    monkeypatch, tmp_path, accepts, arguments, succeeds
):
    results = partly_answered(tmp_path, accepts=accepts)

    def check_job(job_id, partial):
        results.outcome.check(partial)
        return results

    hook = Hook(None)
    hook.check_job = check_job
    monkeypatch.setattr(sensors_job, "DfmHook", lambda dfm_conn_id: hook)
    outcomes = []
    ti = SimpleNamespace(xcom_push=lambda key, value: outcomes.append(value), try_number=1, max_tries=0)
    sensor = FederationJobSensor(task_id="t", job_id=JOB, deferrable=True, **arguments)
    event = {"job_id": JOB, "status": "FINISHED:COMPLETED"}
    if succeeds:
        assert sensor.execute_complete({"ti": ti}, event) == JOB
    else:
        with pytest.raises((WorkFailed, AirflowFailException), match="no data"):
            sensor.execute_complete({"ti": ti}, event)
    # That the job has ended, whatever it did.
    assert outcomes == ["JOB_FINISHED"]
