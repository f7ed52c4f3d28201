from __future__ import annotations

import datetime
import json

import pendulum
import pytest

from airflow_provider_dfm.federation.errors import ParameterSetError
from airflow_provider_dfm.federation.job_note import MAX_PARAMETER_SETS
from airflow_provider_dfm.federation.parameter_sets import normalize_parameter_sets, plain_arguments


@pytest.mark.parametrize(
    ("given", "sets"),
    [
        (None, []),
        ({}, [{}]),
        ({"a": 1}, [{"a": 1}]),
        ([{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 2}]),
        ([], []),
        ({"a": (1, [2.5, None], {"b": True})}, [{"a": [1, [2.5, None], {"b": True}]}]),
        ({"a": "{$HOME} {x}"}, [{"a": "{$HOME} {x}"}]),
    ],
)
def test_forms(given, sets):
    assert normalize_parameter_sets(given) == sets


def test_dates_travel_as_iso_8601():
    given = {
        "day": datetime.date(2010, 1, 2),
        "moment": pendulum.datetime(2010, 1, 2, 3, tz="Europe/Berlin"),
    }
    assert normalize_parameter_sets(given) == [{"day": "2010-01-02", "moment": "2010-01-02T03:00:00+01:00"}]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("[{'a': 1}]", "a list of dicts, or None, not str"),
        (3, "not int 3"),
        ([{"a": 1}, 2], "Parameter set 1 is not a dict"),
        ({"a": float("nan")}, "Parameter set 0, place 'a': a float cannot travel"),
        ([{}, {"a": [object]}], "Parameter set 1, place 'a': a type cannot travel"),
        ({"a": {1: 2}}, "the keys of a dict have to be text"),
    ],
)
def test_what_cannot_travel_is_named(given, message):
    with pytest.raises(ParameterSetError, match=message):
        normalize_parameter_sets(given)


def test_more_sets_than_a_job_can_have_are_refused():
    assert len(normalize_parameter_sets([{}] * MAX_PARAMETER_SETS)) == MAX_PARAMETER_SETS
    with pytest.raises(ParameterSetError, match="submit several jobs"):
        normalize_parameter_sets([{}] * (MAX_PARAMETER_SETS + 1))


REFERENCE = {"@kept": {"uri": "s3://store@bucket/results/a", "parameter_set": 0, "number": 0}}


@pytest.mark.parametrize(
    "value",
    [
        REFERENCE,
        [{"a": REFERENCE}],
        # As templates give it: {{ value }}, {{ value | tojson }}, and a text around it.
        str(REFERENCE),
        json.dumps(REFERENCE, sort_keys=True),
        json.dumps(REFERENCE, separators=(",", ":")),
        [f"Say what is in {REFERENCE}, in English."],
    ],
)
def test_what_only_says_where_a_value_is_kept_is_not_sent_to_a_site(value):
    with pytest.raises(ParameterSetError, match=r"Parameter set 1, place 'text': .*@kept.* only says where .*whole"):
        normalize_parameter_sets([{"text": "@kept"}, {"text": value}])
    with pytest.raises(ParameterSetError, match=r"Argument 'text' of the function: .*@kept.* only says where .*whole"):
        plain_arguments({"text": value}, "function")
