"""Airflow imports this in each of its processes: it sets the observer of the provider's steps."""

from __future__ import annotations

import os

from chaos_stops import Stops

from airflow_provider_dfm.federation import steps

# Airflow takes over what is named here.
__all__: list[str] = []

TASK = "run"


def _observe(step: str, job_id: str) -> None:
    stops = Stops()
    # Set in the process of a task (airflow/sdk/execution_time/task_runner.py); a trigger knows its job alone.
    run = os.environ.get("AIRFLOW_CTX_DAG_RUN_ID")
    if run is None:
        run = stops.run_of(job_id)
    elif os.environ["AIRFLOW_CTX_TASK_ID"] == TASK:
        stops.note_run(job_id, run)
    else:
        return
    if run is not None:
        stops.stop(run, step, job_id=job_id)


steps.observer = _observe
