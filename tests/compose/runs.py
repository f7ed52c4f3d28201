"""The demo DAG on the cluster: once undisturbed, and with a worker and the triggerer killed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from demo.weather_example import DAG, END, START, wrong_results
from tests.compose.cluster import Cluster

RUN_SECONDS = 600.0
LOG_SECONDS = 30.0
# Runs in a worker: it takes no task from Airflow's queue until told otherwise. Airflow's own commands for this,
# `airflow celery remove-queue` and `add-queue`, take as long to start as the job takes to run.
CONSUME = """
import pathlib, sys, celery
control = celery.Celery(broker=pathlib.Path("/secrets/broker_url").read_text()).control
sys.exit(not getattr(control, sys.argv[1])("default", destination=[sys.argv[2]], reply=True, timeout=20))
"""


def quiet_run(cluster: Cluster, tell: Callable[[str], None]) -> list[str]:
    """Run the DAG while nothing fails; the worker that submitted takes no further task.

    :param cluster: where
    :param tell: gets a line at each step
    :return: what is wrong
    """
    before = cluster.jobs()
    run_id = _trigger(cluster)
    submitter = cluster.wait_for_task(DAG, run_id, "compare", "deferred", RUN_SECONDS)["hostname"]
    _consume(cluster, submitter, "cancel_consumer")
    tell(f"  compare was submitted by {submitter}, which takes no further task")
    cluster.wait_for_success(DAG, run_id, RUN_SECONDS)
    _consume(cluster, submitter, "add_consumer")
    return _faults(cluster, run_id, before, tell) + _reader_faults(cluster, run_id, submitter)


def killing_run(cluster: Cluster, tell: Callable[[str], None]) -> list[str]:
    """Run the DAG, and half-way, while the job runs, kill the worker that submitted it and the triggerer that waits.

    :param cluster: where
    :param tell: gets a line at each step
    :return: what is wrong
    """
    before = cluster.jobs()
    run_id = _trigger(cluster)
    submitter = cluster.wait_for_task(DAG, run_id, "compare", "deferred", RUN_SECONDS)["hostname"]
    worker, triggerer = cluster.worker(submitter), cluster.container("triggerer")
    cluster.engine.kill(worker)
    cluster.engine.kill(triggerer)
    tell(f"  killed {submitter}, which submitted the job, and the triggerer, which waited for it")
    cluster.engine.start(triggerer)
    cluster.wait_for_success(DAG, run_id, RUN_SECONDS)
    faults = _faults(cluster, run_id, before, tell) + _reader_faults(cluster, run_id, submitter)
    _start_again(cluster, worker)
    return faults


def retried_run(cluster: Cluster, tell: Callable[[str], None]) -> list[str]:
    """Run the DAG, and kill the worker in the midst of the task that submits; the other worker has to try it again.

    :param cluster: where
    :param tell: gets a line at each step
    :return: what is wrong
    """
    before = cluster.jobs()
    run_id = _trigger(cluster)
    first = cluster.wait_for_task(DAG, run_id, "compare", "running", RUN_SECONDS)["hostname"]
    worker = cluster.worker(first)
    cluster.engine.kill(worker)
    tell(f"  killed {first} while it ran compare, which Airflow misses after a minute")
    second = cluster.wait_for_task(DAG, run_id, "compare", "deferred", RUN_SECONDS)
    tell(f"  {second['hostname']} has submitted at try {second['try_number']}")
    _start_again(cluster, worker)
    cluster.wait_for_success(DAG, run_id, RUN_SECONDS)
    faults = _faults(cluster, run_id, before, tell)
    return faults + ([] if second["try_number"] > 1 else ["compare was killed too late: there was no second try"])


def connection_faults(cluster: Cluster) -> list[str]:
    """What is wrong with the connection ``weather``, as the triggerer sees it.

    :param cluster: where
    """
    option = ["--env", "AIRFLOW__CORE__TEST_CONNECTION=Enabled"]
    command = ["airflow", "connections", "test", "weather"]
    told = cluster.engine.run("exec", *option, cluster.container("triggerer"), *command)
    return [] if "Connection success!" in told else [f"airflow connections test weather: {told}"]


def store_faults(cluster: Cluster) -> list[str]:
    """What the store has lost after it was stopped and started again.

    :param cluster: where; a run of the DAG has succeeded
    """
    run_id = cluster.latest_success(DAG)
    store = cluster.container("store")
    cluster.engine.run("restart", store)
    cluster.engine.wait_until_healthy(store)
    job_id = cluster.xcom(DAG, run_id, "read")["job_id"]
    kept = cluster.engine.execute(cluster.container("worker"), "python", "/opt/compose/store.py", f"results/{job_id}")
    lost = [name for name in ("manifest.json", "results.jsonl") if f"results/{job_id}/{name}" not in kept.split()]
    return [f"The store has lost {name} of {job_id}" for name in lost] + _log_faults(cluster, run_id)


def _consume(cluster: Cluster, hostname: str, command: str) -> None:
    cluster.engine.execute(cluster.worker(hostname), "python", "-c", CONSUME, command, f"celery@{hostname}")


def _start_again(cluster: Cluster, worker: str) -> None:
    cluster.engine.start(worker)
    cluster.engine.wait_until_healthy(worker)


def _trigger(cluster: Cluster) -> str:
    return cluster.trigger(DAG, conf={"start": START, "end": END})


def _faults(cluster: Cluster, run_id: str, before: set[str], tell: Callable[[str], None]) -> list[str]:
    """What is wrong with a run that succeeded."""
    read: dict[str, Any] = cluster.xcom(DAG, run_id, "read")
    tell(f"  read ran on {_reader(cluster, run_id)}; results at {read['uri']}")
    faults = wrong_results(read["results"])
    made = cluster.jobs() - before
    if made != {read["job_id"]}:
        faults.append(f"{run_id} read {read['job_id']}, and the federation got {sorted(made)}")
    if not read["uri"].startswith("s3://"):
        faults.append(f"The results are not in the store: {read['uri']}")
    return faults + _log_faults(cluster, run_id)


def _log_faults(cluster: Cluster, run_id: str) -> list[str]:
    # Its worker may be gone: the log has to come from the store, where it is put when the task has ended.
    deadline = time.monotonic() + LOG_SECONDS
    while "warmer" not in (told := cluster.task_log(DAG, run_id, "report")):
        if time.monotonic() > deadline:
            return [f"The log of report in {run_id} is not to be read: {told[-500:]}"]
        time.sleep(1)
    return []


def _reader_faults(cluster: Cluster, run_id: str, submitter: str) -> list[str]:
    reader = _reader(cluster, run_id)
    return [f"{reader} submitted the job and read its results, too"] if reader == submitter else []


def _reader(cluster: Cluster, run_id: str) -> str:
    return str(cluster.task(DAG, run_id, "read")["hostname"])
