"""A DAG run whose mapped tasks wait, seen through Airflow's REST API."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from demo.airflow_api import AirflowError
from demo.airflow_process import AirflowProcess

TASK = "wait"
POLL_SECONDS = 1.0


def wait_until(condition: Callable[[], Any], seconds: float, what: str) -> None:
    """Ask until a condition holds.

    :param what: what is waited for, for the error.
    :raises TimeoutError: it did not in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Not in {seconds} s: {what}")
        time.sleep(POLL_SECONDS)


class WaitingRun:
    """A run of one of ``dags/outage_dags.py``, started.

    :param airflow: the running Airflow.
    :param dag_id: the DAG.
    :param count: how many tasks wait.
    :param conf: the run's configuration.
    """

    def __init__(self, airflow: AirflowProcess, dag_id: str, count: int, conf: dict[str, Any]) -> None:
        self._airflow = airflow
        self.dag_id = dag_id
        self.count = count
        self.run_id = airflow.trigger(dag_id, conf)

    def instances(self) -> list[dict[str, Any]]:
        """The mapped task's instances, by map index."""
        found = [task for task in self._airflow.task_instances(self.dag_id, self.run_id) if task["task_id"] == TASK]
        return sorted(found, key=lambda task: task["map_index"])

    def states(self) -> list[str | None]:
        """The state of each instance."""
        return [task["state"] for task in self.instances()]

    def wait_for_all(self, state: str, seconds: float) -> None:
        """Wait until each instance is there and in a state.

        :raises TimeoutError: not all are in time.
        :raises AirflowError: one has failed.
        """

        def reached() -> bool:
            self._airflow.check()
            if any(has in ("failed", "upstream_failed") for has in self.states()):
                raise AirflowError(f"{self.dag_id}: {self.states()}\n{self.logs_of_failed()}")
            return self.states() == [state] * self.count

        wait_until(reached, seconds, f"all {self.count} tasks of {self.dag_id} {state}")

    def wait_for_first_looks(self, seconds: float) -> None:
        """Wait until the log of each instance says how its job is: before that, Airflow may not run its trigger yet.

        :raises TimeoutError: not all do in time.
        """
        signs = (" is SUBMITTED", " is RUNNING")
        for index in range(self.count):
            wait_until(
                lambda index=index: any(sign in self.log(index) for sign in signs), seconds, f"a look of {index}"
            )

    def wait_for_end(self, seconds: float) -> str:
        """Wait for the run's end; gives its state."""
        return self._airflow.wait_for_run(self.dag_id, self.run_id, seconds)

    def xcoms(self, key: str = "return_value") -> list[Any]:
        """What each instance pushed; None for what it did not push."""
        return [self._xcom(key, index) for index in range(self.count)]

    def log(self, index: int, try_number: int = 1) -> str:
        """The log of one instance's try."""
        return self._airflow.task_log(self.dag_id, self.run_id, TASK, try_number, index)

    def logs_of_failed(self) -> str:
        """The last log of each instance that failed or is to be retried."""
        failed = [task for task in self.instances() if task["state"] in ("failed", "up_for_retry")]
        return "\n".join(self.log(task["map_index"], task["try_number"]) for task in failed)

    def give_up(self) -> None:
        """End the run as a person does who marks it failed; its triggers end too."""
        path = f"/api/v2/dags/{self.dag_id}/dagRuns/{self.run_id.replace('+', '%2B')}"
        self._airflow.api("PATCH", path, {"state": "failed"})

    def _xcom(self, key: str, index: int) -> Any:
        try:
            return self._airflow.xcom(self.dag_id, self.run_id, TASK, key, index)
        except AirflowError as error:
            if error.status != 404:
                raise
            return None


class HeldJobs:
    """Jobs of one run that go on to their end once :meth:`release` is called.

    :param folder: where the file is made that they wait for.
    """

    def __init__(self, folder: Path) -> None:
        self.values = uuid4().hex[:8]
        self._until = folder / f"release-{self.values}"

    def conf(self, tasks: int) -> dict[str, Any]:
        """The configuration of a run of so many tasks, each with a job of its own."""
        return {"tasks": tasks, "values": self.values, "until": str(self._until)}

    def parameter_set(self, index: int) -> dict[str, str]:
        """What one of the run's tasks gives its job."""
        return {"value": self.value(index), "until": str(self._until)}

    def value(self, index: int) -> str:
        """What that job answers."""
        return f"{self.values} {index}"

    def release(self) -> None:
        """Let them end, also those that start later."""
        self._until.touch()
