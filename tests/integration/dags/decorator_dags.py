"""DAGs whose pipelines are written in them, with ``@task.dfm_pipeline``."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, task

from airflow_provider_dfm.operators.dfm import DfmResultsOperator

WAYS = {"local": ("local", False), "deferred": ("flare", True)}
OUTSIDE = "seattle"


def common(connection: str, deferrable: bool) -> dict:
    return {"dfm_conn_id": connection, "deferrable": deferrable, "poll_interval": 0.5}


for way, (connection, deferrable) in WAYS.items():
    with DAG(f"decorated_{way}", schedule=None, start_date=pendulum.datetime(2010, 1, 1, tz="UTC")):

        @task.dfm_pipeline(
            input_params=[{"value": "{{ dag.dag_id }}"}, {"value": "{{ 'not rendered' if false else 2 }}"}],
            **common(connection, deferrable),
        )
        def echo(site, note="a\n  b", ds=None):
            from nv_dfm_core.api import Pipeline, PlaceParam, Yield
            from trials.fed.api.trial import Echo

            text = """{{ this is no template }}
  indented by two"""
            with Pipeline(name="echo") as pipeline:
                Yield(value=Echo(site=site, value=PlaceParam(place="value")), place="result")
                Yield(value=Echo(site=site, value=f"{text}|{note}|{ds}"), place="text")
            return pipeline

        ran = echo.expand(site=["{{ 'seattle' }}", "san_francisco"])
        DfmResultsOperator.partial(task_id="read", dfm_conn_id=connection).expand(job_id=ran)

with DAG("decorated_fails", schedule=None, start_date=pendulum.datetime(2010, 1, 1, tz="UTC")):

    @task.dfm_pipeline(dfm_conn_id="local")
    def refers_outside():
        return OUTSIDE

    @task.dfm_pipeline(dfm_conn_id="local")
    def gives_none(): ...

    @task.dfm_pipeline(dfm_conn_id="local")
    def raises():
        raise ValueError("not today")

    @task.dfm_pipeline(dfm_conn_id="local")
    def takes(thing): ...

    refers_outside()
    gives_none()
    raises()
    takes({1, 2})
