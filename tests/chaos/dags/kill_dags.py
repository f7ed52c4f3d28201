"""The DAGs of the kill matrix: one for each way of waiting, and one of many tasks that are ended at once."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import DAG, task

from airflow_provider_dfm.operators.dfm import DfmExecuteOperator, DfmResultsOperator

START = pendulum.datetime(2010, 1, 1, tz="UTC")
# More than one kill can cost: while a killed server starts again, tries fail.
AGAIN = {"retries": 8, "retry_delay": timedelta(seconds=1)}

for way in ("synchronous", "deferred"):
    with DAG(
        f"kill_{way}",
        schedule=None,
        start_date=START,
        default_args=AGAIN,
        render_template_as_native_obj=True,
    ):
        run = DfmExecuteOperator(
            task_id="run",
            pipeline="{{ dag_run.conf['pipeline'] }}",
            pipeline_arguments={"name": "{{ run_id }}"},
            input_params="{{ dag_run.conf['sets'] }}",
            dfm_conn_id="trials",
            deferrable=way == "deferred",
            poll_interval=1,
        )
        read = DfmResultsOperator(task_id="read", job_id="{{ ti.xcom_pull('run') }}", dfm_conn_id="trials")
        run >> read


@task
def names(dag_run=None) -> list[dict[str, str]]:
    """The argument of each task's pipeline: its name."""
    return [{"name": name} for name in dag_run.conf["names"]]


with DAG("end_many", schedule=None, start_date=START, render_template_as_native_obj=True):
    DfmExecuteOperator.partial(
        task_id="run",
        pipeline="{{ dag_run.conf['pipeline'] }}",
        input_params="{{ dag_run.conf['sets'] }}",
        dfm_conn_id="trials",
        deferrable=True,
        poll_interval=1,
    ).expand(pipeline_arguments=names())
