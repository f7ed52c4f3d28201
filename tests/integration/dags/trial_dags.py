"""DAGs for the tests of the operators and the sensor, each by the name of what it tries."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import pendulum
from airflow.sdk import DAG, task

from airflow_provider_dfm.operators.dfm import (
    DfmDiscoverOperator,
    DfmExecuteOperator,
    DfmPrepareOperator,
    DfmResultsOperator,
    DfmSendParamsOperator,
)
from airflow_provider_dfm.operators.flare import FlareSubmitJobOperator
from airflow_provider_dfm.results import whole
from airflow_provider_dfm.sensors.job import FederationJobSensor

UNKNOWN_JOB = "2b7bb1d0-cdba-4d1c-9f00-28d8a2d0e2cd"
WAYS = {"local": ("local", False), "flare": ("flare", False), "deferred": ("flare", True)}


def trial_dag(name: str, **options) -> DAG:
    return DAG(name, schedule=None, start_date=pendulum.datetime(2010, 1, 1, tz="UTC"), **options)


def execute(connection: str, pipeline: str = "trial_pipelines:echo", **arguments) -> DfmExecuteOperator:
    arguments = {"poll_interval": 0.5, "deferrable": False} | arguments
    return DfmExecuteOperator(task_id="run", pipeline=pipeline, dfm_conn_id=connection, **arguments)


def discover(connection: str, pipeline: str, **arguments) -> DfmDiscoverOperator:
    return DfmDiscoverOperator(
        task_id="discover", pipeline=pipeline, dfm_conn_id=connection, poll_interval=0.5, **arguments
    )


def read(connection: str, **arguments) -> DfmResultsOperator:
    return DfmResultsOperator(task_id="read", job_id="{{ ti.xcom_pull('run') }}", dfm_conn_id=connection, **arguments)


@task
def advised_sets(discovery):
    return whole(discovery)["parameter_sets"]


UNSTEADY = [
    {"value": value, "failures": failures, "runs": "{{ var.value.runs }}"}
    for value, failures in {"a": 0, "b": 1, "c": 2, "d": 0, "e": 1}.items()
]

for way, (connection, deferrable) in WAYS.items():
    with trial_dag(f"echo_{way}"):
        sets = [{"value": "{{ dag.dag_id }}"}, {"value": "{$HOME}"}]
        execute(connection, input_params=sets, deferrable=deferrable) >> read(connection)

    with trial_dag(f"discover_{way}"):
        # So little that it is kept in a file in one of the ways.
        size = 1000 if way == "local" else 10_000
        in_discovery = {
            "pipeline_arguments": {"mode": "discovery"},
            "deferrable": deferrable,
            "max_xcom_bytes": size,
        }
        advice = discover(connection, "trial_pipelines:measure", **in_discovery)
        if way == "local":
            partial = DfmExecuteOperator.partial(
                task_id="run", pipeline="trial_pipelines:measure", dfm_conn_id=connection, poll_interval=0.5
            )
            partial.expand(input_params=advised_sets(advice.output))

    with trial_dag(f"advise_{way}"):
        again = {"retries": 1, "retry_delay": timedelta(0), "deferrable": deferrable}
        discover(connection, "trial_pipelines:advise", pipeline_arguments={"how": "{{ var.value.runs }}"}, **again)

    with trial_dag(f"fail_{way}"):
        execute(connection, "trial_pipelines:fail", input_params={"message": "no data here"}, deferrable=deferrable)

    with trial_dag(f"unsteady_{way}"):
        again = {"retries": 2, "retry_delay": timedelta(0), "deferrable": deferrable}
        execute(connection, "trial_pipelines:unsteady", input_params=UNSTEADY, **again) >> read(connection)

    with trial_dag(f"slow_{way}"):
        execute(connection, "trial_pipelines:sleep", input_params={"seconds": 60}, deferrable=deferrable, timeout=4)

    with trial_dag(f"partly_{way}"):
        messages = [{"message": message} for message in ("", "no data here", "")]
        run = execute(
            connection,
            "trial_pipelines:fail",
            input_params=messages,
            deferrable=deferrable,
            on_partial_failure="succeed",
        )
        run >> read(connection)

for way, deferrable in (("plain", False), ("plain_deferred", True)):
    with trial_dag(way):
        FlareSubmitJobOperator(
            task_id="run",
            job_definition_path="{{ var.value.flare_job }}",
            dfm_conn_id="plain",
            deferrable=deferrable,
            poll_interval=1,
        )

for mode, deferrable in (("poke", False), ("reschedule", False), ("deferred", True)):
    with trial_dag(f"wait_{mode}"):
        wait = FederationJobSensor(
            task_id="wait",
            job_id="{{ ti.xcom_pull('run') }}",
            dfm_conn_id="flare",
            mode="poke" if deferrable else mode,
            deferrable=deferrable,
            poke_interval=1,
            timeout=120,
        )
        execute("flare", input_params={"value": 1}, wait_for_completion=False) >> wait >> read("flare")

for way in ("flare", "deferred"):
    with trial_dag(f"endless_{way}"):
        execute("flare", "trial_pipelines:sleep", input_params={"seconds": 600}, deferrable=way == "deferred")

for what, options in (("timed", {"dagrun_timeout": timedelta(seconds=40)}), ("deleted", {}), ("paused", {})):
    with trial_dag(f"endless_{what}", **options):
        execute("flare", "trial_pipelines:sleep", input_params={"seconds": 600}, deferrable=True)

with trial_dag("large"):
    # A later task's sensor finds a local job by its id like any other's.
    wait = FederationJobSensor(task_id="wait", job_id="{{ ti.xcom_pull('run') }}", dfm_conn_id="local", timeout=60)
    execute("local", "trial_pipelines:large", input_params=[{"size": 40_000}] * 2) >> wait >> read("local")


class KilledSend(DfmSendParamsOperator):
    """Is killed at its first try, once its sets are sent."""

    def execute(self, context):
        job_id = super().execute(context)
        if context["ti"].try_number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return job_id


with trial_dag("sends"):
    job_id = "{{ ti.xcom_pull('run') }}"
    to_it = {"job_id": job_id, "dfm_conn_id": "flare"}
    run = execute("flare", input_params=None, autostop=False)
    send = DfmSendParamsOperator.partial(task_id="send", **to_it).expand(
        input_params=[[{"value": "a"}, {"value": "b"}], {"value": "c"}, {"value": "{{ dag.dag_id }}"}]
    )
    killed = KilledSend(
        task_id="killed", input_params={"value": "killed"}, retries=1, retry_delay=timedelta(0), **to_it
    )
    stop = DfmSendParamsOperator(task_id="stop", input_params={"value": "last"}, stop=True, **to_it)
    wait = FederationJobSensor(task_id="wait", poke_interval=1, timeout=120, **to_it)
    run >> [send, killed] >> stop >> wait >> read("flare")

for way, (connection, deferrable) in WAYS.items():
    with trial_dag(f"prepared_{way}"):
        prepare = DfmPrepareOperator(
            task_id="prepare",
            pipeline="{{ 'trial_pipelines:' ~ 'repeat' }}",
            pipeline_arguments={"site": "{{ 'san_francisco' }}"},
            restrict_to_sites=["san_francisco"],
            debug=True,
            dfm_conn_id=connection,
        )
        run = DfmExecuteOperator.partial(
            task_id="run", pipeline=prepare.output, dfm_conn_id=connection, deferrable=deferrable, poll_interval=0.5
        ).expand(input_params=[{"text": "a", "count": 2}, {"text": "b", "count": 3}])
        DfmResultsOperator.partial(task_id="read", dfm_conn_id=connection).expand(job_id=run.output)

for native in (False, True):
    name = f"dates_{'native' if native else 'text'}"
    with DAG(
        name, schedule=None, start_date=pendulum.datetime(2010, 1, 1, tz="UTC"), render_template_as_native_obj=native
    ):
        dates = {"day": "{{ dag.start_date }}", "moment": "{{ dag.start_date }}"}
        rest = {"unit": "celsius", "label": "{{ dag.start_date.date() }}", "times": 1, "note": None}
        options = {"pipeline": "trial_pipelines:describe", "dfm_conn_id": "local", "deferrable": False}
        DfmExecuteOperator(task_id="run", input_params=dates | rest, **options) >> read("local")
        mapped = DfmExecuteOperator.partial(task_id="mapped", **options).expand(input_params=[dates | rest])
        DfmResultsOperator.partial(task_id="read_mapped", dfm_conn_id="local").expand(job_id=mapped.output)

with trial_dag("typed", params={"text": "1234", "limit": 2, "separator": "+"}) as dag:
    options = {"pipeline": "trial_pipelines:spell", "dfm_conn_id": "local", "deferrable": False}
    limited = {"text": "{{ params.text }}", "limit": "{{ params.limit }}"}
    jobs = [
        DfmExecuteOperator(
            task_id="values",
            input_params=[limited, {"text": "{{ 12 }}", "separator": dag.param("separator")}],
            **options,
        ),
        DfmExecuteOperator(task_id="whole", input_params="{{ params }}", **options),
    ]
    for job in jobs:
        DfmResultsOperator(task_id=f"read_{job.task_id}", job_id=job.output, dfm_conn_id="local")
    mapped = DfmExecuteOperator.partial(task_id="mapped", input_params=limited, **options).expand(on_timeout=["abort"])
    DfmResultsOperator.partial(task_id="read_mapped", dfm_conn_id="local").expand(job_id=mapped.output)
    DfmExecuteOperator(task_id="unclear", input_params={"text": "a", "separator": "{{ none }}"}, **options)

with trial_dag("unknown"):
    FederationJobSensor(task_id="wait", job_id=UNKNOWN_JOB, dfm_conn_id="flare", poke_interval=1, timeout=60)
