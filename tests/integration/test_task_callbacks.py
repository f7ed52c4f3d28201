"""Callbacks in tasks: each DAG runs by ``dag.test()``, its tasks twice where the first try fails."""

from __future__ import annotations

import json

import pytest
from airflow.sdk import Connection

from tests.dag_runs import run_dag, task_results, task_states

pytestmark = [pytest.mark.federation, pytest.mark.airflow, pytest.mark.usefixtures("database")]


@pytest.fixture(autouse=True)
def connections(fields, local_fields, tmp_path, monkeypatch):
    for name, made in (("flare", fields(federation="trials")), ("local", local_fields())):
        login = made.pop("user", None)
        extra = json.dumps(made | {"results_path": f"file://{tmp_path}/results"})
        connection = Connection(conn_id=name, conn_type="dfm", login=login, extra=extra)
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", connection.as_json())


@pytest.fixture
def until(tmp_path, monkeypatch):
    """A file that lets a job go on."""
    monkeypatch.setenv("AIRFLOW_VAR_UNTIL", str(tmp_path / "until"))
    return tmp_path / "until"


@pytest.fixture
def noted(tmp_path, monkeypatch):
    """What callbacks were called with so far."""
    path = tmp_path / "calls"
    monkeypatch.setenv("AIRFLOW_VAR_CALLS", str(path))
    return lambda: [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("way", ["local", "flare", "deferred"])
def test_a_callback_that_fails_once_has_each_result_once_over_both_tries(way, until, noted, caplog, capsys):
    if way == "deferred":
        # Its callbacks are called after the job's end only.
        until.touch()
    run = run_dag(f"callbacks_{way}")
    assert task_states(run) == {"run": "success"}
    assert run.get_task_instances()[0].try_number == 2
    text = caplog.text + "".join(capsys.readouterr())
    assert "raised RuntimeError: no room" in text
    assert "the result of parameter set 0 at place 'numbers', frame [0, 2], after 3 others" in text
    assert noted() == [
        ["san_francisco", [0], "text", ""],
        *(["seattle", [0, number], "numbers", number] for number in range(4)),
        ["san_francisco", [1], "text", str(until)],
        *(["seattle", [1, number], "numbers", number] for number in range(2)),
    ]
    assert len(task_results(run)["run"]) == 36
    # Both tries had one job.
    assert text.count("Submitted pipeline 'count_and_echo' as job") == 1


def test_a_later_task_hands_on_each_set_of_a_job_that_runs_still_and_another_each_result_after(until, noted):
    run = run_dag("callbacks_of_another_task")
    assert task_states(run) == {"run": "success", "sets": "success", "again": "success"}
    assert {instance.task_id: instance.try_number for instance in run.get_task_instances()}["sets"] == 2
    values = task_results(run)
    first, second = {"numbers": [0, 1, 2, 3], "text": ""}, {"numbers": [0, 1], "text": str(until)}
    answers = [
        {"parameter_set": number, "status": "answered", "reason": None, "values": values}
        for number, values in enumerate((first, second))
    ]
    sets, calls = noted()[:2], noted()[2:]
    assert sets == answers
    rows = [[row[name] for name in ("site", "frame", "place", "value")] for row in values["again"]["results"]]
    assert calls == rows
    assert values["sets"]["sets"] == values["again"]["sets"] == answers


def test_mapped_tasks_take_each_a_set(noted):
    run = run_dag("mapped_sets")
    states = [(each.map_index, str(each.state)) for each in run.get_task_instances() if each.task_id == "take"]
    assert sorted(states) == [(0, "success"), (1, "skipped"), (2, "success")]
    (job_id, sets) = (task_results(run)[name] for name in ("run", "sets"))
    assert [one["status"] for one in sets] == ["answered", "failed", "answered"]
    assert sets[1]["reason"] == "site seattle: RuntimeError: no data here"
    assert sets[2] == {
        "parameter_set": 2,
        "status": "answered",
        "reason": None,
        "values": {"result": "fine"},
        "job_id": job_id,
        "uri": sets[0]["uri"],
    }


def test_mapped_tasks_read_a_large_set_where_it_is_kept(noted):
    run = run_dag("mapped_large_sets")
    taken = [each for each in run.get_task_instances() if each.task_id == "take"]
    values = {each.map_index: each.xcom_pull(task_ids="take", map_indexes=each.map_index) for each in taken}
    assert values == {0: {"result": 30_000}, 1: {"result": 30_001}}
    handed_on = [one["values"] for one in task_results(run)["sets"]]
    assert [list(value) for each in handed_on for value in each.values()] == [["@kept"], ["@kept"]]


@pytest.mark.parametrize("way", ["local", "flare", "deferred"])
def test_a_status_callback_hears_of_the_set_that_failed_and_of_the_jobs_end(way, noted):
    assert task_states(run_dag(f"statuses_{way}")) == {"run": "failed"}
    statuses = [(frame, value) for _, frame, place, value in noted() if place == "_dfm_status_"]
    events = [(frame, value["event"]) for frame, value in statuses]
    # What came before the end depends on when the task looked; what failed comes in any case, and last.
    assert events[-3:] == [([1], "start"), ([1], "error"), ([], "error")]
    assert events[:-3] in ([], [([0], "start"), ([0], "end")])
    error = statuses[-2][1]
    assert error["reason"] == "site seattle: RuntimeError: no data here"
    assert [(one["type"], one["message"], one["site"]) for one in error["errors"]] == [
        ("RuntimeError", "no data here", "seattle")
    ]
    assert "parameter set 1, site seattle: RuntimeError: no data here" in statuses[-1][1]["reason"]
