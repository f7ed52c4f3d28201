"""DAGs for the tests of all versions; the ids of jobs come with the run's configuration."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_dfm.sensors.job import FederationJobSensor

# By the form of the tests: a log-in each takes its time.
KINDS = {
    "short": ("raises", "unknown site"),
    "long": (
        "aborted",
        "raises",
        "server process killed",
        "unknown site",
        "no resources",
        "cannot be stored",
        "two words",
    ),
}

for form, kinds in KINDS.items():
    with DAG(f"endings_{form}", schedule=None, start_date=pendulum.datetime(2010, 1, 1, tz="UTC")):
        for kind in kinds:
            FederationJobSensor(
                task_id=kind.replace(" ", "_"),
                job_id=f"{{{{ dag_run.conf['{kind}'] }}}}",
                dfm_conn_id="version",
                poke_interval=1,
                timeout=120,
            )
