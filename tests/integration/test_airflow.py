"""The example DAGs on a real scheduler and triggerer, as users run them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest

from airflow_provider_dfm.federation.job_status import JobStatus
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from demo.airflow_api import AirflowError
from demo.demonstration import AIRFLOW_BIN, expected_results

pytestmark = [pytest.mark.federation, pytest.mark.airflow]

ON_TRIGGER = "weather_comparison_on_trigger"
DAILY = "weather_comparison_daily"


def test_airflow_shows_the_provider(airflow):
    command = [str(AIRFLOW_BIN / "airflow"), "providers", "get", "airflow-provider-dfm", "--output", "json"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, env=airflow.environment).stdout
    assert "airflow-provider-dfm" in shown
    providers = airflow.api("GET", "/api/v2/providers?limit=100")["providers"]
    assert "airflow-provider-dfm" in [provider["package_name"] for provider in providers]


def test_the_dag_of_the_trigger_button_gives_what_the_data_files_give(airflow):
    run = airflow.trigger(ON_TRIGGER, conf={"start": "2010-03-01", "end": "2010-03-07", "first": "san_francisco"})
    airflow.wait_for_success(ON_TRIGGER, run, 180)
    read = airflow.xcom(ON_TRIGGER, run, "read", "return_value")
    values = {result["place"]: result["value"] for result in read["results"]}
    expected = expected_results("2010-03-01", "2010-03-07")
    assert values["first"]["site"] == "san_francisco"
    for place in ("first", "second"):
        assert expected[values[place]["site"]].items() <= values[place].items()
    log = airflow.task_log(ON_TRIGGER, run, "compare", 1)
    assert read["job_id"] in log
    assert "answered all 1 parameter sets with 3 results" in log


@pytest.mark.parametrize(
    ("conf", "field"),
    [({"start": "yesterday"}, "start"), ({"first": "boston"}, "first"), ({"end": 31}, "end")],
)
def test_the_form_refuses_what_does_not_fit_its_fields(airflow, conf, field):
    with pytest.raises(AirflowError, match=field) as caught:
        airflow.trigger(ON_TRIGGER, conf=conf)
    assert caught.value.status in (400, 422)


def test_dates_that_do_not_fit_together_are_refused_before_anything_is_submitted(airflow):
    run = airflow.trigger(ON_TRIGGER, conf={"start": "2010-02-01", "end": "2010-01-01"})
    assert airflow.wait_for_run(ON_TRIGGER, run, 120) == "failed"
    states = {task["task_id"]: task["state"] for task in airflow.task_instances(ON_TRIGGER, run)}
    assert states["check_form"] == "failed"
    assert states["compare"] == "upstream_failed"
    assert "The first day, 2010-02-01, is after the last day" in airflow.task_log(ON_TRIGGER, run, "check_form", 1)


def test_a_backfill_gives_each_day_its_own_results(airflow):
    body = {"dag_id": DAILY, "from_date": "2010-05-01T00:00:00Z", "to_date": "2010-05-03T00:00:00Z"}
    _make_backfill(airflow, body | {"max_active_runs": 3})
    airflow.unpause(DAILY)
    deadline = time.monotonic() + 300
    runs = []
    while time.monotonic() < deadline:
        runs = airflow.api("GET", f"/api/v2/dags/{DAILY}/dagRuns?run_type=backfill")["dag_runs"]
        if len(runs) == 3 and all(run["state"] in ("success", "failed") for run in runs):
            break
        time.sleep(1)
    assert [run["state"] for run in runs] == ["success"] * 3
    for run in runs:
        day = run["logical_date"][:10]
        read = airflow.xcom(DAILY, run["dag_run_id"], "read", "return_value")
        values = {result["place"]: result["value"] for result in read["results"]}
        assert expected_results(day, day)["seattle"].items() <= values["first"].items()
        assert values["first"]["measurements"] == 24


def _make_backfill(airflow, body, attempts=10):
    """Make a backfill of a DAG that is paused still.

    Airflow undoes a backfill that meets a lock of SQLite's; its scheduler, if it has begun with a run of it, ends then
    (airflow/models/backfill.py).
    """
    while True:
        try:
            return airflow.api("POST", "/api/v2/backfills", json=body)
        except AirflowError as error:
            attempts -= 1
            if error.status != 503 or not attempts:
                raise
            time.sleep(1)


def _run_task(airflow, dag, run):
    return next((task for task in airflow.task_instances(dag, run) if task["task_id"] == "run"), {"state": None})


def _wait_until(condition, seconds=90):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(1)


@pytest.mark.parametrize(("way", "state"), [("flare", "running"), ("deferred", "deferred")])
def test_marking_a_waiting_task_failed_aborts_its_job(airflow, fields, way, state):
    dag = f"endless_{way}"
    run = airflow.trigger(dag)
    _wait_until(lambda: _run_task(airflow, dag, run)["state"] == state)
    # Airflow tells a trigger of a kill only once it runs.
    _wait_until(lambda: "is RUNNING" in airflow.task_log(dag, run, "run", 1))
    job_id = airflow.xcom(dag, run, "run", "job_id")
    airflow.api("PATCH", _path(dag, run), json={"new_state": "failed"})
    with FederationSession(read_settings(fields(federation="trials"), "test")) as session:
        assert session.reattach(job_id).wait_until_finished(timeout=90)
        assert session.get_status(job_id) is JobStatus.ABORTED


def _clear(airflow, dag, run):
    body = {"dry_run": False, "task_ids": ["run"], "dag_run_id": run, "only_failed": False, "reset_dag_runs": True}
    airflow.api("POST", f"/api/v2/dags/{dag}/clearTaskInstances", json=body)


def test_a_task_that_is_cleared_after_its_success_submits_anew(airflow, fields):
    dag = "echo_deferred"
    run = airflow.trigger(dag)
    airflow.wait_for_success(dag, run, 180)
    first = airflow.xcom(dag, run, "run", "return_value")
    _clear(airflow, dag, run)
    _wait_until(lambda: _run_task(airflow, dag, run)["try_number"] == 2)
    airflow.wait_for_success(dag, run, 180)
    second = airflow.xcom(dag, run, "run", "return_value")
    assert second != first
    with FederationSession(read_settings(fields(federation="trials"), "test")) as session:
        assert [session.get_status(job_id) for job_id in (first, second)] == [JobStatus.FINISHED] * 2


def test_a_task_that_is_cleared_while_it_is_deferred_aborts_its_job_and_submits_another(airflow, fields):
    dag = "endless_deferred"
    run = airflow.trigger(dag)
    _wait_until(lambda: _run_task(airflow, dag, run)["state"] == "deferred")
    first = airflow.xcom(dag, run, "run", "job_id")
    _clear(airflow, dag, run)
    _wait_until(lambda: _state_and_try(airflow, dag, run) == ("deferred", 2))
    _wait_until(lambda: "is RUNNING" in airflow.task_log(dag, run, "run", 2))
    second = airflow.xcom(dag, run, "run", "job_id")
    with FederationSession(read_settings(fields(federation="trials"), "test")) as session:
        _wait_until(lambda: session.get_status(first) is JobStatus.ABORTED)
        assert session.get_status(second) is JobStatus.RUNNING
        airflow.api("PATCH", _path(dag, run), json={"new_state": "failed"})
        _wait_until(lambda: session.get_status(second) is JobStatus.ABORTED)


def test_a_deferred_task_instance_that_is_deleted_aborts_its_job_and_the_new_one_submits_another(airflow, fields):
    dag = "endless_deferred"
    run = airflow.trigger(dag)
    _wait_until(lambda: _run_task(airflow, dag, run)["state"] == "deferred")
    # Until Airflow has taken in that the process of the first try has ended, it takes that for the end of the new one,
    # which has the same key: airflow/jobs/scheduler_job_runner.py, process_executor_events
    _wait_until(lambda: _has_taken_in_the_end(airflow, run))
    first = airflow.xcom(dag, run, "run", "job_id")
    deleted = _run_task(airflow, dag, run)["id"]
    airflow.api("DELETE", _path(dag, run))
    # The scheduler makes another instance, whose first try has the same number.
    _wait_until(lambda: _run_task(airflow, dag, run).get("id") not in (None, deleted))
    _wait_until(lambda: _state_and_try(airflow, dag, run) == ("deferred", 1))
    second = airflow.xcom(dag, run, "run", "job_id")
    assert second != first
    with FederationSession(read_settings(fields(federation="trials"), "test")) as session:
        _wait_until(lambda: session.get_status(first) is JobStatus.ABORTED)
        _wait_until(lambda: session.get_status(second) is JobStatus.RUNNING)
        _wait_until(lambda: f"Job {second} is RUNNING" in airflow.task_log(dag, run, "run", 1))
        assert _state_and_try(airflow, dag, run) == ("deferred", 1)
        airflow.api("PATCH", _path(dag, run), json={"new_state": "failed"})
        _wait_until(lambda: session.get_status(second) is JobStatus.ABORTED)


def test_what_becomes_of_a_deferred_tasks_job_when_its_task_run_or_dag_is_dealt_with(airflow, fields):
    """All at once, so that they share the waiting."""
    dags = {
        "marked success": "endless_deferred",
        "run marked failed": "endless_deferred",
        "dagrun_timeout": "endless_timed",
        "DAG deleted": "endless_deleted",
        "DAG paused": "endless_paused",
    }
    runs = {what: airflow.trigger(dag) for what, dag in dags.items()}
    for what, run in runs.items():
        _wait_until(lambda dag=dags[what], run=run: _run_task(airflow, dag, run)["state"] in ("deferred", "skipped"))
    jobs = {what: airflow.xcom(dags[what], run, "run", "job_id") for what, run in runs.items()}
    # Airflow tells a trigger that its task was ended only once it runs. Four jobs run at once, and one is queued.
    for what, run in runs.items():
        _wait_until(lambda dag=dags[what], run=run: _has_looked(airflow.task_log(dag, run, "run", 1)))
    airflow.api("PATCH", _path(dags["marked success"], runs["marked success"]), json={"new_state": "success"})
    with pytest.raises(AirflowError, match="cannot be deleted in running state"):
        airflow.api("DELETE", _run_path(dags["run marked failed"], runs["run marked failed"]))
    airflow.api("PATCH", _run_path(dags["run marked failed"], runs["run marked failed"]), json={"state": "failed"})
    airflow.api("PATCH", f"/api/v2/dags/{dags['DAG paused']}", json={"is_paused": True})
    airflow.api("DELETE", f"/api/v2/dags/{dags['DAG deleted']}")
    with FederationSession(read_settings(fields(federation="trials"), "test")) as session:
        try:
            for what, job_id in jobs.items():
                if what != "DAG paused":
                    _wait_until(lambda job_id=job_id: session.get_status(job_id) is JobStatus.ABORTED)
            paused = jobs["DAG paused"]
            _wait_until(lambda: session.get_status(paused) is JobStatus.RUNNING)
            assert _run_task(airflow, dags["DAG paused"], runs["DAG paused"])["state"] == "deferred"
            airflow.api("PATCH", _path(dags["DAG paused"], runs["DAG paused"]), json={"new_state": "failed"})
            _wait_until(lambda: session.get_status(paused) is JobStatus.ABORTED)
        finally:
            # They would take the room of the jobs of all other tests.
            session.abort_jobs(list(jobs.values()))


def _has_looked(log):
    return any(f" is {status}" in log for status in ("SUBMITTED", "DISPATCHED", "RUNNING"))


def _has_taken_in_the_end(airflow, run):
    lines = (airflow.logs / "scheduler.log").read_text().splitlines()
    return any("Received executor event with state success" in line and run in line for line in lines)


def _run_path(dag, run):
    return f"/api/v2/dags/{dag}/dagRuns/{run.replace('+', '%2B')}"


def _path(dag, run):
    return f"{_run_path(dag, run)}/taskInstances/run"


def _state_and_try(airflow, dag, run):
    task = _run_task(airflow, dag, run)
    return task["state"], task["try_number"]


def test_a_worker_that_is_told_to_end_aborts_its_job(airflow, fields):
    dag = "endless_flare"
    run = airflow.trigger(dag)
    _wait_until(lambda: _run_task(airflow, dag, run)["state"] == "running")
    _wait_until(lambda: "is RUNNING" in airflow.task_log(dag, run, "run", 1))
    job_id = airflow.xcom(dag, run, "run", "job_id")
    os.kill(_run_task(airflow, dag, run)["pid"], signal.SIGTERM)
    with FederationSession(read_settings(fields(federation="trials"), "test")) as session:
        _wait_until(lambda: session.get_status(job_id) is JobStatus.ABORTED)
    assert airflow.wait_for_run(dag, run, 90) == "failed"


def test_the_test_button_says_where_it_led(airflow, fields):
    made = fields()
    login = made.pop("user")
    body = {"connection_id": "tried", "conn_type": "dfm", "login": login, "extra": json.dumps(made)}
    answer = airflow.api("POST", "/api/v2/connections/test", json=body)
    assert answer["status"], answer
    assert "DFM federation weather" in answer["message"]
    assert "sites: san_francisco, seattle" in answer["message"]
    body["extra"] = json.dumps(made | {"python": "/nowhere/python"})
    answer = airflow.api("POST", "/api/v2/connections/test", json=body)
    assert not answer["status"]
    assert "cannot run /nowhere/python" in answer["message"]
