from __future__ import annotations

import datetime

import pendulum
import pytest
from pydantic import ValidationError

from airflow_provider_dfm.federation.parameter_model import parameter_set_model
from airflow_provider_dfm.federation.parameter_sets import normalize_parameter_sets

PLACES = {
    "text": {"type": "string", "minLength": 1},
    "count": {"type": "integer", "minimum": 1},
    "share": {"type": "number", "exclusiveMaximum": 1},
    "on": {"type": "boolean"},
    "day": {"type": "string", "format": "date"},
    "moment": {"type": "string", "format": "date-time"},
    "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
    "label": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
    "days": {"type": "array", "items": {"type": "integer"}, "maxItems": 2},
    "shape": {"type": "object", "properties": {"a": {"type": "integer"}}},
    "both": {"allOf": [{"type": "integer"}, {"type": "number"}]},
    "value": {},
}
GOOD = {
    "text": "a",
    "count": 1,
    "share": 0.5,
    "on": True,
    "day": "2010-01-01",
    "moment": "2010-01-01T12:00:00+00:00",
    "unit": "celsius",
    "label": "b",
    "days": [1, 2],
    "shape": {"a": 1},
    "both": 1,
    "value": [None],
}


def model(**places):
    return parameter_set_model({"type": "object", "properties": places, "required": sorted(places)})


def test_a_set_of_the_model_travels_like_a_dict():
    made = model(**PLACES)(**GOOD)
    assert normalize_parameter_sets(made) == normalize_parameter_sets([made]) == [GOOD]


def test_dates_may_be_pythons_or_pendulums():
    made = model(day=PLACES["day"], moment=PLACES["moment"])(
        day=datetime.date(2010, 1, 1), moment=pendulum.datetime(2010, 1, 1, 12, tz="Europe/Berlin")
    )
    assert normalize_parameter_sets(made) == [{"day": "2010-01-01", "moment": "2010-01-01T12:00:00+01:00"}]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("text", ""),
        ("text", 1),
        ("count", 0),
        ("count", "1"),
        ("count", 1.0),
        ("count", True),
        ("share", 1),
        ("share", "0.5"),
        ("on", 1),
        ("day", "2010-01-01T12:00:00"),
        ("day", 0),
        ("moment", "noon"),
        ("moment", 1262304000),
        ("unit", "kelvin"),
        ("label", 1),
        ("days", [1, 2, 3]),
        ("days", ["1"]),
        ("value", object()),
    ],
)
def test_what_the_place_does_not_take_is_refused(place, value):
    with pytest.raises(ValidationError, match=place):
        model(**PLACES)(**GOOD | {place: value})


def test_places_are_required_unless_their_operation_has_a_default():
    with pytest.raises(ValidationError, match="text") as refused:
        model(**PLACES)()
    assert {fault["loc"][0] for fault in refused.value.errors()} == PLACES.keys() - {"label"}
    with pytest.raises(ValidationError, match="more"):
        model(**PLACES)(**GOOD, more=1)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("default", ["2010-01-01", None])
def test_a_default_is_handed_on_as_the_schema_has_it(default):
    # None is what DFM's generator gives to fields whose type has no None in it.
    assert normalize_parameter_sets(model(day={"type": "string", "format": "date", "default": default})()) == [
        {"day": default}
    ]


def test_a_place_may_have_a_name_that_pydantic_uses():
    made = model(copy={"type": "string"}, model_config={"type": "string"}, _a={"type": "string"})
    values = {"copy": "a", "model_config": "b", "_a": "c"}
    assert normalize_parameter_sets(made(**values)) == [values]
