"""Where the kills happen: a federation, an Airflow whose processes stop at armed steps, and what both tell."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.demonstration import AIRFLOW_BIN, connection_fields
from demo.flare_poc import FlarePoc
from tests.chaos.insisting_api import InsistingAirflow
from tests.chaos.planted.chaos_stops import VARIABLE, Stops

HERE = Path(__file__).resolve().parent
TRIALS = HERE.parent / "federation"
# How long Airflow's dead parts stay unnoticed is its own affair, and minutes by default.
SETTINGS = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "10",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "2",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "10",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
}


@dataclass(frozen=True)
class Stage:
    """What a trial needs.

    :param federation: the running federation.
    :param airflow: the running Airflow, with the DAGs of ``dags/kill_dags.py``.
    :param stops: the stops of its processes.
    """

    federation: FlarePoc
    airflow: InsistingAirflow
    stops: Stops

    def jobs(self) -> list[dict[str, Any]]:
        """All that the federation's own list says of all jobs, asked without the provider."""
        answer = self._run("list_jobs.py")
        jobs: list[dict[str, Any]] = json.loads(answer.splitlines()[-1])
        return jobs

    def abort(self, job_ids: Iterable[str]) -> None:
        """Abort jobs, without the provider."""
        ids = list(job_ids)
        if ids:
            self._run("abort_jobs.py", *ids)

    def _run(self, script: str, *arguments: str) -> str:
        """Run a script of this folder as the federation's admin; gives its output."""
        who = [self.federation.admin, str(self.federation.startup_kit)]
        command = [str(self.federation.python), str(HERE / script), *who, *arguments]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=120, text=True).stdout


@contextmanager
def chaos_stage(folder: Path, federation: FlarePoc) -> Iterator[Stage]:
    """Start an Airflow beside a running federation.

    :param folder: for everything that belongs to it.
    :param federation: one that serves the trials' federation.
    """
    stops = Stops(folder / "stops").make()
    environment = SETTINGS | {VARIABLE: str(folder / "stops")}
    airflow = InsistingAirflow(folder / "airflow", AIRFLOW_BIN, HERE / "dags", environment)
    planted = airflow.home / "config"
    shutil.copytree(HERE / "planted", planted, ignore=shutil.ignore_patterns("__*"))
    fields = connection_fields(federation) | {"federation": "trials", "python_path": f"{TRIALS}:{planted}"}
    with airflow:
        airflow.add_connection("trials", "dfm", login=federation.admin, extra=fields)
        yield Stage(federation, airflow, stops)
