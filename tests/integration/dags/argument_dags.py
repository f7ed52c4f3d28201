"""DAGs whose tasks end by their arguments alone, before any federation is asked."""

from __future__ import annotations

from airflow.sdk import DAG, Param, task

from airflow_provider_dfm.operators.dfm import DfmExecuteOperator, DfmSendParamsOperator
from airflow_provider_dfm.operators.flare import FlareSubmitJobOperator
from airflow_provider_dfm.sensors.federation import FederationReadySensor

WAYS = {"here": False, "deferred": True}
# No federation can be asked by it: a task that tried would say so.
NOWHERE = {"dfm_conn_id": "nowhere"}


@task
def gives(value):
    return value


with DAG("arguments_nothing", schedule=None, default_args=NOWHERE, render_template_as_native_obj=True):
    nothing = gives.override(task_id="nothing")([])
    for way, deferrable in WAYS.items():
        run = DfmExecuteOperator(task_id=f"run_{way}", pipeline="a:b", input_params=nothing, deferrable=deferrable)
        send = DfmSendParamsOperator(
            task_id=f"send_{way}",
            job_id="{{ run_id }}",
            input_params="{{ ti.xcom_pull('nothing') }}",
            deferrable=deferrable,
        )
        nothing >> send
        run >> gives.override(task_id=f"after_{way}")(1)
    fails = DfmExecuteOperator(task_id="fails", pipeline="a:b", input_params=nothing, on_no_sets="fail", retries=2)

with DAG("arguments_wrong", schedule=None, default_args=NOWHERE | {"retries": 2}, params={"timeout": Param("an hour")}):
    DfmExecuteOperator(task_id="template", pipeline="a:b", timeout="{{ params.timeout }}")
    DfmExecuteOperator(task_id="xcom", pipeline="a:b", on_timeout=gives.override(task_id="misspelt")("Abort"))
    FlareSubmitJobOperator.partial(task_id="mapped", job_definition_path="jobs:train").expand(min_sites=[-1])
    FederationReadySensor(task_id="sensor", sites="{{ {'north': 1} }}", soft_fail=True)
