"""Tables of pandas, and parts of them, opened with pandas."""

from __future__ import annotations

import datetime
from decimal import Decimal

import dateutil.tz
import numpy
import pandas
import polars
import polars.testing
import pytest

from airflow_provider_dfm.remote.plain_values import NoPlainForm, in_line, plain_form

from .arrivals import FolderFiles, arrived

DATES = [datetime.date(2010, 1, 1), None]
WEST = datetime.timezone(datetime.timedelta(hours=-2))
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
    "moments of an offset": pandas.date_range("2010-03-28", periods=2, tz=WEST),
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
    "mixed and missing": pandas.Series([None, numpy.nan], dtype="object"),
    "objects of text and NaN": pandas.Series(["a", numpy.nan], dtype="object"),
    "nothing": pandas.Series([None, None], dtype="object"),
}  # fmt: skip


@pytest.mark.parametrize("name", PANDAS)
def test_a_column_of_pandas_is_what_it_was(name, tmp_path):
    frame = pandas.DataFrame({"before": [0, 1], "it": PANDAS[name]})
    for files in (None, FolderFiles(tmp_path)):
        pandas.testing.assert_frame_equal(arrived(frame, files).table(), frame)
    pandas.testing.assert_series_equal(arrived(frame["it"]).table(), frame["it"])
    pandas.testing.assert_frame_equal(arrived(frame[:0]).table(), frame[:0])


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        (datetime.timezone(datetime.timedelta(hours=2), "CEST"), "UTC+02:00"),
        (datetime.timezone(-datetime.timedelta(hours=3, minutes=30, seconds=15)), "UTC-03:30:15"),
        (dateutil.tz.gettz("Europe/Berlin"), "Europe/Berlin"),
        (dateutil.tz.tzoffset("X", 3600), "UTC+01:00"),
        (dateutil.tz.tzutc(), "UTC"),
    ],
)
def test_moments_are_in_the_zone_that_they_were_in_whatever_class_it_was_of(zone, name):
    moments = pandas.Series(pandas.date_range("2010-03-28", periods=2, tz=zone))
    opened = arrived(moments).table()
    assert (opened.tolist(), str(opened.dt.tz)) == (moments.tolist(), name)
    assert arrived(moments).table(library="polars").dt.epoch("s").to_list() == [each.timestamp() for each in moments]


def test_a_zone_that_nobody_else_knows_is_refused():
    class Mars(datetime.tzinfo):
        def utcoffset(self, when):
            return when and datetime.timedelta(minutes=39)

    moments = pandas.DatetimeIndex(["2010-01-01"]).tz_localize("UTC").tz_convert(Mars())
    with pytest.raises(NoPlainForm, match=r"Times of a zone .* at value.index has.*\.tz_convert\('UTC'\)"):
        plain_form(moments, in_line)


def test_a_frequency_without_a_name_is_left_out():
    days = pandas.date_range("2010", periods=2, freq=pandas.DateOffset(days=2))
    pandas.testing.assert_index_equal(arrived(days).table(), days, exact=True, check_freq=False)
    assert arrived(pandas.Series([1, 2], index=days)).table().index.freq is None


def test_what_pandas_has_in_two_ways_comes_in_one():
    frame = pandas.DataFrame({"sparse": pandas.arrays.SparseArray([0, 1]), "big-endian": numpy.array([1, 2], ">i4")})
    dense = pandas.DataFrame({"sparse": [0, 1], "big-endian": numpy.array([1, 2], "i4")})
    pandas.testing.assert_frame_equal(arrived(frame).table(), dense)


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
