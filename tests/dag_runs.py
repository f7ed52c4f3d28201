"""Runs DAGs in the tests' own process, by ``dag.test()``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.models import DagRun


def run_dag(name: str, conf: dict[str, Any] | None = None) -> DagRun:
    """Run a DAG.

    :param name: a DAG of ``integration/dags``, the tests' DAGs folder: ``dag.test()`` takes no other.
    :param conf: the run's configuration.
    """
    folder = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    run: DagRun = DagBag(folder, bundle_path=folder).dags[name].test(run_conf=conf)
    return run


def task_states(run: DagRun) -> dict[str, str]:
    """The state of each task of a run."""
    return {instance.task_id: str(instance.state) for instance in run.get_task_instances()}


def task_results(run: DagRun) -> dict[str, Any]:
    """What each task of a run handed on."""
    return {instance.task_id: instance.xcom_pull(task_ids=instance.task_id) for instance in run.get_task_instances()}
