"""What a pipeline's parameters look like on a DAG's Trigger form."""

from __future__ import annotations

import datetime
import json
import runpy
from pathlib import Path

import pytest
from airflow.sdk import DAG, Param
from airflow.sdk.exceptions import ParamValidationError

from airflow_provider_dfm.params import UNSET, dfm_params

NULL = {"type": "null"}
ROOT = Path(__file__).resolve().parents[2]


def form(schema, **defaults):
    return dfm_params({"properties": {"place": schema}}, **defaults)["place"]


@pytest.mark.parametrize(
    ("schema", "wanted"),
    [
        ({"type": "string", "format": "date", "title": "Day"}, {"type": "string", "format": "date", "title": "Day"}),
        ({"type": "string", "enum": ["a", "b"]}, {"type": "string", "enum": ["a", "b"]}),
        ({"type": "integer", "minimum": 1}, {"type": "integer", "minimum": 1}),
        ({"anyOf": [{"type": "string"}, NULL], "title": "A"}, {"type": ["string", "null"], "title": "A"}),
        (
            {"anyOf": [{"type": "string", "format": "date-time"}, NULL]},
            {"type": ["string", "null"], "format": "date-time"},
        ),
        ({"anyOf": [{"type": "string", "enum": ["a"]}, NULL]}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}, NULL]}, {"type": ["integer", "string", "null"]}),
        (
            {"allOf": [{"type": "integer"}, {"type": "number"}]},
            {"allOf": [{"type": "integer"}, {"type": "number"}], "type": "integer"},
        ),
        (
            {"allOf": [{"anyOf": [{"type": "integer"}, NULL]}, {"anyOf": [{"type": "number"}, NULL]}]},
            {
                "allOf": [{"anyOf": [{"type": "integer"}, NULL]}, {"anyOf": [{"type": "number"}, NULL]}],
                "type": ["integer", "null"],
            },
        ),
        # No field of the form's, but still what a run's value is checked by.
        (
            {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]},
            {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]},
        ),
        ({}, {}),
    ],
)
def test_schemas_get_the_shape_that_the_form_knows(schema, wanted):
    assert form(schema).schema == wanted


def test_a_place_without_a_default_is_required():
    param = form({"type": "string", "description": "A text."})
    assert (param.value, param.description) == (UNSET, "A text.")
    with pytest.raises(ParamValidationError, match="no default"):
        param.resolve()


def test_defaults_come_from_the_keywords_and_else_from_the_operation():
    schema = {"anyOf": [{"type": "integer"}, NULL], "default": None}
    assert form(schema).value is None
    assert form(schema, place=3).value == 3
    assert form({"type": "string", "format": "date"}, place=datetime.date(2010, 1, 1)).value == "2010-01-01"


@pytest.mark.parametrize(
    ("schema", "wanted"),
    [
        ({"type": "string"}, {"type": ["string", "null"]}),
        ({"type": ["integer", "string"]}, {"type": ["integer", "string", "null"]}),
        ({"type": "string", "enum": ["a"]}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]}, None),
    ],
)
def test_a_default_of_none_is_taken_also_where_a_kept_schema_does_not_say_so(schema, wanted):
    """As the release before wrote it of what a site exposes: no DAG with a schedule could be read."""
    param = form(schema | {"default": None})
    assert param.resolve() is None
    assert wanted in (None, param.schema)


def test_a_param_goes_before_what_the_pipeline_says():
    param = form({"type": "string", "title": "A", "description": "B"}, place=Param("c", title="D", enum=["c"]))
    assert (param.value, param.description) == ("c", "B")
    assert param.schema == {"type": "string", "title": "D", "enum": ["c"]}
    assert form({"type": "string"}, place=Param(description="D")).value is UNSET


def test_the_forms_values_are_checked():
    with DAG("checked", schedule=None, params=dfm_params(ROOT / "dags" / "weather_comparison.parameters.json")) as dag:
        pass
    dag.params["start"] = "2010-01-01"
    with pytest.raises(ParamValidationError, match="not a 'date'"):
        dag.params["end"] = "soon"


def test_places_that_the_pipeline_does_not_have_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no place begin: its places are start, end"):
        dfm_params(ROOT / "dags" / "weather_comparison.parameters.json", begin="2010-01-01")
    (tmp_path / "other.json").write_text(json.dumps([1]))
    with pytest.raises(ValueError, match="no JSON schema of parameter sets"):
        dfm_params(tmp_path / "other.json")


def test_the_example_dags_form_has_its_fields():
    params = runpy.run_path(str(ROOT / "dags" / "weather_comparison_on_trigger.py"))["compare"].dag.params
    titles = {name: param.schema["title"] for name, param in params.items()}
    assert titles == {"start": "First day", "end": "Last day", "first": "First site", "second": "Second site"}
