"""What an XCom can hold: held against Airflow's own way of it, and against PostgreSQL's JSON."""

from __future__ import annotations

import json
import math

import pytest
from airflow.sdk.execution_time.comms import SetXCom, XComResult, _RequestFrame, _ResponseFrame
from airflow.sdk.serde import deserialize, serialize

from airflow_provider_dfm.hooks.xcom_size import fits_xcom, xcom_bytes


def _nested(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


FIT = [
    None,
    True,
    "ä€😀\n",
    {"a": [1, 2.5, None, {"": []}]},
    2**63 - 1,
    -(2**63),
    1e18,
    1e-320,
    {"@array": {"data": "AAAA", "shape": [1]}},
    _nested(100),
]
UNFIT = {
    "NaN": math.nan,
    "infinity": [math.inf],
    "a NUL": "a\0b",
    "a NUL in a key": {"a": {"\0": 1}},
    "half a surrogate pair": ["\ud800"],
    "half a surrogate pair in a key": {"\udc00": 1},
    "a large integer": 2**64,
    "an integer that is large and negative": -(2**63) - 1,
    "a large float": 1e300,
    "deep nesting": _nested(101),
    "a class of Airflow's": {"__classname__": "builtins.set", "__version__": 1, "__data__": [1]},
    "a type of an earlier Airflow's": {"a": [{"__type": "dict", "__var": {"b": 1}}]},
    "a reference": {"@kept": {"uri": "file:///etc"}},
    "a piece in a file": {"@array": {"dtype": "<f4", "file": "1", "bytes": 10, "sha256": "0"}},
    "what is no JSON": {1: 2},
}


def _through_airflow(value):
    """Hand a value on as Airflow does, from task to database, and back to another task."""
    ids = {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1}
    pushed = SetXCom(key="k", value=serialize(value), **ids)
    _RequestFrame(id=1, body=pushed.model_dump()).as_bytes()
    stored = _postgres(json.dumps(pushed.value, allow_nan=False).encode())
    pulled = XComResult(key="k", value=json.loads(stored))
    _ResponseFrame(id=1, body=pulled.model_dump()).as_bytes()
    return deserialize(pulled.value)


def _postgres(content):
    """What PostgreSQL gives back of JSONB, as far as it matters here; seen with version 15."""

    def check(text):
        text.encode()
        if "\0" in text:
            raise ValueError("\\u0000 cannot be converted to text")

    def taken(value):
        if isinstance(value, str):
            check(value)
        elif isinstance(value, list):
            return [taken(each) for each in value]
        elif isinstance(value, dict):
            for key in value:
                check(key)
            return {key: taken(each) for key, each in value.items()}
        elif isinstance(value, float) and value.is_integer() and abs(value) >= 1e15:
            # As a number with all its digits: select '1e300'::jsonb
            return int(value)
        return value

    return json.dumps(taken(json.loads(content)))


@pytest.mark.parametrize("value", FIT, ids=lambda value: f"{value!r:.30}")
def test_what_fits_comes_back_as_it_was(value):
    assert xcom_bytes(value) == len(json.dumps(value, ensure_ascii=False).encode())
    assert _through_airflow(value) == value


@pytest.mark.parametrize("value", UNFIT.values(), ids=UNFIT)
def test_what_does_not_come_back_does_not_fit(value):
    assert xcom_bytes(value) is None
    assert xcom_bytes({"a": [value]}) is None


ALSO_BY_AIRFLOW = [
    what
    for what in UNFIT
    # Airflow keeps so many levels of a list, and fewer of a list in a dict in a list. The rest is this provider's own.
    if what not in ("deep nesting", "a reference", "a piece in a file")
]


@pytest.mark.parametrize("what", ALSO_BY_AIRFLOW)
def test_airflow_or_its_database_would_refuse_or_change_it(what):
    try:
        came = _through_airflow({"a": UNFIT[what]})
    except (ValueError, TypeError, AttributeError, OverflowError):
        return
    assert came != {"a": UNFIT[what]}


@pytest.mark.parametrize("value", ["x" * 100, list(range(50))])
def test_it_fits_up_to_the_limit(value):
    size = xcom_bytes(value)
    assert fits_xcom(value, size)
    assert not fits_xcom(value, size - 1)


def test_what_is_much_larger_is_not_looked_at_to_its_end():
    class Endless(list):
        def __iter__(self):
            while True:
                yield 1

    assert not fits_xcom(Endless([1]), 1000)
