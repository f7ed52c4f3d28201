"""DAGs for the tests of what can be done to FLARE jobs, each by the name of what it tries."""

from __future__ import annotations

import datetime

from airflow.sdk import DAG

from airflow_provider_dfm.operators.flare import (
    FlareAbortJobOperator,
    FlareCloneJobOperator,
    FlareDeleteJobOperator,
    FlareListJobsOperator,
    FlareSubmitJobOperator,
)
from airflow_provider_dfm.sensors.federation import FederationReadySensor
from airflow_provider_dfm.sensors.job import FederationJobSensor

SEEN_RUNNING = "tests.integration.job_callbacks:stop_once_running"
WAYS = {"poke": False, "deferred": True}


def flare_dag(name: str) -> DAG:
    return DAG(name, schedule=None, default_args={"dfm_conn_id": "plain"})


def job_of(task: str) -> str:
    return f"{{{{ ti.xcom_pull('{task}') }}}}"


with flare_dag("flare_life"):
    ready = FederationReadySensor(task_id="ready", sites="{{ ['seattle', 'san_francisco'] }}", poke_interval=1)
    submit = FlareSubmitJobOperator(
        task_id="submit",
        job_definition_path="{{ var.value.flare_job }}",
        meta={
            "name": "life of {{ dag.dag_id }}",
            "min_clients": "{{ 1 + 1 }}",
            "custom_props": {"team": "blue", "day": datetime.date(2010, 1, 1)},
        },
        min_sites="{{ 1 + 1 }}",
        sites=["seattle"],
        timeout=datetime.timedelta(minutes=10),
        poll_interval=1,
    )
    clone = FlareCloneJobOperator(task_id="clone", job_id=job_of("submit"), deferrable=True, poll_interval=1)
    listed = FlareListJobsOperator(task_id="listed", name_prefix="LIFE OF", reverse=True)
    delete = FlareDeleteJobOperator(task_id="delete", job_id=job_of("submit"))
    ready >> submit >> clone >> listed >> delete

with flare_dag("flare_wait"):
    submit = FlareSubmitJobOperator(
        task_id="submit", job_definition_path="{{ var.value.slow_flare_job }}", wait_for_completion=False
    )
    abort = FlareAbortJobOperator(task_id="abort", job_id=job_of("submit"), trigger_rule="all_done")
    for way, deferrable in WAYS.items():
        waits = {"job_id": job_of("submit"), "deferrable": deferrable, "poke_interval": 1}
        by_callback = FederationJobSensor(
            task_id=f"by_callback_{way}", callback=SEEN_RUNNING, callback_kwargs={"status": "{{ 'RUNNING' }}"}, **waits
        )
        out_of_time = FederationJobSensor(task_id=f"out_of_time_{way}", timeout=1, **waits)
        to_the_end = FederationJobSensor(task_id=f"to_the_end_{way}", min_sites=2, **waits)
        submit >> by_callback >> out_of_time >> abort >> to_the_end

for way, deferrable in WAYS.items():
    with flare_dag(f"flare_incomplete_{way}"):
        FederationReadySensor(task_id="ready", min_sites=3, deferrable=deferrable, poke_interval=1, timeout=2)
        FlareSubmitJobOperator(
            task_id="submit",
            job_definition_path="{{ var.value.flare_job }}",
            sites=["atlantis", "seattle"],
            deferrable=deferrable,
        )
