"""DAGs for the tests of callbacks in tasks. The functions note what they are called with, for the tests to read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import DAG, Variable, task
from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_dfm.operators.dfm import DfmExecuteOperator, DfmResultsOperator
from airflow_provider_dfm.results import kept_results, whole

WAYS = {"local": ("local", False), "flare": ("flare", False), "deferred": ("flare", True)}


def trial_dag(name: str) -> DAG:
    return DAG(name, schedule=None, start_date=pendulum.datetime(2010, 1, 1, tz="UTC"))


def note(site: str, node: Any, frame: tuple[int, ...], place: str, value: Any) -> None:
    """Note a result."""
    with open(Variable.get("calls"), "a") as file:
        file.write(json.dumps([site, frame, place, value]) + "\n")


async def note_later(*result: Any) -> None:
    """Note a result, from a coroutine."""
    note(*result)


def fail_once(site: str, node: Any, frame: tuple[int, ...], place: str, value: Any) -> None:
    """Note a result, but raise at the first call with a 2, and let the job go on."""
    failed = Path(Variable.get("calls") + ".failed")
    if value == 2 and not failed.exists():
        failed.touch()
        Path(Variable.get("until")).touch()
        raise RuntimeError("no room")
    note(site, node, frame, place, value)


def note_set_once(answer: dict[str, Any]) -> None:
    """Note what came of a parameter set, but raise at the first call with the first, and let the job go on."""
    failed = Path(Variable.get("calls") + ".failed")
    if not failed.exists():
        failed.touch()
        Path(Variable.get("until")).touch()
        raise RuntimeError("no room")
    with open(Variable.get("calls"), "a") as file:
        file.write(json.dumps(answer) + "\n")


@task(retries=0)
def take(one: dict[str, Any]) -> Any:
    """One set's values, or how large they are."""
    if one["status"] == "failed":
        raise AirflowSkipException(one["reason"])
    values = {result.place: result.value for result in kept_results(one)}
    assert whole(one)["values"] == values
    return {place: len(value) if len(value) > 1000 else value for place, value in values.items()}


def count(connection: str, **arguments: Any) -> DfmExecuteOperator:
    """The first set is answered at once, the second when there is the file ``until``."""
    return DfmExecuteOperator(
        task_id="run",
        dfm_conn_id=connection,
        pipeline="trial_pipelines:count_and_echo",
        input_params=[{"count": 4, "until": ""}, {"count": 2, "until": "{{ var.value.until }}"}],
        poll_interval=0.5,
        timeout=120,
        retries=1,
        retry_delay=pendulum.duration(seconds=0),
        **arguments,
    )


for way, (connection, deferrable) in WAYS.items():
    with trial_dag(f"callbacks_{way}"):
        count(
            connection,
            deferrable=deferrable,
            default_callback=fail_once,
            place_callbacks={"text": note_later},
            options={"task_timeout_s": 300},
            force_modgen=True,
            debug=True,
        )

read = {"job_id": "{{ ti.xcom_pull('run') }}", "retries": 1, "retry_delay": pendulum.duration(seconds=0)}

with trial_dag("callbacks_of_another_task"):
    # The job has not ended when the reading begins.
    run = count("flare", wait_for_completion=False)
    sets = DfmResultsOperator(
        task_id="sets", dfm_conn_id="flare", set_callback=note_set_once, poll_interval=0.5, timeout=120, **read
    )
    again = DfmResultsOperator(task_id="again", dfm_conn_id="flare", default_callback=note, **read)
    run >> sets >> again

for name, pipeline, sets in (
    ("mapped_sets", "trial_pipelines:fail", [{"message": ""}, {"message": "no data here"}, {"message": ""}]),
    ("mapped_large_sets", "trial_pipelines:large", [{"size": 30_000}, {"size": 30_001}]),
):
    with trial_dag(name):
        run = DfmExecuteOperator(
            task_id="run", dfm_conn_id="local", pipeline=pipeline, input_params=sets, on_partial_failure="succeed"
        )
        sets = DfmResultsOperator(
            task_id="sets", dfm_conn_id="local", output="sets", on_partial_failure="succeed", **read
        )
        run >> sets
        take.expand(one=sets.output)

for way, (connection, deferrable) in WAYS.items():
    with trial_dag(f"statuses_{way}"):
        DfmExecuteOperator(
            task_id="run",
            dfm_conn_id=connection,
            pipeline="trial_pipelines:fail",
            input_params=[{"message": ""}, {"message": "no data here"}, {"message": ""}],
            place_callbacks={"_dfm_status_": note_later, "result": note},
            poll_interval=0.5,
            timeout=120,
            deferrable=deferrable,
        )
