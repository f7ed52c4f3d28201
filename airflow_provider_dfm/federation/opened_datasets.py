"""Opens the Datasets and DataArrays among values, with xarray."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from airflow_provider_dfm.federation.column_reader import ColumnReader, Opened
from airflow_provider_dfm.federation.errors import UnreadableValue
from airflow_provider_dfm.federation.opened_arrays import open_array
from airflow_provider_dfm.federation.pandas_tables import pandas_array
from airflow_provider_dfm.federation.table_values import python_objects
from airflow_provider_dfm.federation.value_buffers import Buffers
from airflow_provider_dfm.federation.value_forms import hashable, inside, members

if TYPE_CHECKING:
    import xarray

CFTIME_UNITS = "microseconds since 1970-01-01"
CALENDARS = (
    "standard",
    "gregorian",
    "proleptic_gregorian",
    "noleap",
    "365_day",
    "360_day",
    "julian",
    "all_leap",
    "366_day",
)
# What a DataArray's own variable is called in its form.
VALUES = "@values"


def open_dataset(form: Any, buffers: Buffers, opened: Opened) -> xarray.Dataset | xarray.DataArray:
    """What the site had of the two.

    :param form: the form, ``{"@dataset": …}`` or ``{"@dataarray": …}``.
    :param buffers: reads its bytes.
    :param opened: opens the attributes.
    :raises OtherKindOfValue, UnreadableValue: it is none.
    :raises ImportError: xarray is not installed here; or cftime, where times are of a calendar that numpy has not.
    """
    import xarray

    about = inside(form, ["@dataset", "@dataarray"], "a Dataset or DataArray")
    variable_forms, attrs, stacked = members(about, {"variables": list, "attrs": dict, "stacked": list})
    data: dict[Any, Any] = {}
    coordinates: dict[Any, Any] = {}
    for variable_form in variable_forms:
        name, variable, is_coordinate = _variable(variable_form, buffers, opened)
        (coordinates if is_coordinate else data)[name] = variable
    dataset = xarray.Dataset(data, coords=coordinates, attrs=opened(attrs))
    for pair in stacked:
        name, levels = pair
        levels_of: dict[Any, Any] = {hashable(opened(name)): [hashable(opened(level)) for level in levels]}
        dataset = dataset.set_index(levels_of)
    if "@dataset" in form:
        return dataset
    if VALUES not in dataset.data_vars:
        raise UnreadableValue("has a DataArray without values")
    array = dataset[VALUES]
    array.name = hashable(opened(about.get("name")))
    return array


def _variable(form: Any, buffers: Buffers, opened: Opened) -> tuple[Any, xarray.Variable, bool]:
    import xarray

    dims, attrs = members(form, {"dims": list, "attrs": dict})
    values = _values(form, buffers, opened)
    names = [hashable(opened(dim)) for dim in dims]
    variable = xarray.Variable(names, values, opened(attrs))
    encoding = opened(form.get("encoding", {}))
    if not isinstance(encoding, dict):
        raise UnreadableValue(f"has an encoding that is a {type(encoding).__name__}")
    variable.encoding.update(encoding)
    return hashable(opened(form.get("name"))), variable, form.get("coordinate") is True


def _values(form: Any, buffers: Buffers, opened: Opened) -> Any:
    import numpy
    import pandas

    if "data" in form:
        return open_array(form["data"], buffers, writable=True)
    (shape,) = members(form, {"shape": list})
    if not all(type(length) is int and length >= 0 for length in shape):
        raise UnreadableValue(f"has a variable of shape {shape!r:.60}")
    count = math.prod(shape)
    if "cftime" in form:
        return _times(form["cftime"], buffers).reshape(shape)
    column = ColumnReader(buffers, opened).read(form.get("column"), count)
    if form.get("extension") is True:
        array = pandas_array(column)
        # Of times with a zone, xarray takes an index for what it is, and makes objects of an array.
        return pandas.DatetimeIndex(array) if isinstance(array, pandas.arrays.DatetimeArray) else array
    values = numpy.empty(count, dtype=object)
    for number, value in enumerate(python_objects(column)):
        values[number] = value
    return values.reshape(shape)


def _times(form: Any, buffers: Buffers) -> Any:
    import cftime
    import numpy

    calendar, has_year_zero = members(form, {"calendar": str, "has_year_zero": bool})
    numbers = open_array(form.get("values"), buffers)
    if calendar not in CALENDARS or numbers.ndim != 1 or numbers.dtype.kind != "i":
        raise UnreadableValue(f"has times of the calendar {calendar!r:.40}")
    return numpy.asarray(cftime.num2date(numbers, CFTIME_UNITS, calendar, has_year_zero=has_year_zero), dtype=object)
