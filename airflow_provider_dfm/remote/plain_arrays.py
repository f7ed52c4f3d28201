"""The plain form of numpy's arrays and scalars, and of what numpy can see as an array."""

from __future__ import annotations

import array as standard_arrays
import re
import struct
from typing import Any

from .plain_part import NoPlainForm, Parts, library, whole_array
from .plain_texts import duration_text

# Those whose size is the same everywhere: no long double.
DTYPE = re.compile(r"[<>|]?(b1|[iu][1248]|f[248]|c8|c16|[mM]8(\[\w+\])?|[SUV]\d+)")
NUMBERS = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
NANOSECONDS = {"W": 604800 * 10**9, "D": 86400 * 10**9, "h": 3600 * 10**9, "m": 60 * 10**9}
NANOSECONDS |= {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}
# Floats that torch and jax have and numpy has not; 32 bits hold each of their numbers.
SHORT_FLOATS = re.compile(r"(torch\.)?(bfloat16|float8\w*|float6\w*|float4\w*)")


def array_form(value: Any, parts: Parts) -> Any:
    """``{"@array": …}``; nested lists of an array of objects.

    :param value: the ``numpy.ndarray``.
    :param parts: makes an object in it plain.
    :raises NoPlainForm: it holds what has none.
    """
    refuse_units(value)
    array = numpy_array(library("numpy").asarray(value))
    if array.dtype.kind in "OT":
        return parts.form(array.tolist(), "")
    return {"@array": described(array, parts)}


def refuse_units(value: Any) -> None:
    """Refuse an array that carries a unit, which numpy would drop.

    :param value: the array.
    :raises NoPlainForm: it does.
    """
    unit = getattr(value, "unit", None) or getattr(value, "units", None)
    if unit is not None:
        what = f"A value of type {type(value).__name__} in {unit!s:.40}"
        raise NoPlainForm(what, "Yield its numbers and its unit, in a dict.")


def numpy_array(array: Any) -> Any:
    """The same array in a dtype that numpy has itself, which holds all its numbers."""
    if array.dtype.type.__module__.partition(".")[0] != "ml_dtypes":
        return array
    if SHORT_FLOATS.fullmatch(array.dtype.name):
        return array.astype("f4")
    return array.astype("u1" if array.dtype.name.startswith("u") else "i1")


def masked_form(value: Any, parts: Parts) -> Any:
    """``{"@array": …}`` with the mask beside the data; None for a single item that is masked."""
    numpy = library("numpy")
    if value is numpy.ma.masked:
        return None
    if value.dtype.kind in "OT":
        raise NoPlainForm(
            "A masked array of objects", "Yield the items as a list, with None for those that are masked."
        )
    form = described(numpy.asarray(value.data), parts)
    form["mask"] = None if value.mask is numpy.ma.nomask else {"@array": described(value.mask, parts)}
    form["fill_value"] = scalar_form(numpy.asarray(value.fill_value, value.dtype)[()], parts, dates=False)
    return {"@array": form}


def described(array: Any, parts: Parts) -> dict[str, Any]:
    """An array's dtype, shape and order, and its bytes, which are not copied where they lie together.

    :param array: the ``numpy.ndarray``, without objects.
    :param parts: takes the bytes.
    :raises NoPlainForm: its items are of a kind that is not the same everywhere.
    """
    numpy = library("numpy")
    dtype = _dtype_form(array.dtype)
    if array.dtype.names is not None and array.dtype != (packed := _packed(array.dtype)):
        array = array.astype(packed)
    by_columns = array.flags.f_contiguous and not array.flags.c_contiguous
    rows = numpy.ascontiguousarray(array.T if by_columns else array)
    # A memoryview alone knows neither times nor the other byte order, nor an empty array.
    data = memoryview(rows.reshape(-1).view("u1")) if array.nbytes else memoryview(b"")
    return {"dtype": dtype, "shape": list(array.shape), "order": "F" if by_columns else "C", **parts.keep(data)}


def _dtype_form(dtype: Any) -> Any:
    if dtype.names is not None:
        return [_field_form(name, dtype.fields[name][0]) for name in dtype.names]
    if not DTYPE.fullmatch(dtype.str) or dtype.type.__module__.partition(".")[0] != "numpy":
        raise NoPlainForm(f"An array of {dtype!s:.60}", "Yield it with another dtype, by .astype('f8'), say.")
    return dtype.str


def _field_form(name: str, dtype: Any) -> list[Any]:
    base, shape = dtype.subdtype or (dtype, ())
    return [name, _dtype_form(base), list(shape)] if shape else [name, _dtype_form(base)]


def _packed(dtype: Any) -> Any:
    """The same fields, in the same order, without gaps."""
    if dtype.subdtype:
        return library("numpy").dtype((_packed(dtype.subdtype[0]), dtype.subdtype[1]))
    if dtype.names is None:
        return dtype
    return library("numpy").dtype([(name, _packed(dtype.fields[name][0])) for name in dtype.names])


def scalar_form(scalar: Any, parts: Parts, dates: bool = True) -> Any:
    """Python's number or text of a numpy scalar, and an array without dimensions where Python has none.

    :param scalar: the ``numpy.generic``.
    :param parts: makes parts plain.
    :param dates: whether a time becomes text, and not an array without dimensions.
    """
    numpy = library("numpy")
    array = numpy_array(numpy.asarray(scalar))
    if array.dtype.str[1:] in NUMBERS or array.dtype.kind in "OTU":
        return parts.form(array.item(), "")
    if array.dtype.kind in "mM" and dates:
        return _time_form(array[()], parts)
    return array_form(array, parts)


def _time_form(scalar: Any, parts: Parts) -> Any:
    numpy = library("numpy")
    if numpy.isnat(scalar):
        return None
    if scalar.dtype.kind == "M":
        return str(numpy.datetime_as_string(scalar))
    unit, count = numpy.datetime_data(scalar.dtype)
    number = int(scalar.astype("i8")) * count
    if unit in NANOSECONDS:
        return duration_text(number * NANOSECONDS[unit])
    return number if unit == "generic" else array_form(numpy.asarray(scalar), parts)


def complex_form(value: complex, parts: Parts) -> Any:
    """An array without dimensions, as numpy's complex numbers are."""
    form = whole_array("c16", 1, memoryview(struct.pack("=dd", value.real, value.imag)), parts.keep)
    form["@array"]["shape"] = []
    return form


def standard_array_form(value: standard_arrays.array[Any], parts: Parts) -> Any:
    """The form of an ``array.array``."""
    if value.typecode in "uw":
        return parts.form(value.tounicode(), "")
    kind = "f" if value.typecode in "fd" else "i" if value.typecode.islower() else "u"
    data = memoryview(value).cast("B") if len(value) else memoryview(b"")
    return whole_array(f"{kind}{value.itemsize}", len(value), data, parts.keep)


def tensor_form(tensor: Any, parts: Parts) -> Any:
    """The form of a torch tensor, wherever it is; a number of one without dimensions.

    :param tensor: the ``torch.Tensor``.
    :param parts: makes parts plain.
    :raises NoPlainForm: it is sparse, quantized or nested, or has no data.
    """
    if str(tensor.layout) != "torch.strided" or tensor.is_quantized or tensor.is_meta or tensor.is_nested:
        raise NoPlainForm(
            "A tensor that is sparse, quantized, nested or meta", "Yield tensor.to_dense(), or its parts."
        )
    # What shares its memory with another, as a view of its imaginary part, is resolved on the way.
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
    if SHORT_FLOATS.fullmatch(str(tensor.dtype)):
        tensor = tensor.float()
    return seen_form(tensor.numpy(), parts)


def device_form(value: Any, parts: Parts) -> Any:
    """The form of a ``cupy.ndarray``, which numpy must not take by itself."""
    return seen_form(value.get(), parts)


def seen_form(value: Any, parts: Parts) -> Any:
    """The form of what is an array to numpy: of jax, or a file; a number of one without dimensions."""
    refuse_units(value)
    try:
        array = library("numpy").asarray(value)
    except Exception as error:
        what = (
            f"A value of type {type(value).__name__} that gives no numpy array ({type(error).__name__}: {error!s:.200})"
        )
        raise NoPlainForm(what, "Yield it as a numpy array.") from None
    if array.dtype.kind in "OT" and array.shape == ():
        raise NoPlainForm(
            f"A value of type {type(value).__name__} that is no array to numpy", "Yield it as a numpy array."
        )
    return array_form(array, parts) if array.shape else scalar_form(array[()], parts)
