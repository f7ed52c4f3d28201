"""The plain form of xarray's Datasets and DataArrays."""

from __future__ import annotations

from typing import Any

from .plain_arrays import array_form, refuse_units
from .plain_columns import object_column
from .plain_pandas import extension_column
from .plain_part import NoPlainForm, Parts, library

# What of an encoding tells how numbers mean something, and nothing of the site's files.
ENCODING = ("units", "calendar", "dtype", "_FillValue", "missing_value", "scale_factor", "add_offset")
# A DataArray's own variable.
VALUES = "@values"
CFTIME_UNITS = "microseconds since 1970-01-01"


def dataset_form(dataset: Any, parts: Parts) -> Any:
    """``{"@dataset": …}`` with variables, coordinates, dimensions and attributes.

    :param dataset: the ``xarray.Dataset``; what is not computed yet is computed.
    :param parts: makes attributes plain.
    :raises NoPlainForm: a variable or an attribute has none.
    """
    return {"@dataset": _described(dataset, parts)}


def data_array_form(array: Any, parts: Parts) -> Any:
    """``{"@dataarray": …}``: a Dataset's form, whose one variable is the array, and its name."""
    # A name that no coordinate has.
    dataset = array.to_dataset(name=VALUES)
    return {"@dataarray": _described(dataset, parts) | {"name": parts.form(array.name, ".name")}}


def tree_form(tree: Any, parts: Parts) -> Any:
    """A dict of the Datasets of a ``xarray.DataTree``, by their paths."""
    return parts.form(tree.to_dict(), "")


def variable_form(variable: Any, parts: Parts) -> Any:
    """The form of the DataArray without coordinates that a ``xarray.Variable`` is."""
    return data_array_form(library("xarray").DataArray(variable), parts)


def _described(dataset: Any, parts: Parts) -> dict[str, Any]:
    pandas = library("pandas")
    stacked = {
        index.name: list(index.names)
        for index in dataset.indexes.values()
        if isinstance(index, pandas.MultiIndex) and index.name in dataset.dims
    }
    # What is stacked has tuples for coordinates: its levels are plain ones.
    dataset = dataset.reset_index(list(stacked)) if stacked else dataset
    variables = []
    for name in dataset.variables:
        variables.append(_named(name, dataset.variables[name], name in dataset.coords, parts))
    return {
        "variables": variables,
        "attrs": parts.form(dict(dataset.attrs), ".attrs"),
        "stacked": [[parts.form(name, ""), parts.form(levels, "")] for name, levels in stacked.items()],
    }


def _named(name: Any, variable: Any, is_coordinate: bool, parts: Parts) -> dict[str, Any]:
    try:
        return {
            "name": parts.form(name, ".name"),
            "coordinate": is_coordinate,
            "dims": [parts.form(dim, ".dims") for dim in variable.dims],
            **_data(variable, parts),
            "attrs": parts.form(dict(variable.attrs), ".attrs"),
            "encoding": _encoding(variable.encoding, parts),
        }
    except NoPlainForm as error:
        raise error.below(f"[{name!r:.60}]") from None


def _data(variable: Any, parts: Parts) -> dict[str, Any]:
    numpy = library("numpy")
    if not isinstance(variable.dtype, numpy.dtype):
        # One of pandas' own arrays, a categorical one, say; some releases of xarray have something around it.
        column = extension_column(getattr(variable.data, "array", variable.data), parts)
        return {"column": column, "shape": list(variable.shape), "extension": True}
    refuse_units(variable.data)
    values = numpy.asarray(variable.values)
    if values.dtype.kind not in "OT":
        return {"data": array_form(values, parts)}
    flat = values.astype(object).reshape(-1)
    shape = list(values.shape)
    first: Any = flat[0] if flat.size else None
    if type(first).__module__.partition(".")[0] == "cftime":
        return {"cftime": _cftime(flat, first.calendar, parts), "shape": shape}
    if values.ndim == 1 and library("pandas").api.types.infer_dtype(flat) in ("period", "interval"):
        # xarray has them as objects in releases before 2024.
        return {"column": extension_column(library("pandas").array(flat), parts), "shape": shape, "extension": True}
    items = [flat[number] for number in range(flat.size)]
    valid = (~library("pandas").isna(flat)).tolist()
    return {"column": object_column(items, valid, parts), "shape": shape}


def _cftime(flat: Any, calendar: str, parts: Parts) -> dict[str, Any]:
    numbers = library("cftime").date2num(flat, CFTIME_UNITS, calendar, has_year_zero=flat[0].has_year_zero)
    values = array_form(library("numpy").asarray(numbers, dtype="i8"), parts)
    return {"values": values, "calendar": calendar, "has_year_zero": bool(flat[0].has_year_zero)}


def _encoding(encoding: Any, parts: Parts) -> Any:
    kept = {key: encoding[key] for key in ENCODING if encoding.get(key) is not None}
    if "dtype" in kept:
        kept["dtype"] = library("numpy").dtype(kept["dtype"]).str
    try:
        return parts.form(kept, ".encoding")
    except NoPlainForm:
        return {}
