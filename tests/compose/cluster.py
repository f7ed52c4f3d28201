"""The cluster once it runs: its Airflow by the REST API, its containers by the engine."""

from __future__ import annotations

import json
import time
from typing import Any

from demo.airflow_api import AirflowApi
from tests.compose.engine import Engine

API_SERVER = "api-server"
WORKER = "worker"
# Where the FLARE server keeps each job it was ever given: compose/setup.py.
JOBS = "/flare/storage/jobs-storage"


class Cluster(AirflowApi):
    """A user's log-in to the cluster's Airflow, with the password that its setup made.

    :param engine: what runs its containers
    :param port: where the API server is published on the loopback address
    """

    def __init__(self, engine: Engine, port: int) -> None:
        self.engine = engine
        passwords = json.loads(engine.execute(self.container(API_SERVER), "cat", "/secrets/passwords.json"))
        super().__init__(f"http://127.0.0.1:{port}", "admin", passwords["admin"])

    def container(self, service: str) -> str:
        """The id of a service's first container."""
        return self.engine.containers(service)[0]

    def worker(self, hostname: str) -> str:
        """The id of the worker of that name: a container is called by its own id, or the beginning of it."""
        return next(container for container in self.engine.containers(WORKER) if _same(container, hostname))

    def other_worker(self, hostname: str) -> str:
        """The id of a worker that has another name."""
        return next(container for container in self.engine.containers(WORKER) if not _same(container, hostname))

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """A task instance of a run, as the API tells it.

        :param dag_id: the DAG's id
        :param run_id: the run's id
        :param task_id: the task's id
        """
        return next(task for task in self.task_instances(dag_id, run_id) if task["task_id"] == task_id)

    def latest_success(self, dag_id: str) -> str:
        """The id of a DAG's latest run that succeeded.

        :param dag_id: the DAG's id
        """
        path = f"/api/v2/dags/{dag_id}/dagRuns?state=success&order_by=-start_date&limit=1"
        return str(self.api("GET", path)["dag_runs"][0]["dag_run_id"])

    def wait_for_task(self, dag_id: str, run_id: str, task_id: str, state: str, timeout: float) -> dict[str, Any]:
        """Wait until a task instance has a state.

        :param dag_id: the DAG's id
        :param run_id: the run's id
        :param task_id: the task's id
        :param state: such as ``deferred``
        :param timeout: seconds
        :return: the task instance
        :raises TimeoutError: it has not by then
        """
        deadline = time.monotonic() + timeout
        while True:
            task = self.task(dag_id, run_id, task_id)
            if task["state"] == state:
                return task
            if time.monotonic() > deadline:
                raise TimeoutError(f"{task_id} is {task['state']}, not {state}, after {timeout:.0f} s")
            time.sleep(0.3)

    def jobs(self) -> set[str]:
        """The ids of all jobs that the FLARE server was ever given."""
        server = self.container("flare-server")
        return set(self.engine.execute(server, "sh", "-c", f"mkdir -p {JOBS}; ls {JOBS}").split())


def _same(container: str, hostname: str) -> bool:
    return container.startswith(hostname) or hostname.startswith(container)
