"""What can be done to FLARE jobs, in real Airflow tasks on a real federation of nvflare 2.9."""

from __future__ import annotations

import json
import shutil

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import Connection

from airflow_provider_dfm.federation.job_status import JobStatus
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.job_monitor import MonitorReturnCode
from tests.conftest import TRIAL_DAGS
from tests.integration.test_submit_once import SLEEP

pytestmark = [pytest.mark.federation, pytest.mark.airflow, pytest.mark.usefixtures("database")]


@pytest.fixture(autouse=True)
def plain(plain_fields, tmp_path, monkeypatch):
    made = plain_fields(results_path=f"file://{tmp_path}/results")
    connection = Connection(conn_id="plain", conn_type="dfm", login=made.pop("user"), extra=json.dumps(made))
    monkeypatch.setenv("AIRFLOW_CONN_PLAIN", connection.as_json())
    monkeypatch.setenv("AIRFLOW_VAR_FLARE_JOB", shutil.make_archive(str(tmp_path / "job"), "zip", SLEEP))
    slow = shutil.copytree(SLEEP, tmp_path / "slow")
    config = slow / "app" / "config" / "config_fed_server.json"
    config.write_text(config.read_text().replace('"seconds": 5', '"seconds": 300'))
    monkeypatch.setenv("AIRFLOW_VAR_SLOW_FLARE_JOB", str(slow))
    with DfmHook("plain") as hook:
        yield hook


def run(name):
    """Run a DAG of ``dags/flare_dags.py``; gives its tasks' states and what they handed on."""
    done = DagBag(TRIAL_DAGS / "flare_dags.py", bundle_path=TRIAL_DAGS).dags[name].test()
    instances = {instance.task_id: instance for instance in done.get_task_instances()}
    states = {task: str(instance.state) for task, instance in instances.items()}
    values = {task: instance.xcom_pull(task_ids=task) for task, instance in instances.items()}
    outcomes = {task: instance.xcom_pull(task_ids=task, key="outcome") for task, instance in instances.items()}
    return states, values, outcomes


def test_a_job_is_submitted_cloned_listed_and_deleted(plain):
    states, values, _ = run("flare_life")
    assert set(states.values()) == {"success"}
    assert values["ready"] == ["san_francisco", "seattle"]
    listed = [(row["job_id"], row["status"]) for row in values["listed"]]
    assert listed == [(values[task], "FINISHED:COMPLETED") for task in ("clone", "submit")]
    assert set(values["listed"][0]) == {"job_id", "name", "status", "submit_time", "duration"}
    meta = plain.get_job_meta(values["clone"])
    assert (meta.name, meta.min_clients, meta.cloned_from) == ("life of flare_life", 2, values["submit"])
    assert plain.get_status(values["submit"]) is JobStatus.UNKNOWN


def test_the_three_ends_of_a_wait_can_be_told_apart():
    states, values, outcomes = run("flare_wait")
    for way in ("poke", "deferred"):
        tasks = [f"{end}_{way}" for end in ("by_callback", "out_of_time", "to_the_end")]
        assert [outcomes[task] for task in tasks] == ["ENDED_BY_CB", "TIMEOUT", "JOB_FINISHED"]
        # The job that was waited for to its end was aborted.
        assert [states[task] for task in tasks] == ["success", "failed", "failed"]
        assert values[tasks[0]] == values["submit"]


@pytest.mark.parametrize("way", ["poke", "deferred"])
def test_sites_that_are_missing_are_named_and_nothing_is_submitted(way, plain, caplog, capsys):
    stored = len(plain.list_jobs())
    states, _, _ = run(f"flare_incomplete_{way}")
    assert states == {"ready": "failed", "submit": "failed"}
    output = capsys.readouterr()
    log = caplog.text + output.out + output.err
    assert "not connected: atlantis (connected: san_francisco, seattle)" in log
    assert "2 of at least 3 sites are connected" in log
    assert len(plain.list_jobs()) == stored


def test_a_hook_monitors_a_job_as_nvflare_does(plain):
    job = plain.submit_job(str(SLEEP))
    seen = []

    def look(hook, job_id, meta, *arguments, **keywords):
        seen.append((hook is plain, job_id, meta.status, arguments, keywords))
        return len(seen) < 2

    assert plain.monitor_job(job.job_id, timeout=0.1, poll_interval=0.2) is MonitorReturnCode.TIMEOUT
    code = plain.monitor_job(job.job_id, 0, 0.2, look, "argument", keyword=1)
    assert code is MonitorReturnCode.ENDED_BY_CB
    assert [(own, job_id, rest) for own, job_id, _, *rest in seen] == [
        (True, job.job_id, [("argument",), {"keyword": 1}])
    ] * 2
    assert plain.monitor_job(job.job_id) is MonitorReturnCode.JOB_FINISHED
    assert plain.get_status(job.job_id) is JobStatus.FINISHED
