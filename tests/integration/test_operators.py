"""The operators and the sensor in real Airflow tasks: each DAG runs by ``dag.test()`` against the real federation."""

from __future__ import annotations

import json
import re

import pytest
from airflow.sdk import Connection

from airflow_provider_dfm.federation.errors import FederationError
from airflow_provider_dfm.federation.results_folder import MANIFEST
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.operators.submitting import FAILED_SETS
from airflow_provider_dfm.results import kept_results, whole
from demo.demonstration import FEDERATION
from tests.dag_runs import run_dag, task_results, task_states
from tests.integration.test_submit_once import SLEEP

pytestmark = [pytest.mark.federation, pytest.mark.airflow, pytest.mark.usefixtures("database")]

FAIL = SLEEP.parent / "fail"


@pytest.fixture(autouse=True)
def connections(fields, local_fields, tmp_path, monkeypatch):
    for name, made in (("flare", fields(federation="trials")), ("local", local_fields())):
        login = made.pop("user", None)
        extra = json.dumps(made | {"results_path": f"file://{tmp_path}/results"})
        connection = Connection(conn_id=name, conn_type="dfm", login=login, extra=extra)
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", connection.as_json())


def _run(name):
    """Run a DAG of ``dags/trial_dags.py``; gives its tasks' states and what they handed on."""
    run = run_dag(name)
    values = task_results(run)
    values["failed_parameter_sets"] = run.get_task_instances()[0].xcom_pull(task_ids="run", key=FAILED_SETS)
    return task_states(run), values


@pytest.fixture
def plain_connection(plain_fields, monkeypatch):
    made = plain_fields()
    connection = Connection(conn_id="plain", conn_type="dfm", login=made.pop("user"), extra=json.dumps(made))
    monkeypatch.setenv("AIRFLOW_CONN_PLAIN", connection.as_json())


@pytest.fixture
def logged(caplog, capsys):
    """All that the tasks logged so far."""

    def text():
        output = capsys.readouterr()
        return caplog.text + output.out + output.err

    return text


@pytest.mark.parametrize("way", ["local", "flare", "deferred"])
def test_a_pipeline_is_run_and_a_later_task_reads_its_results(way, tmp_path):
    states, values = _run(f"echo_{way}")
    assert set(states.values()) == {"success"}
    job_id, read = values["run"], values["read"]
    assert (read["job_id"], read["count"]) == (job_id, 2)
    assert [result["value"] for result in read["results"]] == [f"echo_{way}", "{$HOME}"]
    assert (tmp_path / "results" / job_id / MANIFEST).is_file()
    assert read["uri"] == f"file://{tmp_path}/results/{job_id}"


@pytest.mark.parametrize("way", ["local", "flare", "deferred"])
def test_what_sites_advise_becomes_the_parameter_sets_of_mapped_tasks(way):
    run = run_dag(f"discover_{way}")
    states = [str(instance.state) for instance in run.get_task_instances()]
    assert states == ["success"] * (8 if way == "local" else 1)
    (discover,) = [instance for instance in run.get_task_instances() if instance.task_id == "discover"]
    handed_on = discover.xcom_pull(task_ids="discover")
    found = whole(handed_on)
    assert (found != handed_on) == (way == "local"), "kept in a file"
    assert found["parameter_sets"][0] == {"city": "seattle", "sensor": "rain", "hours": 1}
    assert found["operations"][0]["site"] in ("seattle", "san_francisco")
    assert found["errors"] == []
    assert len(found["parameter_sets"]) == 6


@pytest.mark.parametrize("way", ["local", "deferred"])
def test_a_retry_asks_again_after_an_advisor_raised(way, tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_RUNS", str(tmp_path / "asked"))
    run = run_dag(f"advise_{way}")
    assert task_states(run) == {"discover": "success"}
    (discover,) = run.get_task_instances()
    assert discover.xcom_pull(task_ids="discover")["errors"] == []


@pytest.mark.parametrize("mode", ["poke", "reschedule", "deferred"])
def test_a_sensor_waits_for_a_job_by_its_id(mode, logged):
    states, values = _run(f"wait_{mode}")
    # Where it stays in its own process, it shows the job's log.
    assert ("server | " in logged()) == (mode == "poke")
    assert set(states.values()) == {"success"}
    assert values["wait"] == values["run"]
    assert values["read"]["results"][0]["value"] == 1


@pytest.mark.parametrize("way", ["local", "flare", "deferred"])
def test_an_adapter_that_raises_fails_the_task_and_the_log_says_where(way, logged):
    states, _ = _run(f"fail_{way}")
    assert states == {"run": "failed"}
    text = logged()
    assert "site seattle: RuntimeError: no data here" in text
    assert "WorkFailed: parameter set 0, site seattle: RuntimeError: no data here. Job " in text
    assert "did not do its work, although FLARE calls it completed: 0 results came of 1 parameter sets." in text
    assert re.search(r"seattle \|   File .*trials/.*, line \d+, in ", text), "where the operation raised it"
    lines = [line.partition(" | ")[2].partition(" [airflow")[0] for line in text.splitlines() if "server | 2" in line]
    assert len(lines) == len(set(lines)), "each line once"
    assert ("Server runner finished." in text) == (way == "flare"), "only where the log is followed as it grows"
    assert "send cost info" not in text


@pytest.mark.parametrize("way", ["local", "flare", "deferred"])
def test_a_partly_failed_job_hands_on_what_came_where_that_is_wanted(way):
    states, values = _run(f"partly_{way}")
    assert set(states.values()) == {"success"}
    read = values["read"]
    assert [(result["parameter_set"], result["value"]) for result in read["results"]] == [(0, "fine"), (2, "fine")]
    assert read["failed"] == {"1": "site seattle: RuntimeError: no data here"}
    assert values["failed_parameter_sets"] == read["failed"]
    assert read["accepted"], "what the submitting task accepts need not be accepted again"


@pytest.mark.parametrize("way", ["plain", "plain_deferred"])
def test_a_plain_job_is_submitted_and_waited_for(plain_connection, monkeypatch, way, logged):
    monkeypatch.setenv("AIRFLOW_VAR_FLARE_JOB", str(SLEEP))
    states, values = _run(way)
    assert states == {"run": "success"}
    text = logged()
    assert f"Job {values['run']} has completed" in text
    assert ("server | " in text) == (way == "plain")


def test_a_plain_job_that_fails_says_which_site_failed_and_why(plain_connection, monkeypatch, logged):
    monkeypatch.setenv("AIRFLOW_VAR_FLARE_JOB", str(FAIL))
    states, _ = _run("plain_deferred")
    assert states == {"run": "failed"}
    text = logged()
    assert re.search(r"WorkFailed: site seattle: RuntimeError: no data here\. Job \S+ .fail. ended as", text)
    assert "seattle | RuntimeError: no data here" in text
    assert "ServerRunner - ERROR" in text
    assert "Server runner finished." not in text, "nothing of the shut-down"


@pytest.mark.parametrize("way", ["local", "flare", "deferred"])
def test_a_job_out_of_time_is_aborted(way, logged):
    states, _ = _run(f"slow_{way}")
    assert states == {"run": "failed"}
    text = logged()
    assert "did not end in time" in text
    assert "It was aborted." in text


def test_results_too_large_for_an_xcom_are_read_from_their_folder(tmp_path):
    states, values = _run("large")
    assert set(states.values()) == {"success"}
    read = values["read"]
    assert [list(row["value"]) for row in read["results"]] == [["@kept"], ["@kept"]]
    assert [(row["parameter_set"], len(whole(row["value"]))) for row in read["results"]] == [(0, 40_000), (1, 40_000)]
    assert [len(result.value) for result in kept_results(read)] == [40_000, 40_000]
    assert (tmp_path / "results" / values["run"] / "results.jsonl").stat().st_size > 80_000


def test_a_job_id_that_nobody_knows_fails_the_sensor(logged):
    states, _ = _run("unknown")
    assert states == {"wait": "failed"}
    assert "knows no job" in logged()


def test_the_hook_reads_a_pipeline_file_from_a_uri_and_a_kit_from_a_uri(federation, monkeypatch, fields):
    made = fields(startup_kit=f"file://{federation.startup_kit}")
    login = made.pop("user")
    connection = Connection(conn_id="uri", conn_type="dfm", login=login, extra=json.dumps(made))
    monkeypatch.setenv("AIRFLOW_CONN_URI", connection.as_json())
    with DfmHook("uri") as hook:
        prepared = hook.prepare(f"file://{FEDERATION}/compare.json")
        assert prepared.parameters == ("end", "start")
        with pytest.raises(FederationError, match="Cannot read the pipeline file"):
            hook.prepare("file:///no/such/file.json")
        with pytest.raises(FederationError, match="no DFM pipeline: it holds no JSON object"):
            hook.prepare(f"file://{FEDERATION}/pipelines.py")


def test_the_connections_test_says_where_it_led(monkeypatch):
    good, message = DfmHook("flare").test_connection()
    assert good, message
    assert "DFM federation trials (API" in message
    assert "sites: san_francisco, seattle" in message
    connection = Connection(conn_id="wrong", conn_type="dfm", login="a", extra='{"startup_kit": "/nowhere"}')
    monkeypatch.setenv("AIRFLOW_CONN_WRONG", connection.as_json())
    good, message = DfmHook("wrong").test_connection()
    assert not good
    assert "There is no startup kit at /nowhere" in message
