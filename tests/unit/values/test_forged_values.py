"""Whatever a site that does not play fair sends is an error by name, takes no memory, and runs nothing."""

from __future__ import annotations

import base64
import json
import random
import resource
import struct
from decimal import Decimal

import numpy
import pandas
import pyarrow
import pytest

from airflow_provider_dfm.federation.errors import FederationError, OtherKindOfValue, UnreadableValue
from airflow_provider_dfm.remote.plain_values import in_line, plain_form

from .arrivals import FolderFiles, arrived, result_of


def _text(content):
    return base64.b64encode(content).decode()


ARRAY = {"dtype": "<f4", "shape": [2], "order": "C", "data": _text(bytes(8))}
BOOLS = {"@array": {"dtype": "|b1", "shape": [2], "order": "C", "data": _text(bytes(2))}}
ARRAYS = {
    "nothing": None,
    "a list": [],
    "empty": {},
    "objects": {**ARRAY, "dtype": "|O"},
    "objects in records": {**ARRAY, "dtype": [["a", "|O"]]},
    "a long double": {**ARRAY, "dtype": "<f16", "shape": [0], "data": ""},
    "a dtype with a comma": {**ARRAY, "dtype": "f4,f4"},
    "a dtype that is a dict": {**ARRAY, "dtype": {"names": [], "formats": []}},
    "fields twice": {**ARRAY, "dtype": [["a", "<i2"], ["a", "<i2"]]},
    "a field without a name": {**ARRAY, "dtype": [["", "<f4"]]},
    "a field that is a number": {**ARRAY, "dtype": [3]},
    "fields of a negative shape": {**ARRAY, "dtype": [["a", "<f4", [-1]]]},
    "fields of a shape that is text": {**ARRAY, "dtype": [["a", "<f4", ["x"]]]},
    "fields of a huge shape": {**ARRAY, "dtype": [["a", "<f4", [1 << 40, 1 << 40]]]},
    "many fields": {**ARRAY, "dtype": [[f"f{number}", "|i1"] for number in range(20_000)]},
    "a text of no characters": {**ARRAY, "dtype": "<U0", "shape": [1 << 60], "data": ""},
    "an unknown unit": {**ARRAY, "dtype": "<M8[x]"},
    "a huge unit": {**ARRAY, "dtype": "<M8[999999999s]", "shape": [1, 2]},
    "a shape that is none": {**ARRAY, "shape": 2},
    "a negative shape": {**ARRAY, "shape": [-2]},
    "two negative lengths": {**ARRAY, "shape": [-1, -2]},
    "a shape of bools": {**ARRAY, "shape": [True, 2]},
    "a shape of floats": {**ARRAY, "shape": [2.0]},
    "a large shape": {**ARRAY, "shape": [1 << 40]},
    "a shape larger than numpy's": {**ARRAY, "shape": [0, 1 << 80]},
    "many dimensions": {**ARRAY, "shape": [2] + [1] * 100},
    "an unknown order": {**ARRAY, "order": "K"},
    "no base64": {**ARRAY, "data": "ä"},
    "base64 with a line feed": {**ARRAY, "data": _text(bytes(8)) + "\n"},
    "base64 of another length": {**ARRAY, "data": _text(bytes(7))},
    "data of no text": {**ARRAY, "data": 3},
    "no data": {key: value for key, value in ARRAY.items() if key != "data"},
    "bools that are neither": {**ARRAY, "dtype": "|b1", "data": _text(b"\x01\x02")},
    "such bools in records": {**ARRAY, "dtype": [["a", "|b1"], ["b", "|b1"]], "shape": [1], "data": _text(b"\x01\x02")},
    "characters that there are none": {**ARRAY, "dtype": "<U1", "data": _text(b"\xff" * 8)},
    "a mask of another shape": {**ARRAY, "mask": {"@array": {**BOOLS["@array"], "shape": [2, 1]}}},
    "a mask of numbers": {**ARRAY, "mask": {"@array": ARRAY}},
    "a mask that is text": {**ARRAY, "mask": "a"},
    "a fill value that does not fit": {**ARRAY, "mask": BOOLS, "fill_value": "x"},
    "two fill values": {**ARRAY, "mask": BOOLS, "fill_value": {"@array": ARRAY}},
    "a file where there is none": {"dtype": "<f4", "shape": [2], "order": "C", "file": "x", "bytes": 8, "sha256": "0"},
}


@pytest.mark.parametrize("name", ARRAYS)
def test_a_forged_array(name):
    with pytest.raises(FederationError, match="The result of parameter set 0 at place 'answer' ") as caught:
        result_of({"@array": ARRAYS[name]}).array()
    assert isinstance(caught.value, (TypeError, ValueError))
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("content", ["ä", "a", 3, None, [], {}, {"data": "ä"}, {"data": 3}, {"file": "a"}])
def test_forged_bytes(content):
    with pytest.raises(UnreadableValue, match="set 0 at place 'answer'"):
        result_of({"@bytes": content}).content()


@pytest.mark.parametrize("pairs", [None, 3, {}, [1], [[1]], [[1, 2, 3]], [[{"a": 1}, 2]], [[{"@array": ARRAY}, 2]]])
def test_a_forged_dict(pairs):
    with pytest.raises(UnreadableValue, match="set 0 at place 'answer'"):
        result_of({"@dict": pairs}).mapping()


FRAME = pandas.DataFrame(
    {
        "n": pandas.array([1, None], dtype="Int64"),
        "t": ["ä", None],
        "c": pandas.Categorical(["a", "b"]),
        "z": pandas.date_range("2010", periods=2, tz="Europe/Berlin"),
        "p": pandas.period_range("2010", periods=2, freq="M"),
        "i": pandas.interval_range(0, 2),
        "o": [[1], {"a": 2}],
        "l": pandas.array([[1], [2, 3]], dtype=pandas.ArrowDtype(pyarrow.list_(pyarrow.int64()))),
        "s": pandas.array([{"a": 1}, None], dtype=pandas.ArrowDtype(pyarrow.struct({"a": pyarrow.int64()}))),
    },
    index=pandas.date_range("2010", periods=2, name="when"),
)
TABLE = json.loads(json.dumps(plain_form(FRAME, in_line)))["@table"]


def _changed(*path, to):
    """The table with something else in one place."""
    changed = json.loads(json.dumps(TABLE))
    part = changed
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = to
    return changed


def _numbers(*numbers, dtype="<i8"):
    values = numpy.array(numbers, dtype)
    return {"@array": {"dtype": dtype, "shape": [len(numbers)], "order": "C", "data": _text(values.tobytes())}}


LIBRARIES = ("pandas", "polars", "pyarrow")
NESTED = {"kind": "category", "codes": _numbers(0, 0), "categories": TABLE["columns"][1]}
for _ in range(30):
    LIBRARIES = ("pandas", "polars", "pyarrow")
NESTED = {"kind": "category", "codes": _numbers(0, 0), "categories": NESTED}
TABLES = {
    "nothing": None,
    "of no shape": _changed("as", to="cube"),
    "of negative rows": _changed("rows", to=-1),
    "of other rows": _changed("rows", to=3),
    "of true rows": _changed("rows", to=True),
    "without columns": _changed("columns", to=[]),
    "a column that is none": _changed("columns", 0, to=3),
    "a column of an unknown kind": _changed("columns", 0, "kind", to="pickle"),
    "values of another length": _changed("columns", 0, "values", to=_numbers(1)),
    "values that are text": _changed("columns", 0, "values", "@array", "dtype", to="<U2"),
    "valid of another length": _changed("columns", 0, "valid", to=_numbers(1, dtype="|b1")),
    "valid that are numbers": _changed("columns", 0, "valid", to=_numbers(1, 1)),
    "text out of its bytes": _changed("columns", 1, "offsets", to=_numbers(0, 1, 1 << 40)),
    "text before its bytes": _changed("columns", 1, "offsets", to=_numbers(-5, 0, 2)),
    "text backwards": _changed("columns", 1, "offsets", to=_numbers(2, 0, 2)),
    "text of no offsets": _changed("columns", 1, "offsets", to=_numbers()),
    "text that is not UTF-8": _changed("columns", 1, "content", to={"@bytes": {"data": _text(b"\xff\xff")}}),
    "text that is none": _changed("columns", 1, "content", to="a"),
    "a category that there is not": _changed("columns", 2, "codes", to=_numbers(0, 5)),
    "a category below": _changed("columns", 2, "codes", to=_numbers(0, -2)),
    "categories twice": _changed("columns", 2, "categories", "offsets", to=_numbers(0, 0, 0)),
    "categories in categories": _changed("columns", 2, to=NESTED),
    "an unknown zone": _changed("columns", 3, "zone", to="Nowhere/At_All"),
    "a zone that is a path": _changed("columns", 3, "zone", to="../../../etc/passwd"),
    "a zone that is dateutil's": _changed("columns", 3, "zone", to="dateutil//etc/passwd"),
    "a zone of a number": _changed("columns", 3, "zone", to=3),
    "a zone of numbers": _changed("columns", 0, "zone", to="UTC"),
    "an unknown period": _changed("columns", 4, "freq", to="fortnight"),
    "a period that is code": _changed("columns", 4, "freq", to="__import__('os')"),
    "ends that are not closed": _changed("columns", 5, "closed", to="perhaps"),
    "ends of two lengths": _changed("columns", 5, "left", "values", to=_numbers(1, 2, 3)),
    "an end before the beginning": _changed("columns", 5, "left", "values", to=_numbers(9, 9)),
    "objects of another length": _changed("columns", 6, "values", to=[1]),
    "objects that are none": _changed("columns", 6, "values", 0, to={"@array": None}),
    "nested objects": _changed("columns", 6, "values", 0, to={"@table": None}),
    "lists out of their items": _changed("columns", 7, "offsets", to=_numbers(0, 1, 9)),
    "lists in nothing": _changed("columns", 7, "items", to=None),
    "structs without fields": _changed("columns", 8, "names", to=[]),
    "structs of two lengths": _changed("columns", 8, "fields", 0, "values", to=_numbers(1)),
    "structs named by numbers": _changed("columns", 8, "names", to=[3]),
    "names of another length": _changed("names", "levels", 0, "offsets", to=_numbers(0, 1)),
    "no names": _changed("names", to={"names": [], "levels": []}),
    "a name that is a list of dicts": _changed("index", "names", to=[[{"a": 1}]]),
    "a name that is an array": _changed("index", "names", to=[{"@array": ARRAY}]),
    "an index of another length": _changed("index", to={"names": [None], "range": [0, 3, 1]}),
    "an index without a step": _changed("index", to={"names": [None], "range": [0, 2, 0]}),
    "an index of huge numbers": _changed("index", to={"names": [None], "range": [1 << 80, (1 << 80) + 2, 1]}),
    "an index of two levels that are one": _changed("index", "names", to=["a", "b"]),
    "a frequency that is code": _changed("index", "freq", to="__import__('os')"),
    "attributes that are a list": {**TABLE, "attrs": []},
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_forged_table(name, library):
    error = _error_of(TABLES[name], library)
    # The others do not look at what they do not have.
    assert error is not None or library != "pandas"
    if error is not None:
        assert "set 0 at place 'answer'" in str(error)
        assert len(str(error)) < 600


def _error_of(table, library):
    """The error by name with which a table is not opened; None: it is."""
    try:
        result_of({"@table": table}).table(library=library)
    except (OtherKindOfValue, UnreadableValue) as error:
        return error
    return None


def _everywhere(form, path=()):
    yield path
    for key, part in form.items() if isinstance(form, dict) else enumerate(form) if isinstance(form, list) else ():
        yield from _everywhere(part, (*path, key))


def test_whatever_stands_in_a_place_of_a_table_it_is_a_table_or_an_error_by_name():
    """Not one of the libraries' own errors, whatever is changed; with as many changes as a few seconds allow."""
    places = [path for path in _everywhere(TABLE) if path]
    others = [None, -1, 1 << 70, 1.5, "x", [], {}, [[]], {"@array": ARRAY}, True, "\ud800"]
    chooser, refused = random.Random(1), 0
    for path in chooser.sample(places, len(places)):
        for other in chooser.sample(others, 3):
            refused += _error_of(_changed(*path, to=other), chooser.choice(LIBRARIES)) is not None
    assert refused > len(places)


def test_a_large_claim_takes_no_memory():
    claims = [
        {"@array": {"dtype": "<f8", "shape": [1 << 36], "order": "C", "data": ""}},
        {"@table": {**_changed("rows", to=1 << 36), "index": {"names": [None], "range": [0, 1 << 36, 1]}}},
        {"@image": {"mode": "CMYK", "size": [1 << 18, 1 << 18], "format": "raw", "data": ""}},
    ]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for claim in claims:
        result = result_of(claim)
        for call in (result.array, result.table, result.image):
            with pytest.raises(FederationError):
                call()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000, "kilobytes"


def _in_file(tmp_path, **changes):
    files = FolderFiles(tmp_path)
    result = arrived(numpy.arange(1000), files)
    result.form["@array"].update(changes)
    return result


@pytest.mark.parametrize("is_store", [True, False])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": "0" * 64}, "SHA-256 differs"),
        ({"bytes": 7999}, "8000|of shape"),
        ({"bytes": -1}, "of -1 bytes"),
        ({"bytes": "8000"}, "whose bytes is '8000'"),
        ({"file": 3}, "whose file is 3"),
        ({"shape": [10]}, "of shape"),
    ],
)
def test_a_file_that_is_not_what_was_written(tmp_path, is_store, changes, message):
    result = _in_file(tmp_path, **changes)
    result._files.is_store = is_store
    with pytest.raises(UnreadableValue, match=message):
        result.array()


@pytest.mark.parametrize("is_store", [True, False])
@pytest.mark.parametrize("content", [b"", bytes(7999), bytes(9000)])
def test_a_file_that_was_changed_on_the_disk(tmp_path, content, is_store):
    result = _in_file(tmp_path)
    result._files.is_store = is_store
    (tmp_path / result.form["@array"]["file"]).write_bytes(content)
    with pytest.raises(UnreadableValue, match=r"of 8000 bytes, where|SHA-256 differs"):
        result.array()


def test_a_value_nested_without_end_is_an_error_by_name():
    value: object = 1
    for _ in range(100_000):
        value = [value]
    with pytest.raises(UnreadableValue, match="nested more than"):
        result_of({"@dict": [[value, 1]]}).mapping()


def test_a_panic_of_polars_is_an_error_by_name():
    """It is no Exception in Python, and would end a worker."""
    form = arrived(pandas.Series([Decimal(1)])).form["@table"]
    content = {"@bytes": {"data": base64.b64encode(b"sNaN").decode()}}
    offsets = {"@array": {"dtype": "<i8", "shape": [2], "order": "C", **in_line(memoryview(struct.pack("<2q", 0, 4)))}}
    texts = {"kind": "text", "offsets": offsets, "content": content}
    forged = form | {"columns": [{"kind": "decimal", "precision": 9, "scale": 0, "texts": texts}]}
    with pytest.raises(UnreadableValue, match="PanicException"):
        result_of({"@table": forged}).table(library="polars")
