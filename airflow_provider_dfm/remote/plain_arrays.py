"""The plain form of numpy's arrays and scalars."""

from __future__ import annotations

import re
import sys
from typing import Any

from .plain_part import Keep, NoPlainForm, Parts

# Those whose size is the same everywhere: no long double.
DTYPE = re.compile(r"[<>|]?(b1|[iu][1248]|f[248]|c8|c16|[mM]8(\[\w+\])?|[SUV]\d+)")


def is_array(value: Any) -> bool:
    """Whether it is an array of numpy's."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def is_scalar(value: Any) -> bool:
    """Whether it is a scalar of numpy's."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.generic)


def array_form(array: Any, parts: Parts) -> Any:
    """``{"@array": …}``; nested lists of an array of objects.

    :param array: the ``numpy.ndarray``.
    :param parts: makes an object in it plain.
    :raises NoPlainForm: it holds what has none.
    """
    numpy = sys.modules["numpy"]
    array = numpy.asarray(array)
    if array.dtype.kind == "O":
        return parts.form(array.tolist(), "")
    if not DTYPE.fullmatch(array.dtype.str):
        raise NoPlainForm(f"An array of {array.dtype}", "Yield it with another dtype, by .astype('f8'), say.")
    return {"@array": described(array, parts.keep)}


def described(array: Any, keep: Keep) -> dict[str, Any]:
    """An array's dtype, shape and order, and its bytes, which are not copied where they lie together."""
    numpy = sys.modules["numpy"]
    by_columns = array.flags.f_contiguous and not array.flags.c_contiguous
    rows = numpy.ascontiguousarray(array.T if by_columns else array)
    # A memoryview alone knows neither times nor the other byte order, nor an empty array.
    data = memoryview(rows.reshape(-1).view("u1")) if array.nbytes else memoryview(b"")
    order = "F" if by_columns else "C"
    return {"dtype": array.dtype.str, "shape": list(array.shape), "order": order, **keep(data)}


def scalar_form(scalar: Any, parts: Parts) -> Any:
    """Python's number or text of a scalar, and an array without dimensions where Python has none."""
    numpy = sys.modules["numpy"]
    if isinstance(scalar, (numpy.bool_, numpy.integer, numpy.str_)) or scalar.dtype.str[1:] in ("f2", "f4", "f8"):
        return parts.form(scalar.item(), "")
    return array_form(numpy.asarray(scalar), parts)
