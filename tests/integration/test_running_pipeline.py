"""A pipeline that runs on while tasks send to it, on a real scheduler and triggerer."""

from __future__ import annotations

import pytest

from demo.demonstration import expected_results

pytestmark = [pytest.mark.federation, pytest.mark.airflow]

EXAMPLE = "weather_running"
DAY = "2010-03-10"


def _run_part(airflow, part, day=DAY):
    return airflow.trigger(EXAMPLE, conf={"day": day, "part": part})


def test_three_runs_of_a_day_start_feed_and_end_one_pipeline(airflow):
    runs = []
    for part in ("first", "middle", "last"):
        runs.append(_run_part(airflow, part))
        airflow.wait_for_success(EXAMPLE, runs[-1], 180)
    first, middle, last = runs
    job_id = airflow.xcom(EXAMPLE, first, "start", "return_value")
    assert airflow.xcom(EXAMPLE, middle, "send", "return_value") == job_id
    assert airflow.xcom(EXAMPLE, middle, "send", "parameter_sets") == [1]
    assert airflow.xcom(EXAMPLE, last, "send_last", "parameter_sets") == [2]
    read = airflow.xcom(EXAMPLE, last, "read", "return_value")
    assert read["job_id"] == job_id
    assert [result["parameter_set"] for result in read["results"]] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    for number, start in enumerate(("2010-02-08", "2010-03-03", "2010-03-09")):
        expected = expected_results(start, DAY)
        for result in read["results"]:
            if result["parameter_set"] == number and result["place"] in ("first", "second"):
                assert expected[result["value"]["site"]].items() <= result["value"].items()


def test_a_run_without_a_pipeline_of_its_day_says_so(airflow):
    run = _run_part(airflow, "middle", "2010-07-01")
    assert airflow.wait_for_run(EXAMPLE, run, 120) == "failed"
    assert "No pipeline runs for 2010-07-01" in airflow.task_log(EXAMPLE, run, "find_job", 1)


def test_each_set_is_sent_once_though_a_task_is_killed_once_it_has_sent(airflow):
    run = airflow.trigger("sends")
    airflow.wait_for_success("sends", run, 240)
    tries = {task["task_id"]: task["try_number"] for task in airflow.task_instances("sends", run)}
    assert tries["killed"] == 2
    read = airflow.xcom("sends", run, "read", "return_value")
    values = [result["value"] for result in read["results"]]
    assert sorted(values[:-1]) == ["a", "b", "c", "killed", "sends"]
    assert values[-1] == "last"
    assert airflow.xcom("sends", run, "killed", "parameter_sets") == [values.index("killed")]
    assert airflow.xcom("sends", run, "stop", "parameter_sets") == [5]
