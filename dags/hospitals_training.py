"""Trains a model on the patients of three hospitals, with FLARE; no patient leaves the hospital: press Trigger.

When the job is done, its id goes to the DAG hospitals_evaluation.
"""

from __future__ import annotations

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Asset, Param

from airflow_provider_dfm.operators.flare import FlareSubmitJobOperator

with DAG(
    "hospitals_training",
    schedule=None,
    default_args={"dfm_conn_id": "hospitals"},
    params={
        "rounds": Param(
            10,
            type="integer",
            minimum=1,
            maximum=100,
            title="Rounds",
            description="How many times the hospitals train, and the server averages.",
        ),
        "learning_rate": Param(0.5, type="number", exclusiveMinimum=0, maximum=10, title="Learning rate"),
    },
    tags=["federation"],
    doc_md=__doc__,
) as dag:
    train = FlareSubmitJobOperator(
        task_id="train",
        job_definition_path="hospital_jobs:training",
        job_arguments={"rounds": dag.param("rounds"), "learning_rate": dag.param("learning_rate")},
        deferrable=True,
        poll_interval=2,
        timeout=1800,
        # By its events, anybody finds the latest model's job.
        outlets=[Asset("hospitals_model")],
    )
    evaluate = TriggerDagRunOperator(
        task_id="evaluate",
        trigger_dag_id="hospitals_evaluation",
        conf={"job_id": "{{ ti.xcom_pull('train') }}"},
        # One run for each job: a retry triggers no second one.
        trigger_run_id="job__{{ ti.xcom_pull('train') }}",
        reset_dag_run=True,
        fail_when_dag_is_paused=True,
    )

    train >> evaluate
