"""Values that JSON does not know, as people's operations return them."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import numpy


def dataset(size: int) -> Any:
    """An xarray Dataset of ``size`` temperatures, with days and attributes."""
    import pandas
    import xarray

    days = pandas.date_range("2010-01-01", periods=size)
    values = numpy.arange(size, dtype="float64")
    return xarray.Dataset({"temperature": ("day", values)}, coords={"day": days}, attrs={"unit": "K"})


def table(size: int) -> Any:
    """A pandas table of ``size`` rows, of text, numbers and days."""
    import pandas

    days = pandas.date_range("2010-01-01", periods=size)
    return pandas.DataFrame({"city": ["Ulm"] * size, "mean": numpy.arange(size) / 2, "day": days})


def masked(size: int) -> Any:
    """An array whose second number is masked."""
    return numpy.ma.masked_array(numpy.arange(1, size + 1), mask=[index == 1 for index in range(size)])


def image(size: int) -> Any:
    """A picture of PIL's, ``size`` pixels wide, red."""
    from PIL import Image

    return Image.new("RGB", (size, 2), (255, 0, 0))


def numbers(size: int) -> Any:
    """An array of ``size`` float64 numbers, which count from 0."""
    return numpy.arange(size, dtype="float64")


def columns(size: int) -> Any:
    """The same as two columns, one behind the other in memory."""
    return numpy.asfortranarray(numpy.arange(size, dtype="float64").reshape(-1, 2))


def texts(size: int) -> Any:
    """A list of ``size`` texts, and much else, nested."""
    return {"texts": [f"text {number}" for number in range(size)], "decimal": Decimal("1.5"), 7: (1, 2)}


def opaque(size: int) -> Any:
    """What is no data at all, inside of data."""
    return {"answers": [1, numbers(size), threading.Lock()]}


def decimal(size: int) -> Any:
    """One and a half."""
    return Decimal("1.5")


def content(size: int) -> bytes:
    """Eight ``size`` bytes."""
    return numbers(size).tobytes()


VALUES = {
    maker.__name__: maker
    for maker in (dataset, table, masked, image, numbers, columns, texts, opaque, decimal, content)
}
