"""Dicts whose keys are not all text."""

from __future__ import annotations

import enum
import uuid
from datetime import date
from pathlib import PurePosixPath

import numpy
import pytest

from airflow_provider_dfm.federation.errors import MissingPart, OtherKindOfValue
from airflow_provider_dfm.remote.plain_values import in_line, plain_form

from .arrivals import arrived


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({2: "a", None: 2, True: 3, 1.5: 4}, {"2": "a", "null": 2, "true": 3, "1.5": 4}),
        (
            {date(2010, 1, 1): 1, Colour.RED: 2, uuid.UUID(int=0): 3},
            {"2010-01-01": 1, "red": 2, str(uuid.UUID(int=0)): 3},
        ),
        ({numpy.int64(2): 1, numpy.str_("a"): 2}, {"2": 1, "a": 2}),
        # What JSON has no key for, what it has one key for, and what could be taken for a form.
        ({(1, "a"): 2, b"x": 3}, {"@dict": [[[1, "a"], 2], [{"@bytes": "eA=="}, 3]]}),
        ({1: "a", "1": "b"}, {"@dict": [[1, "a"], ["1", "b"]]}),
        ({"@array": 1}, {"@dict": [["@array", 1]]}),
        ({"@array": 1, "b": 2}, {"@array": 1, "b": 2}),
    ],
)
def test_keys_of_a_dict(value, plain):
    assert plain_form(value, in_line) == plain


def test_a_dict_is_opened_with_the_keys_that_it_had():
    value = {(1, "a"): numpy.arange(2), 1: "b", "1": "c", b"x": "d", (1, (2, 3)): "e"}
    result = arrived({"in": [value]})
    assert list(result.mapping("in", 0)) == list(value)
    assert result.array("in", 0, (1, "a")).tolist() == [0, 1]
    assert arrived({1: {"1": numpy.arange(2)}}).array(1, "1").tolist() == [0, 1]
    assert arrived(value).mapping()[(1, (2, 3))] == "e"
    assert arrived({"a": 1}).mapping() == {"a": 1}
    for wrong in ((1, "b"), True, 1.0, "2"):
        with pytest.raises(MissingPart, match="has nothing at"):
            result.mapping("in", 0, wrong)


def test_keys_that_became_the_same_are_not_made_one():
    result = arrived({"a": {PurePosixPath("b"): 1, "b": 2}})
    assert result.value == {"a": {"@dict": [["b", 1], ["b", 2]]}}
    with pytest.raises(OtherKindOfValue, match=r"at \['a'\] has 2 keys of which some became the same"):
        result.mapping("a")


def test_an_index_can_be_numpy_s():
    result = arrived([[1], {"a": numpy.arange(2)}])
    for step in (1, -1, numpy.int64(1)):
        assert result.array(step, "a").tolist() == [0, 1]
