"""xarray's Datasets and DataArrays."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy
import pandas
import pytest
import xarray

from airflow_provider_dfm.federation.errors import UnreadableValue
from airflow_provider_dfm.remote.plain_values import NoPlainForm, in_line, plain_form

from .arrivals import FolderFiles, arrived, result_of

TIMES = pandas.date_range("2010-01-01", periods=3, freq="h")
WEATHER = xarray.Dataset(
    {
        "temperature": (("time", "x"), numpy.arange(6.0).reshape(3, 2), {"units": "K", "range": numpy.array([1, 2])}),
        "quality": ("x", ["good", "bad"]),
        "remark": ("x", numpy.array(["ä", None], dtype=object)),
        "taken": ("time", TIMES - TIMES[0]),
        "flags": (("x", "time"), numpy.asfortranarray(numpy.ones((2, 3), "?"))),
        "missing": ("x", [1.5, numpy.nan]),
        "level": 3,
        7: ("x", [1 + 2j, 3]),
    },
    coords={
        "time": TIMES,
        "x": [10, 20],
        "name": ("x", ["a", "b"]),
        "latitude": (("time", "x"), numpy.ones((3, 2), "f4")),
        "run": numpy.datetime64("2010-01-01", "ns"),
    },
    attrs={"title": "weather", "nested": {"a": [1, {"b": None}]}, "mean": numpy.float32(1.5)},
)
DATASETS = {
    "weather": WEATHER,
    "empty": xarray.Dataset(),
    "attributes alone": xarray.Dataset(attrs={"a": 1}),
    "no rows": WEATHER.isel(time=slice(0)),
    "a calendar of its own": xarray.Dataset(
        {"v": ("time", [1, 2])},
        coords={"time": xarray.date_range("2000-02-29", periods=2, calendar="360_day", use_cftime=True)},
    ),
    "times not decoded": xarray.Dataset(
        {"v": ("time", [1, 2])},
        coords={"time": ("time", [0, 1], {"units": "days since 2000-01-01", "calendar": "noleap"})},
    ),
    "stacked": WEATHER[["temperature"]].drop_vars(["name", "latitude"]).stack(where=("time", "x")),
    "pandas' own": xarray.Dataset(
        {"c": ("x", pandas.Categorical(["a", "b"])), "i": ("x", pandas.array([1, None], dtype="Int64"))}
    ),
    "a zone": xarray.Dataset({"t": ("x", pandas.date_range("2010", periods=2, tz="Europe/Berlin"))}),
}


@pytest.mark.parametrize("name", DATASETS)
def test_a_dataset_is_what_it_was(name, tmp_path):
    dataset = DATASETS[name]
    for files in (None, FolderFiles(tmp_path), FolderFiles(tmp_path, is_store=True)):
        opened = arrived([dataset], files).dataset(0)
        assert type(opened) is xarray.Dataset
        xarray.testing.assert_identical(opened, dataset)
        assert {name: each.dtype for name, each in opened.variables.items()} == {
            name: each.dtype for name, each in dataset.variables.items()
        }


@pytest.mark.parametrize(
    "array",
    [
        WEATHER["temperature"],
        WEATHER["temperature"].rename(None),
        WEATHER["x"],
        WEATHER["run"],
        xarray.DataArray(numpy.arange(6).reshape(2, 3)),
        xarray.DataArray(2.5, attrs={"a": 1}),
        DATASETS["stacked"]["temperature"],
    ],
    ids=["of a dataset", "without a name", "a coordinate", "a moment", "without coordinates", "a number", "stacked"],
)
def test_a_data_array_is_what_it_was(array):
    opened = arrived(array).dataset()
    assert type(opened) is xarray.DataArray
    xarray.testing.assert_identical(opened, array)


@pytest.mark.parametrize(
    "items", [list(pandas.period_range("2010", periods=2, freq="M")), list(pandas.interval_range(0, 2))]
)
def test_periods_and_intervals_among_objects_are_what_they_were(items):
    """So an older xarray has each index of them."""
    objects = numpy.empty(2, dtype=object)
    objects[:] = items
    opened = arrived(xarray.Dataset({"a": ("x", [1, 2])}, coords={"of": ("x", objects)})).dataset()
    assert list(opened["of"].values) == items


def test_a_tree_is_a_dict_of_its_datasets():
    stations = xarray.Dataset({"name": ("station", ["a", "b"])}, attrs={"owner": "x"})
    result = arrived(xarray.DataTree.from_dict({"/": WEATHER, "/stations": stations}))
    xarray.testing.assert_identical(result.dataset("/"), WEATHER)
    assert result.dataset("/stations").attrs == {"owner": "x"}
    assert result.dataset("/stations")["name"].values.tolist() == ["a", "b"]


def test_a_variable_is_a_data_array():
    opened = arrived(WEATHER["temperature"].variable).dataset()
    xarray.testing.assert_identical(opened, WEATHER["temperature"].drop_vars(list(WEATHER.coords)).rename(None))


def test_how_numbers_mean_something_is_kept_of_an_encoding_and_nothing_of_the_sites_files():
    dataset = WEATHER[["temperature"]].copy()
    written = {"dtype": numpy.dtype("i2"), "scale_factor": numpy.float64(0.1), "_FillValue": numpy.int16(-1)}
    dataset["temperature"].encoding = {**written, "source": "/data/secret.nc", "chunksizes": (1, 2), "zlib": True}
    opened = arrived(dataset).dataset()
    assert opened["temperature"].encoding == {"dtype": "<i2", "scale_factor": 0.1, "_FillValue": -1}
    assert "secret" not in json.dumps(plain_form(dataset, in_line))


def test_a_dataset_that_is_not_computed_yet_is_computed():
    class Lazy:
        """Stands in for dask's arrays: what xarray asks for values when somebody wants them."""

        dtype, shape, ndim = numpy.dtype("f8"), (2,), 1

        def __array__(self, dtype=None, copy=None):
            return numpy.array([1.5, 2.5])

        def __array_function__(self, *_):
            return NotImplemented

        def __array_ufunc__(self, *_):
            return NotImplemented

        def __getitem__(self, key):
            return self.__array__()[key]

    assert arrived(xarray.DataArray(Lazy(), dims="x")).dataset().values.tolist() == [1.5, 2.5]


def test_numbers_that_carry_a_unit_are_refused_in_a_dataset_too():
    class Quantity(numpy.lib.mixins.NDArrayOperatorsMixin):
        """Stands in for pint's arrays, whose unit xarray drops where it is asked for values."""

        dtype, shape, ndim, units = numpy.dtype("f8"), (2,), 1, "kelvin"

        def __array__(self, dtype=None, copy=None):
            return numpy.array([1.5, 2.5])

        def __array_function__(self, *_):
            return NotImplemented

        def __array_ufunc__(self, *_):
            return NotImplemented

    with pytest.raises(NoPlainForm, match=r"Quantity in kelvin at value\['t'\] has.*Yield its numbers and its unit"):
        plain_form(xarray.Dataset({"t": ("x", Quantity())}), in_line)


def test_a_value_without_a_plain_form_is_found_in_its_dataset():
    with pytest.raises(NoPlainForm, match=r"type object at value\['v'\]\.attrs\['a'\] has"):
        plain_form(xarray.Dataset({"v": ("x", [1], {"a": object()})}), in_line)
    with pytest.raises(NoPlainForm, match=r"type object at value\['v'\]\[0\] has"):
        plain_form(xarray.Dataset({"v": ("x", numpy.array([object()]))}), in_line)


def test_a_dataset_needs_xarray_and_what_it_needs():
    program = (
        "import json, sys\n"
        "for name in ('polars', 'pyarrow', 'PIL', 'cftime'): sys.modules[name] = None\n"
        "from airflow_provider_dfm.federation.result import Result\n"
        "result = Result(parameter_set=0, frame=(0,), place='a', site='s', value=json.load(sys.stdin))\n"
        "print(type(result.dataset()).__name__)\n"
    )
    form = json.dumps(plain_form(WEATHER[["temperature"]], in_line))
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, input=form, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "Dataset", done.stderr


FORM = plain_form(DATASETS["a calendar of its own"], in_line)["@dataset"]
ARRAY = {"@array": {"dtype": "<i8", "shape": [2], "order": "C", "data": "AAAAAAAAAAAAAAAAAAAAAA=="}}
VARIABLE = {"name": "v", "dims": ["x"], "attrs": {}, "data": ARRAY}
SHORT = {"@array": {**ARRAY["@array"], "shape": [1]}}
SHAPED = {"name": "v", "dims": ["x"], "attrs": {}}
TIME = {"values": ARRAY, "calendar": "360_day", "has_year_zero": True}


@pytest.mark.parametrize(
    "form",
    [
        None,
        {},
        {**FORM, "variables": [None]},
        {**FORM, "attrs": []},
        {**FORM, "variables": [{**VARIABLE, "dims": ["x", "y"]}]},
        {**FORM, "variables": [{**VARIABLE, "dims": [{"a": 1}]}]},
        {**FORM, "variables": [{**VARIABLE, "name": {"@array": 1}}]},
        {**FORM, "variables": [{**VARIABLE, "encoding": 3}]},
        {**FORM, "variables": [VARIABLE, {**VARIABLE, "name": "w", "data": SHORT}]},
        {**FORM, "variables": [{**SHAPED, "shape": [1 << 60], "column": {"kind": "objects", "values": []}}]},
        {**FORM, "variables": [{**SHAPED, "shape": ["a"]}]},
        {**FORM, "variables": [{**SHAPED, "shape": [3], "cftime": TIME}]},
        {**FORM, "variables": [{**SHAPED, "shape": [2], "cftime": {**TIME, "calendar": "x"}}]},
        {**FORM, "stacked": [["x"]]},
        {**FORM, "stacked": [["x", ["no", "such"]]]},
    ],
)
def test_a_forged_dataset_is_an_error_by_name(form):
    with pytest.raises(UnreadableValue, match="set 0 at place 'answer'"):
        result_of({"@dataset": form}).dataset()
    with pytest.raises(UnreadableValue):
        result_of({"@dataarray": form}).dataset()
