"""How dates in templates are written, in each way that Airflow renders a task's fields."""

from __future__ import annotations

import datetime
from types import SimpleNamespace

import pendulum
import pytest
from airflow.sdk import DAG, BaseOperator

from airflow_provider_dfm.operators.dfm import DfmExecuteOperator, DfmPrepareOperator

MOMENT = pendulum.datetime(2010, 1, 1, tz="UTC")
CONTEXT = {
    "data_interval_start": MOMENT,
    "naive": datetime.datetime(2010, 1, 1),
    "day": datetime.date(2010, 1, 1),
    "time": datetime.time(12),
    "number": 3,
}
TEMPLATES = {
    "{{ data_interval_start }}": "2010-01-01T00:00:00+00:00",
    "{{ naive }}": "2010-01-01T00:00:00+00:00",
    "{{ day }} to {{ data_interval_start.in_timezone('Europe/Berlin') }}": "2010-01-01 to 2010-01-01T01:00:00+01:00",
    "{{ time }}": "12:00:00",
    "{{ data_interval_start.year }}": "2010",
    "{{ data_interval_start | ds }}": "2010-01-01",
    "{{ number }}": "3",
    "text": "text",
}
NATIVE = TEMPLATES | {"{{ data_interval_start.year }}": 2010, "{{ number }}": 3}


def dag(**options):
    return DAG("dates", schedule=None, start_date=MOMENT, **options)


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("native", [False, True])
def test_dates_are_rendered_in_iso_8601(native, template):
    with dag(render_template_as_native_obj=native):
        task = DfmExecuteOperator(task_id="run", pipeline="a:b", input_params=[{"place": template}])
    task.render_template_fields(CONTEXT)
    assert task.input_params == [{"place": (NATIVE if native else TEMPLATES)[template]}]


@pytest.mark.parametrize("native", [False, True])
def test_a_mapped_tasks_too(native):
    with dag(render_template_as_native_obj=native):
        mapped = DfmExecuteOperator.partial(task_id="run", pipeline="a:b").expand(
            input_params=[{"place": "{{ data_interval_start }}"}]
        )
    context = CONTEXT | {
        "ti": SimpleNamespace(map_index=0, task=mapped),
        "dag": mapped.dag,
        "dag_run": SimpleNamespace(conf={}),
        "expanded_ti_count": 1,
    }
    mapped.render_template_fields(context)
    assert context["task"].input_params == {"place": "2010-01-01T00:00:00+00:00"}


def test_a_finalize_of_the_dags_own_comes_first():
    with dag(jinja_environment_kwargs={"finalize": lambda value: MOMENT if value == 3 else value}):
        task = DfmPrepareOperator(task_id="prepare", pipeline="a:b", pipeline_arguments={"at": "{{ number }}"})
    task.render_template_fields(CONTEXT)
    assert task.pipeline_arguments == {"at": "2010-01-01T00:00:00+00:00"}


def test_other_tasks_of_the_dag_are_left_alone():
    class Other(BaseOperator):
        template_fields = ("at",)
        at = "{{ data_interval_start }}"

    with dag():
        ours = DfmExecuteOperator(task_id="run", pipeline="a:b", input_params={"place": "{{ naive }}"})
        other = Other(task_id="other")
    ours.render_template_fields(CONTEXT)
    other.render_template_fields(CONTEXT)
    assert other.at == "2010-01-01 00:00:00+00:00"
