"""DAGs whose mapped tasks wait; the run's configuration says for what, and how many of them there are."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pendulum
from airflow.sdk import DAG, task

from airflow_provider_dfm.federation import steps
from airflow_provider_dfm.operators.dfm import DfmExecuteOperator
from airflow_provider_dfm.sensors.job import FederationJobSensor

CONNECTION = "outages"
# The length of the test's outages is no matter of the provider's: many tries, soon after each other.
RETRIES = {"retries": 3, "retry_delay": timedelta(seconds=1)}


def outage_dag(name: str) -> DAG:
    return DAG(name, schedule=None, start_date=pendulum.datetime(2010, 1, 1, tz="UTC"))


class PausedSubmitOperator(DfmExecuteOperator):
    """Stands still right before each submit, until the test lets it go on.

    The run's configuration names a folder, as ``pause``: a file ``at-<job id>`` there says that a task stands still,
    and a file ``go`` lets all go on.
    """

    def execute(self, context):
        folder = Path(context["dag_run"].conf["pause"])

        def pause(step: str, job_id: str) -> None:
            if step == steps.SUBMITTING:
                (folder / f"at-{job_id}").touch()
                while not (folder / "go").exists():
                    time.sleep(0.05)

        steps.observer = pause
        return super().execute(context)


@task
def parameter_sets(dag_run=None) -> list[dict[str, str]]:
    """A set for each task: a value that no other task has, and the file that ends the wait."""
    conf = dag_run.conf
    return [{"value": f"{conf['values']} {index}", "until": conf["until"]} for index in range(conf["tasks"])]


@task
def job_ids(dag_run=None) -> list[str]:
    return dag_run.conf["job_ids"]


@task
def waits(dag_run=None) -> list[dict[str, str]]:
    """A job's id and its connection for each task."""
    return dag_run.conf["waits"]


for way, deferrable in (("deferred", True), ("in_worker", False)):
    with outage_dag(f"hold_{way}"):
        DfmExecuteOperator.partial(
            task_id="wait",
            pipeline="trial_pipelines:hold",
            dfm_conn_id=CONNECTION,
            deferrable=deferrable,
            poll_interval=1,
            outage_timeout=timedelta(hours=1) if deferrable else None,
            outage_interval=5,
            **RETRIES,
        ).expand(input_params=parameter_sets())

with outage_dag("hold_submit"):
    PausedSubmitOperator.partial(
        task_id="wait",
        pipeline="trial_pipelines:hold",
        dfm_conn_id=CONNECTION,
        deferrable=True,
        poll_interval=1,
        **RETRIES,
    ).expand(input_params=parameter_sets())

with outage_dag("watch"):
    FederationJobSensor.partial(
        task_id="wait", dfm_conn_id=CONNECTION, deferrable=True, poke_interval=2, timeout=3600
    ).expand(job_id=job_ids())

with outage_dag("watch_and_abort"):
    FederationJobSensor.partial(
        task_id="wait", deferrable=True, cancel_on_kill=True, poke_interval=2, timeout=3600
    ).expand_kwargs(waits())
