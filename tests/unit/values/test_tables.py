"""Tables of polars and pyarrow, and those of all three libraries opened with another than the site had."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from decimal import Decimal

import numpy
import pandas
import polars
import polars.testing
import pyarrow
import pytest

from airflow_provider_dfm.federation.errors import OtherKindOfValue
from airflow_provider_dfm.remote.plain_values import in_line, plain_form

from .arrivals import FolderFiles, arrived, result_of
from .test_pandas_tables import DATES, INDEXES, MOMENT, PANDAS

POLARS = polars.DataFrame(
    {
        "ints": [1, None],
        "text": ["ä\x00", None],
        "bytes": [b"\xff", b"ab"],
        "dates": DATES,
        "times": [datetime.time(1, 2, 3, 4), None],
        "moments": [MOMENT, None],
        "durations": [datetime.timedelta(microseconds=1), None],
        "decimals": [Decimal("1.50"), None],
        "bools": [True, None],
        "floats": [1.5, float("nan")],
        "lists": [[1, None], None],
        "empty lists": polars.Series([[], ["a"]], dtype=polars.List(polars.String)),
        "arrays": polars.Series([[[1.5], []], None]),
        "lists of structs": [[{"a": datetime.datetime(2010, 1, 1)}, None], []],
        "structs": [{"a": 1, "b": [1.5]}, None],
        "nothing": [None, None],
        "small": polars.Series([1, 2], dtype=polars.UInt8),
        "moments of a zone": polars.Series([MOMENT, None]).dt.replace_time_zone("Europe/Berlin"),
        "categories": polars.Series(["u", None], dtype=polars.Categorical),
        "fixed": polars.Series(["u", None], dtype=polars.Enum(["v", "u"])),
    }
)
ARROW = pyarrow.table(
    {
        "ints": [1, None],
        "text": ["ä", None],
        "bytes": [b"\xff", None],
        "wide text": pyarrow.array(["ä", None], pyarrow.large_string()),
        "wide bytes": pyarrow.array([b"\xff", None], pyarrow.large_binary()),
        "dates": DATES,
        "times": pyarrow.array([1, None], pyarrow.time64("ns")),
        "moments": [MOMENT, None],
        "durations": pyarrow.array([1, None], pyarrow.duration("ms")),
        "decimals": [Decimal("1.50"), None],
        "bools": [True, None],
        "half": pyarrow.array(numpy.array([1.5, 2], "f2")),
        "lists": [[1, None], None],
        "lists of lists": [[[], ["a"]], []],
        "structs": [None, {"a": 1, "b": [{"c": MOMENT}]}],
        "nothing": [None, None],
        "moments of a zone": pyarrow.array([1, None], pyarrow.timestamp("ns", "Europe/Berlin")),
        "categories": pyarrow.array(["u", None]).dictionary_encode(),
    }
)


MAPS: list[list[dict[str, object]] | None] = [[{"key": "a", "value": 1}], None, []]


def test_a_table_of_polars_is_what_it_was(tmp_path):
    for files in (None, FolderFiles(tmp_path)):
        polars.testing.assert_frame_equal(arrived(POLARS, files).table(library="polars"), POLARS)
        few = POLARS.select("ints", "text", "bytes", "categories", "fixed")[:0]
        polars.testing.assert_frame_equal(arrived(few, files).table(library="polars"), few)
    for column in POLARS:
        polars.testing.assert_series_equal(arrived(column).table(library="polars"), column)
    parts = polars.concat([POLARS, POLARS], rechunk=False)[1:3]
    polars.testing.assert_frame_equal(arrived(parts).table(library="polars"), parts)


def test_a_table_of_arrow_is_what_it_was(tmp_path):
    for files in (None, FolderFiles(tmp_path)):
        assert arrived(ARROW, files).table(library="pyarrow").equals(ARROW)
        assert arrived(ARROW.slice(1), files).table(library="pyarrow").equals(ARROW.slice(1))
        empty = arrived(ARROW.slice(2), files).table(library="pyarrow")
        assert (empty.num_rows, empty.column_names) == (0, ARROW.column_names)
    assert arrived(ARROW.to_batches()[0]).table(library="pyarrow").equals(ARROW)
    for column in ARROW.columns:
        assert arrived(column).table(library="pyarrow").equals(column.combine_chunks())
    in_chunks = pyarrow.chunked_array([["a"], ["b", "c"]])
    assert arrived(in_chunks).table(library="pyarrow").to_pylist() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("array", "opened"),
    [
        (pyarrow.array(["a", "b", "c"])[1:], ["b", "c"]),
        (pyarrow.array([b"ab", b"cd"], pyarrow.binary(2)), [b"ab", b"cd"]),
        (pyarrow.array([1, 2, 3], pyarrow.int16())[1:], [2, 3]),
        (pyarrow.array([True, False, None])[1:], [False, None]),
        (pyarrow.array([0], pyarrow.date64()), [datetime.date(1970, 1, 1)]),
        (pyarrow.array([61], pyarrow.time32("s")), [datetime.time(0, 1, 1)]),
        (pyarrow.array([], pyarrow.string()), []),
        (pyarrow.array(["a", None, "b"]).dictionary_encode()[1:], [None, "b"]),
        (pyarrow.array([1, 2]).dictionary_encode(), [1, 2]),
        (pyarrow.array(["a" * 20, None], pyarrow.string_view()), ["a" * 20, None]),
        (pyarrow.array([[1], [2, 3], None, []])[1:], [[2, 3], None, []]),
        (pyarrow.array([[1], None, [3]], pyarrow.list_(pyarrow.int8(), 1))[1:], [None, [3]]),
        (pyarrow.array([{"a": 1}, {"a": 2}])[1:], [{"a": 2}]),
        (pyarrow.array([[("a", 1)], None, []], pyarrow.map_(pyarrow.string(), pyarrow.int8())), MAPS),
        (pyarrow.array([[("a", 1)], None, []], pyarrow.map_(pyarrow.string(), pyarrow.int8()))[1:], MAPS[1:]),
        (pyarrow.array([{}, {}], pyarrow.struct([])), [{}, {}]),
        (pyarrow.array([b"0" * 16], pyarrow.binary(16)).cast(pyarrow.uuid()), [b"0" * 16]),
    ],
    ids=lambda each: str(each.type) if isinstance(each, pyarrow.Array) else "",
)
def test_an_arrow_array_is_what_it_was(array, opened):
    assert arrived(array).table(library="pyarrow").to_pylist() == opened
    assert arrived(array).table(library="polars").to_list() == opened


def test_nested_columns_are_lists_and_dicts_in_pandas():
    for table, row in ((POLARS, 0), (ARROW, 1)):
        opened = arrived(table).table()
        assert opened["lists"][0] == [1, None]
        assert opened["lists"][1] is None
        assert opened["structs"][row]["a"] == 1
    assert arrived(ARROW).table()["structs"][1] == {"a": 1, "b": [{"c": MOMENT}]}
    many = polars.DataFrame({"row": [[float(number)] * 3 for number in range(1000)]})
    assert arrived(many[100:]).table(library="pyarrow")["row"].to_pylist() == many["row"].to_list()[100:]


def test_a_scalar_of_arrow_is_python_s():
    assert arrived([pyarrow.scalar(3), pyarrow.scalar(None)]).value == [3, None]


def test_a_table_opens_with_each_library_whichever_the_site_had():
    """None becomes what each library has for it; numbers stay numbers."""
    for table in (POLARS, ARROW):
        frame = arrived(table).table()
        assert (frame["ints"].dtype, frame["ints"][0], frame["ints"].isna().tolist()) == ("Int64", 1, [False, True])
        assert str(frame["moments of a zone"].dtype).endswith("Europe/Berlin]")
        assert frame["categories"].tolist()[0] == "u"
        assert frame["decimals"][0] == Decimal("1.50")
        assert frame["dates"].tolist()[0] == DATES[0]
    assert arrived(POLARS).table(library="pyarrow").column("text").to_pylist() == ["ä\x00", None]
    assert arrived(ARROW).table(library="polars")["moments of a zone"].dtype == polars.Datetime("ns", "Europe/Berlin")
    names = [name for name in PANDAS if name not in ("complex", "periods", "mixed", "surrogates")]
    frame = pandas.DataFrame({name: PANDAS[name] for name in names}, index=pandas.Index(["x", "y"], name="where"))
    for library in ("polars", "pyarrow"):
        table = arrived(frame).table(library=library)
        columns = table.columns if library == "polars" else table.column_names
        assert columns == ["where", *names]
        rows = table.to_dicts() if library == "polars" else table.to_pylist()
        assert [rows[1][name] for name in ("where", "Int64", "text", "dates", "categories")] == ["y", None] + [None] * 3
        assert [rows[0][name] for name in ("where", "Int64", "text", "categories")] == ["x", 1, "ä", "u"]
        assert rows[0]["moments"] == datetime.datetime(2010, 1, 1)
        assert rows[0]["moments of an offset"].timestamp() == frame["moments of an offset"].iloc[0].timestamp()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (PANDAS["complex"], "complex numbers"),
        (PANDAS["periods"], "periods, which only pandas has"),
        (PANDAS["mixed"], "a column of objects"),
        # polars made None of the first, and a panic of the second, which is no Exception in Python.
        (pandas.Series([10**80, 1], dtype="object"), "a column of objects"),
        ([Decimal("Infinity"), Decimal(1)], "a column of objects"),
    ],
    ids=["complex", "periods", "mixed", "large", "infinite"],
)
def test_what_a_library_does_not_have_is_said(values, message):
    result = arrived(pandas.DataFrame({"it": values}))
    for library in ("polars", "pyarrow"):
        with pytest.raises(OtherKindOfValue, match=f"{message}.*open it with 'pandas'"):
            result.table(library=library)
    assert len(result.table()) == 2


def test_an_index_without_a_name_is_called_as_reset_index_calls_it():
    for index in (pandas.Index(["a", "b"]), INDEXES["levels"], pandas.RangeIndex(1, 3), pandas.RangeIndex(2)):
        frame = pandas.DataFrame({"v": [1, 2]}, index=index)
        expected = (frame if index.equals(pandas.RangeIndex(2)) else frame.reset_index()).columns.tolist()
        assert arrived(frame).table(library="polars").columns == expected
        assert arrived(frame).table(library="pyarrow").column_names == expected
    assert arrived(pandas.DataFrame([[1]], columns=[datetime.datetime(2010, 1, 1)])).table(
        library="polars"
    ).columns == ["2010-01-01 00:00:00"]
    with pytest.raises(OtherKindOfValue, match="two columns of one name"):
        arrived(pandas.DataFrame([[1, 2]], columns=["a", "a"])).table(library="polars")
    with pytest.raises(OtherKindOfValue, match="index of 1000000000 numbers"):
        arrived(pandas.RangeIndex(10**9)).table(library="polars")
    assert len(arrived(pandas.RangeIndex(10**9)).table()) == 10**9


def test_an_unknown_library_is_refused():
    with pytest.raises(ValueError, match="There are no tables of 'spark', but of pandas, polars and pyarrow"):
        arrived(POLARS).table(library="spark")


OPEN = """
import json, sys
class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name in sys.argv[2:]:
            raise ModuleNotFoundError(f"No module named {name!r}")
sys.meta_path.insert(0, NotInstalled())
from airflow_provider_dfm.federation.result import Result
result = Result(parameter_set=0, frame=(0,), place="answer", site="seattle", value=json.load(sys.stdin))
print(type(eval(sys.argv[1])).__module__.partition(".")[0])
"""
MAKE = """
import json, sys
class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name in sys.argv[2:]:
            raise ModuleNotFoundError(f"No module named {name!r}")
sys.meta_path.insert(0, NotInstalled())
import {library}
from airflow_provider_dfm.remote.plain_values import in_line, plain_form
print(json.dumps(plain_form(eval(sys.argv[1]), in_line)))
"""


@pytest.mark.parametrize(
    ("library", "value", "lacking"),
    [
        ("polars", "polars.DataFrame({'a': [1, None], 't': ['a', None]})", ["pandas", "pyarrow"]),
        ("pyarrow", "pyarrow.table({'a': [1, None], 't': ['a', None]})", ["pandas", "polars", "numpy"]),
        ("pyarrow", "pyarrow.table({'a': [[0], [1], None], 't': ['', 'a', None]}).slice(1)", ["pandas", "numpy"]),
        ("pandas", "pandas.DataFrame({'a': [1, None], 't': ['a', None]})", ["pyarrow", "polars"]),
    ],
)
def test_a_site_needs_the_library_of_its_table_alone(library, value, lacking):
    command = [sys.executable, "-c", MAKE.replace("{library}", library), value, *lacking]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert result_of(json.loads(done.stdout)).table()["t"][0] == "a"


def test_what_a_site_lacks_is_said():
    command = [sys.executable, "-c", MAKE.replace("{library}", "polars"), "polars.DataFrame({'a': [1]})", "numpy"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "NoPlainForm: A value for which numpy is needed" in done.stderr
    assert "at value['a'] has no plain form" in done.stderr


LIBRARIES = {"numpy", "pandas", "polars", "pyarrow", "xarray", "PIL", "cftime", "nv_dfm_core"}


@pytest.mark.parametrize(
    ("value", "call", "needed"),
    [
        (POLARS, "result.table()", {"numpy", "pandas"}),
        (PANDAS["categories"], "result.table(library='polars')", {"numpy", "polars"}),
        (POLARS, "result.table(library='pyarrow')", {"numpy", "pyarrow"}),
        (numpy.ma.masked_array([1], [1]), "result.array()", {"numpy"}),
        (b"abc", "result.content()", set()),
        ({(1, 2): 3}, "result.mapping()", set()),
    ],
    ids=["polars in pandas", "pandas in polars", "polars in pyarrow", "array", "bytes", "dict"],
)
def test_a_task_needs_the_library_that_it_asks_for_and_no_other(value, call, needed):
    command = [sys.executable, "-c", OPEN, call, *sorted(LIBRARIES - needed)]
    form = json.dumps(plain_form(value, in_line))
    done = subprocess.run(command, input=form, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    for name in needed:
        lacking = [*command, name]
        failed = subprocess.run(lacking, input=form, capture_output=True, text=True, timeout=120)
        assert f"ModuleNotFoundError: No module named {name!r}" in failed.stderr
