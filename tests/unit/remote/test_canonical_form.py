"""The hash of what a pipeline's author gave: the same in every process, and another one for anything else."""

from __future__ import annotations

import datetime
import decimal
import enum
import pathlib
import pickle
import re
import subprocess
import sys
import uuid

import numpy
import pydantic
import pytest

from airflow_provider_dfm.remote.canonical_form import canonical_form, digest

CITIES = ("boston", "oslo", "rome", "ulm", None)


class Unit(enum.Enum):
    KELVIN = "K"
    CELSIUS = "C"


class Text(str, enum.Enum):
    KELVIN = "K"


class Place(pydantic.BaseModel):
    """As DFM's statements are."""

    name: str
    tags: set[str] = set()
    value: object = None


class Box:
    """A class of an author's own."""

    def __init__(self, content):
        self.content = content


class Bag(set):
    """One that pickle asks for its members."""


def values():
    return {
        "nothing": None,
        "number": 1,
        "truth": True,
        "fraction": 1.0,
        "not a number": float("nan"),
        "text": "1",
        "bytes": b"1",
        "list": [1, 2],
        "other list": [2, 1],
        "list of a list": [[1, 2]],
        "list that looks like a set": ["set", 1, 2],
        "set": {1, 2},
        "cities": set(CITIES),
        "frozen cities": {"of": [frozenset(CITIES[:3])]},
        "dict": {"a": 1, "b": None},
        "numbered dict": {1: "a"},
        "dict with text for a number": {"1": "a"},
        "date": datetime.date(2010, 1, 1),
        "moment": datetime.datetime(2010, 1, 1, tzinfo=datetime.timezone.utc),
        "decimal": decimal.Decimal("1.0"),
        "path": pathlib.PurePosixPath("a/b"),
        "uuid": uuid.UUID(int=1),
        "pattern": re.compile("a+"),
        "enum": Unit.KELVIN,
        "other of the enum": Unit.CELSIUS,
        "text that is an enum": Text.KELVIN,
        "model": Place(name="a", tags=set(CITIES[:4])),
        "model with more": Place(name="a", tags=set(CITIES[:4]), value=Box({"x", "y", "z"})),
        "object": Box(set(CITIES)),
        "bag": Bag(CITIES[:4]),
        "array": numpy.arange(3),
        "array of another type": numpy.arange(3.0),
        "class": Box,
        "function": values,
        "built-in": len,
    }


def test_what_differs_has_another_hash():
    digests = {name: digest(value) for name, value in values().items()}
    assert len(set(digests.values())) == len(digests)


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_it_is_the_same_in_a_process_with_sets_in_another_order(seed):
    code = f"from {__name__} import *; print({{name: digest(value) for name, value in values().items()}})"
    answer = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True, text=True
    )
    assert eval(answer.stdout) == {name: digest(value) for name, value in values().items()}


def test_it_does_not_matter_how_equal_values_came_about():
    assert digest({"a": 1, "b": [2]}) == digest({"b": (2,), "a": 1})
    once, twice = Box("text"), pickle.loads(pickle.dumps(Box("text")))
    assert digest([once, once]) == digest([once, twice])
    assert digest(Place(name="a")) == digest(Place.model_validate_json('{"name": "a", "tags": [], "value": null}'))


def test_a_value_that_holds_itself_comes_to_an_end():
    endless: list[object] = [1]
    endless.append(endless)
    assert canonical_form(endless) == ["list", 1, ["part of itself", 0]]
