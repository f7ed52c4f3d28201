"""How ``restrict_to_sites`` is rendered, by each operator that prepares a pipeline."""

from __future__ import annotations

import pendulum
import pytest
from airflow.sdk import DAG, task

from airflow_provider_dfm.operators.dfm import DfmDiscoverOperator, DfmExecuteOperator, DfmPrepareOperator

CONTEXT = {"homes": "homesite", "one": "seattle", "sites": ["seattle", "boston"]}


def decorated(**arguments):
    @task.dfm_pipeline(**arguments)
    def build(): ...

    return build().operator


def _rendered(make, restrict_to_sites, native=False):
    with DAG(
        "restricted",
        schedule=None,
        start_date=pendulum.datetime(2010, 1, 1, tz="UTC"),
        render_template_as_native_obj=native,
    ):
        given = {} if make is decorated else {"pipeline": "pipelines:compare"}
        operator = make(task_id="run", restrict_to_sites=restrict_to_sites, **given)
    operator.render_template_fields(CONTEXT)
    return operator.restrict_to_sites


@pytest.mark.parametrize("make", [DfmPrepareOperator, DfmExecuteOperator, DfmDiscoverOperator, decorated])
def test_a_restriction_is_rendered(make):
    assert _rendered(make, "{{ homes }}") == "homesite"
    assert _rendered(make, ["{{ one }}", "boston"]) == ["seattle", "boston"]
    assert _rendered(make, None) is None
    assert _rendered(make, []) == []
    # Text, which the task takes for the list.
    assert _rendered(make, "{{ sites }}") == "['seattle', 'boston']"
    assert _rendered(make, "{{ sites }}", native=True) == ["seattle", "boston"]
    assert _rendered(make, "{{ none }}", native=True) is None
