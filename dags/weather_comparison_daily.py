"""Compares the temperatures of two sites, day by day over 2010; fit for a backfill.

One task submits the pipeline, another waits for it in the triggerer, a third reads the results by the job's id.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, CronDataIntervalTimetable, task

from airflow_provider_dfm.operators.dfm import DfmExecuteOperator, DfmResultsOperator
from airflow_provider_dfm.results import kept_results
from airflow_provider_dfm.sensors.job import FederationJobSensor

with DAG(
    "weather_comparison_daily",
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=pendulum.datetime(2010, 1, 1, tz="UTC"),
    end_date=pendulum.datetime(2010, 12, 31, tz="UTC"),
    catchup=False,
    max_active_runs=4,
    default_args={"dfm_conn_id": "weather", "retries": 1},
    tags=["federation"],
    doc_md=__doc__,
):
    submit = DfmExecuteOperator(
        task_id="submit",
        pipeline="pipelines:compare",
        # The sites' days are inclusive, so the interval's first day is all of it.
        input_params={"start": "{{ data_interval_start | ds }}", "end": "{{ data_interval_start | ds }}"},
        wait_for_completion=False,
    )
    wait = FederationJobSensor(
        task_id="wait", job_id="{{ ti.xcom_pull('submit') }}", deferrable=True, poke_interval=2, timeout=1800
    )
    read = DfmResultsOperator(task_id="read", job_id="{{ ti.xcom_pull('wait') }}")

    @task
    def report(read: dict) -> str:
        comparison = next(result.value for result in kept_results(read) if result.place == "comparison")
        text = (
            f"{comparison['first']['start']}: {comparison['first']['mean']} °C in {comparison['first']['site']}, "
            f"{comparison['second']['mean']} °C in {comparison['second']['site']}"
        )
        print(text)
        return text

    submit >> wait >> read
    report(read.output)
