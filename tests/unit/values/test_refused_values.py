"""What has no plain form, and what is opened as something else than it is."""

from __future__ import annotations

import dataclasses
import io
import os
from types import SimpleNamespace
from typing import Any

import numpy
import pydantic
import pytest

from airflow_provider_dfm.federation.errors import MissingPart, OtherKindOfValue
from airflow_provider_dfm.remote.plain_values import NoPlainForm, in_line, plain_form

from .arrivals import arrived


@dataclasses.dataclass
class Station:
    name: Any


@pytest.mark.parametrize("path", [("b",), ("a", 2), ("a", "0"), ("a", 0, 0), (None,), ("a", True)])
def test_a_way_that_leads_nowhere_says_how_far_it_came(path):
    with pytest.raises(MissingPart, match=r"The result of parameter set 0 at place 'answer' at \[.*\] has nothing at"):
        arrived({"a": [1, 2]}).array(*path)


@pytest.mark.parametrize("call", ["array", "table", "dataset", "content", "image", "mapping"])
@pytest.mark.parametrize("value", [3, [1], "a", None])
def test_what_a_value_is_instead_is_said(call, value):
    with pytest.raises(OtherKindOfValue, match=r"parameter set 0 at place 'answer' is not an?|is not bytes") as caught:
        getattr(arrived(value), call)()
    assert isinstance(caught.value, TypeError)


def _nested(depth):
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def _holding_itself():
    value: dict[str, Any] = {"a": []}
    value["a"].append(value)
    return value


class Reducing:
    """Would run something where it is pickled."""

    def __reduce__(self):
        return os.mkdir, ("ran",)


class Disguised:
    """Says that it is a dict."""

    @property
    def __class__(self):
        return dict


class Raising:
    def __array__(self, *_, **__):
        raise RuntimeError("no data here")


class Table:
    """What other libraries' tables are to numpy: an array without names."""

    columns = ("a",)

    def __array__(self, *_, **__):
        return numpy.ones(1)


class Geometry:
    __module__ = "shapely.geometry.point"


class Quantity(numpy.ndarray):
    unit = "K"


class Loop(pydantic.BaseModel):
    inner: Any = None


def _looping_model():
    loop = Loop()
    loop.inner = loop
    return loop


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "A value of type object has no plain form, so that it cannot be a result. Yield its data"),
        ([{"a": (1, object())}], r"A value of type object at value\[0\]\['a'\]\[1\] has no plain form"),
        (Station(name=Reducing()), r"A value of type .*Reducing at value\.name has"),
        (Disguised(), "Disguised"),
        (Reducing, "A value of type type"),
        (numpy.load, "function"),
        (SimpleNamespace, "A value of type type"),
        ((number for number in range(3)), r"A value of type generator has.*Yield its items: list\(generator\)"),
        (io.BytesIO(), r"A value of type _io.BytesIO has.*buffer.getvalue\(\)"),
        (ValueError("a"), "ValueError"),
        ({1, object()}, r"A value of type object at value\{<object"),
        ({object(): 1}, r"A value of type object at value.keys\(\)"),
        (10**4300, "An integer of more than 4300 digits"),
        (numpy.longdouble(1), "An array of (longdouble|float128)"),
        (numpy.array([object()]), r"A value of type object at value\[0\]"),
        (numpy.ones(2).view(Quantity), r"A value of type Quantity in K has.*its numbers and its unit"),
        (Raising(), r"A value of type Raising that gives no numpy array \(RuntimeError: no data here\)"),
        (Table(), "A value of type .*Table has"),
        (Geometry(), r"A value of type shapely.*Yield geometry.wkb, of a table frame.to_wkb\(\)"),
        (_nested(200), "nested more than 100 deep"),
        (_holding_itself(), r"A value that holds itself at value\['a'\]\[0\]"),
        (_looping_model(), r"A value that holds itself at value\['inner'\]"),
    ],
    ids=lambda each: f"{each!r:.40}" if isinstance(each, str) else type(each).__name__,
)
def test_what_has_no_plain_form_is_refused_by_type_and_place_with_advice(value, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoPlainForm, match=message) as caught:
        plain_form(value, in_line)
    assert "Yield" in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert not list(tmp_path.iterdir())
