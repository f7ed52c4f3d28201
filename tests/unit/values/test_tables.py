"""Tables of pandas, polars and pyarrow, each opened with any of the three."""

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
from airflow_provider_dfm.remote.plain_values import NoPlainForm, in_line, plain_form

from .arrivals import FolderFiles, arrived

DATES = [datetime.date(2010, 1, 1), None]
MOMENT = datetime.datetime(2010, 1, 1, 12)
PANDAS = {
    "ints": [1, 2],
    "floats": [1.5, numpy.nan],
    "half": numpy.array([1.5, 2], "f2"),
    "bools": [True, False],
    "complex": [1 + 2j, 2],
    "text": ["ä", None],
    "objects of text": pandas.Series(["a", None], dtype="object"),
    "surrogates": pandas.Series(["\ud800", "\x00"], dtype="object"),
    "string": pandas.array(["a", None], dtype="string"),
    "string of arrow": pandas.array(["a", None], dtype="string[pyarrow]"),
    "bytes": [b"\x00\xff", None],
    "moments": pandas.to_datetime(["2010-01-01", None]),
    "moments of a zone": pandas.date_range("2010-03-28", periods=2, tz="Europe/Berlin"),
    "moments of an offset": pandas.date_range("2010-03-28", periods=2, tz=datetime.timezone(datetime.timedelta(hours=-2))),
    "moments of UTC": pandas.date_range("2010-03-28", periods=2, tz="UTC"),
    "durations": pandas.to_timedelta(["1D", None]),
    "periods": pandas.period_range("2010", periods=2, freq="M"),
    "intervals": pandas.interval_range(0, 2, closed="left"),
    "categories": pandas.Categorical(["u", None], categories=["v", "u"], ordered=True),
    "categories of numbers": pandas.Categorical([3, 1]),
    "cut": pandas.cut([1, 5], [0, 2, 9]),
    "Int64": pandas.array([1, None], dtype="Int64"),
    "UInt8": pandas.array([1, 2], dtype="UInt8"),
    "Float32": pandas.array([1.5, None], dtype="Float32"),
    "boolean": pandas.array([True, None], dtype="boolean"),
    "int64 of arrow": pandas.array([1, None], dtype="int64[pyarrow]"),
    "dates": DATES,
    "decimals": [Decimal("1.50"), None],
    "lists": [[1], [2, 3]],
    "mixed": [1, "a"],
    "nothing": pandas.Series([None, None], dtype="object"),
}  # fmt: skip


@pytest.mark.parametrize("name", PANDAS)
def test_a_column_of_pandas_is_what_it_was(name, tmp_path):
    frame = pandas.DataFrame({"before": [0, 1], "it": PANDAS[name]})
    for files in (None, FolderFiles(tmp_path)):
        pandas.testing.assert_frame_equal(arrived(frame, files).table(), frame)
    pandas.testing.assert_series_equal(arrived(frame["it"]).table(), frame["it"])
    pandas.testing.assert_frame_equal(arrived(frame[:0]).table(), frame[:0])


def test_what_pandas_has_in_two_ways_comes_in_one():
    frame = pandas.DataFrame({"sparse": pandas.arrays.SparseArray([0, 1]), "big-endian": numpy.array([1, 2], ">i4")})
    pandas.testing.assert_frame_equal(arrived(frame).table(), pandas.DataFrame({"sparse": [0, 1], "big-endian": numpy.array([1, 2], "i4")}))  # fmt: skip


INDEXES = {
    "numbers": pandas.RangeIndex(2, 6, 2, name="n"),
    "text": pandas.Index(["a", "b"], name=("x", 1)),
    "floats": pandas.Index([0.5, 1.5]),
    "days": pandas.date_range("2010", periods=2, freq="D", name="when"),
    "days of a zone": pandas.date_range("2010", periods=2, freq="D", tz="Europe/Berlin"),
    "durations": pandas.timedelta_range("1D", periods=2),
    "periods": pandas.period_range("2010", periods=2, freq="Y"),
    "categories": pandas.CategoricalIndex(["a", "b"]),
    "intervals": pandas.interval_range(0, 2),
    "levels": pandas.MultiIndex.from_product([["a"], [1, 2]], names=["x", None]),
    "one level": pandas.MultiIndex.from_tuples([("a",), ("b",)]),
    "twice the same": pandas.Index(["a", "a"]),
    "of several types": pandas.Index(["a", 1]),
}


@pytest.mark.parametrize("name", INDEXES)
def test_an_index_is_what_it_was(name):
    index = INDEXES[name]
    pandas.testing.assert_index_equal(arrived(index).table(), index, exact=True)
    rows = pandas.DataFrame({"a": [1, 2]}, index=index)
    pandas.testing.assert_frame_equal(arrived(rows).table(), rows, check_freq=True)
    columns = pandas.DataFrame([[1, 2.5]], columns=index)
    pandas.testing.assert_frame_equal(arrived(columns).table(), columns, check_freq=True)
    series = pandas.Series([1, 2], index=index, name=("a", 1))
    pandas.testing.assert_series_equal(arrived(series).table(), series)


@pytest.mark.parametrize(
    "frame",
    [
        pandas.DataFrame(),
        pandas.DataFrame(index=[1, 2]),
        pandas.DataFrame(columns=["a", "b"]),
        pandas.DataFrame([[1, 2]], columns=["a", "a"]),
    ],
    ids=["empty", "rows alone", "columns alone", "two of a name"],
)
def test_a_frame_of_few_or_equal_columns(frame):
    pandas.testing.assert_frame_equal(arrived(frame).table(), frame)


def test_attributes_and_subclasses_of_a_frame():
    class Frame(pandas.DataFrame):
        pass

    frame = Frame({"a": [1]})
    frame.attrs = {"units": {"a": numpy.arange(2)}}
    opened = arrived([frame]).table(0)
    assert type(opened) is pandas.DataFrame
    assert opened.attrs["units"]["a"].tolist() == [0, 1]
    categories = pandas.Categorical(["a", "b", "a"])
    assert arrived(categories).table().equals(categories)


def test_a_table_can_be_changed():
    frame = arrived(pandas.DataFrame({"a": [1, 2], "b": [0.5, 1]})).table()
    frame.loc[0, "a"] = 5
    frame["b"] *= 2
    assert frame.values.tolist() == [[5, 1], [2, 2]]


def test_a_value_without_a_plain_form_is_found_in_its_table():
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", object()]})
    with pytest.raises(NoPlainForm, match=r"type object at value\[0\]\['b'\]\[1\] has"):
        plain_form([frame], in_line)
    with pytest.raises(NoPlainForm, match="Collect it first"):
        plain_form(polars.LazyFrame({"a": [1]}), in_line)


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
        "lists": [[1], [2, 3]],
        "structs": [{"a": 1}, {"a": 2}],
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
        "half": pyarrow.array([1.5, None], pyarrow.float16()),
        "lists": [None, [1]],
        "structs": [{"a": 1}, {"a": 2}],
        "nothing": [None, None],
        "moments of a zone": pyarrow.array([1, None], pyarrow.timestamp("ns", "Europe/Berlin")),
        "categories": pyarrow.array(["u", None]).dictionary_encode(),
    }
)


def test_a_table_of_polars_is_what_it_was(tmp_path):
    for files in (None, FolderFiles(tmp_path)):
        polars.testing.assert_frame_equal(arrived(POLARS, files).table(library="polars"), POLARS)
        polars.testing.assert_frame_equal(arrived(POLARS[:0], files).table(library="polars").select("ints", "text"), POLARS[:0].select("ints", "text"))  # fmt: skip
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
        (pyarrow.ExtensionArray.from_storage(pyarrow.uuid(), pyarrow.array([b"0" * 16], pyarrow.binary(16))), [b"0" * 16]),
    ],
    ids=lambda each: str(each.type) if isinstance(each, pyarrow.Array) else "",
)  # fmt: skip
def test_an_arrow_array_is_what_it_was(array, opened):
    assert arrived(array).table(library="pyarrow").to_pylist() == opened
    assert arrived(array).table(library="polars").to_list() == opened


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
    ("name", "message"),
    [("complex", "complex numbers"), ("periods", "periods, which only pandas has"), ("mixed", "a column of objects")],
)
def test_what_a_library_does_not_have_is_said(name, message):
    result = arrived(pandas.DataFrame({"it": PANDAS[name]}))
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
    assert arrived(pandas.DataFrame([[1]], columns=[datetime.datetime(2010, 1, 1)])).table(library="polars").columns == [
        "2010-01-01T00:00:00.000000"
    ]
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
