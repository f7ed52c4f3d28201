"""What waiting for jobs costs: one list of all jobs against a request for each, and the triggerer's share.

``make bench`` runs it, on a federation of its own. Compare the ratios: they hold within one run, the seconds are this
machine's.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import uuid
from pathlib import Path

from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.job_wait import JobWait
from airflow_provider_dfm.hooks.job_watch import JobWatch
from benchmarks.meter import Cost, Meter
from demo.demonstration import connection_fields, make_federation
from demo.flare_poc import SERVER, FlarePoc
from demo.process_keeper import descendants

STORED = (10, 100, 300, 1000)
STORED_WHILE_WATCHING = 300
WATCHED = (1, 100)
SINGLE_CALLS = 100
CALLS = 20
POLLS = 20
CONNECTION = "bench"
JANUARY = {"start": "2010-01-01", "end": "2010-01-31"}


def fields(federation: FlarePoc) -> dict[str, str]:
    """The settings of a session with the federation."""
    return connection_fields(federation) | {"user": federation.admin}


def finished_job(federation: FlarePoc) -> str:
    """Run a pipeline; gives its job's id."""
    with FederationSession(read_settings(fields(federation), "bench")) as session:
        job = session.execute("pipelines:compare", JANUARY)
        if not job.wait_until_finished(timeout=120):
            raise TimeoutError(f"Job {job.job_id} does not end")
        return job.job_id


def store_jobs(federation: FlarePoc, job_id: str, count: int) -> list[str]:
    """Copy a job in the server's store, as if it had been run that often; gives the ids of all."""
    # nvflare/app_common/storages/filesystem_storage.py
    store = federation.folder / "workspace" / "storage" / "jobs-storage"
    meta = json.loads((store / job_id / "meta").read_text())
    for _ in range(count - len(list(store.iterdir()))):
        copy = store / str(uuid.uuid4())
        copy.mkdir()
        shutil.copy(store / job_id / "data", copy)
        (copy / "meta").write_text(json.dumps(meta | {"job_id": copy.name}))
    return [path.name for path in store.iterdir()]


def compare_requests(federation: FlarePoc, job_id: str) -> None:
    """Print what a list costs, in requests for one job."""
    print("One list_jobs costs as much as so many get_job_meta:")
    print(f"{'jobs stored':>12} {'elapsed':>9} {'server CPU':>11} {'client CPU':>11}")
    before = descendants(os.getpid())
    with FederationSession(read_settings(fields(federation), "bench")) as session:
        host = descendants(os.getpid()) - before
        # The server reads this one job's meta alone, however many there are.
        single = Meter(federation.pids(SERVER), host).cost(lambda: session.get_job_meta(job_id), SINGLE_CALLS)
        for count in STORED:
            store_jobs(federation, job_id, count)
            listed = Meter(federation.pids(SERVER), host).cost(session.list_jobs, CALLS)
            ratios = [getattr(listed, name) / getattr(single, name) for name in ("elapsed", "server", "client")]
            print("{:12} {:9.1f} {:11.1f} {:11.1f}".format(count, *ratios), flush=True)
    figures = ", ".join(f"{name} {1000 * getattr(single, name):.1f} ms" for name in ("elapsed", "server", "client"))
    print(f"One get_job_meta here: {figures}")


def compare_watched(federation: FlarePoc, job_id: str) -> None:
    """Print what a poll costs the triggerer with one and with many waiting tasks."""
    stored = store_jobs(federation, job_id, STORED_WHILE_WATCHING)
    connection = fields(federation)
    os.environ["AIRFLOW_CONN_BENCH"] = json.dumps(
        {"conn_type": "dfm", "login": connection.pop("user"), "extra": connection}
    )
    costs = [poll_cost(federation, stored[:count]) for count in WATCHED]
    print(f"\nOne poll of the triggerer, {len(stored)} jobs stored, client CPU with the session host's:")
    for count, cost in zip(WATCHED, costs, strict=True):
        ratio = cost.client / costs[0].client
        print(f"{count:5} watched: {1000 * cost.client:6.1f} ms CPU, {ratio:4.1f} times the first", flush=True)


def poll_cost(federation: FlarePoc, job_ids: list[str]) -> Cost:
    """What one poll costs, and what each waiting task makes of it."""
    waits = [JobWait(job_id, None, logging.getLogger("bench")) for job_id in job_ids]
    before = descendants(os.getpid())
    watch = JobWatch(DfmHook(CONNECTION))
    try:

        def poll() -> None:
            snapshot = watch.poll(job_ids)
            if snapshot.fault:
                raise RuntimeError(snapshot.fault)
            for wait in waits:
                wait.take(snapshot)

        poll()
        return Meter(federation.pids(SERVER), descendants(os.getpid()) - before).cost(poll, POLLS)
    finally:
        watch.close()


def main() -> None:
    """Run the benchmark."""
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory(prefix="dfm-bench-") as folder, make_federation(Path(folder)) as federation:
        job_id = finished_job(federation)
        compare_requests(federation, job_id)
    # Many stored jobs would stay.
    with tempfile.TemporaryDirectory(prefix="dfm-bench-") as folder, make_federation(Path(folder)) as federation:
        compare_watched(federation, finished_job(federation))


if __name__ == "__main__":
    main()
