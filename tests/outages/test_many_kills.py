"""Many deferred tasks that a person ends at once, under the real triggerer, beside connections to silent servers."""

from __future__ import annotations

from uuid import uuid4

import pytest

from airflow_provider_dfm.federation.job_status import JobStatus
from tests.outages.forms import LONG
from tests.outages.surroundings import CONNECTION, add_connection
from tests.outages.waiting_run import WaitingRun, wait_until
from tests.silent_server import SilentServer

pytestmark = [pytest.mark.federation, pytest.mark.airflow]

# On each of two connections.
TASKS = 25 if LONG else 8
# As many as asyncio's default pool has threads on two cores.
SILENT = 6 if LONG else 2
ANOTHER = "outages_too"


@pytest.fixture
def deferred(outage_airflow):
    """Starts a task for each of some jobs, which waits for it deferred, and aborts it when it is ended."""
    runs = []

    def start(waits):
        conf = {"waits": [{"job_id": job_id, "dfm_conn_id": connection} for job_id, connection in waits]}
        runs.append(WaitingRun(outage_airflow, "watch_and_abort", len(waits), conf))
        runs[-1].wait_for_all("deferred", 120 + 10 * len(waits))
        return runs[-1]

    yield start
    for run in runs:
        run.give_up()


@pytest.fixture
def silent_connections(outage_airflow, outage_federation, tmp_path):
    """Connections whose servers take each log-in and say nothing."""
    with SilentServer() as server:
        kit = server.startup_kit(outage_federation.startup_kit, tmp_path / "kit")
        names = [f"silent_{number}" for number in range(SILENT)]
        for name in names:
            add_connection(outage_airflow, outage_federation, name, startup_kit=str(kit))
        yield names


def test_many_deferred_tasks_marked_failed_at_once_abort_all_their_jobs(
    outage_airflow, outage_federation, open_session, held_jobs, silent_connections, deferred
):
    add_connection(outage_airflow, outage_federation, ANOTHER)
    deferred([(str(uuid4()), connection) for connection in silent_connections])
    with open_session() as session:
        pipeline = session.prepare("trial_pipelines:hold")
        jobs = [session.execute(pipeline, held_jobs.parameter_set(index)).job_id for index in range(2 * TASKS)]
        run = deferred([(job_id, (CONNECTION, ANOTHER)[index % 2]) for index, job_id in enumerate(jobs)])
        # Airflow tells a trigger of a kill only once it runs.
        run.wait_for_first_looks(120)

        run.give_up()
        wait_until(lambda: all(_is_aborted(session, job_id) for job_id in jobs), 60, f"{len(jobs)} jobs aborted")
    for index, job_id in enumerate(jobs):
        line = f"Aborted job {job_id}"
        wait_until(lambda index=index, line=line: line in run.log(index), 60, f"{line!r} in {run.log(index)}")


def _is_aborted(session, job_id):
    return session.get_status(job_id) is JobStatus.ABORTED
