"""Arrays: numpy's, and what numpy can see as one."""

from __future__ import annotations

import itertools
import json
import sys
from types import ModuleType

import numpy
import pytest

from airflow_provider_dfm.federation.errors import OtherKindOfValue
from airflow_provider_dfm.remote.plain_values import NoPlainForm, in_line, plain_form

from .arrivals import FolderFiles, arrived

ITEMS = (
    "?",
    "i1",
    "<i4",
    ">i8",
    "u2",
    "f2",
    "<f4",
    ">f8",
    "c8",
    "c16",
    "M8[D]",
    "M8[ns]",
    "m8[25us]",
    "S3",
    "<U2",
    ">U2",
)
SHAPES = ((), (0,), (3,), (2, 3), (0, 2), (2, 1, 3))


def _array(item, shape):
    count = int(numpy.prod(shape))
    values = numpy.arange(7, 7 + 3 * count, 3, dtype="i8")
    return (values.astype("M8[s]") if "M" in item else values).astype(item).reshape(shape)


def _same(opened, array):
    assert (opened.dtype, opened.shape) == (array.dtype, array.shape)
    assert opened.tobytes() == array.tobytes()
    assert not opened.flags.writeable


@pytest.mark.parametrize("item", ITEMS)
def test_an_array_is_what_it_was(item):
    for shape, order in itertools.product(SHAPES, "CF"):
        array = numpy.asarray(_array(item, shape), order=order)
        _same(arrived(array).array(), array)
        _same(arrived({"in": [1, array]}).array("in", 1), array)


@pytest.mark.parametrize("item", ITEMS)
def test_a_large_array_is_what_it_was_and_a_map_of_its_file(item, tmp_path):
    for shape, order in itertools.product(SHAPES, "CF"):
        array = numpy.asarray(_array(item, shape), order=order)
        mapped = arrived(array, FolderFiles(tmp_path)).array()
        _same(mapped, array)
        assert isinstance(mapped, numpy.memmap) == bool(array.nbytes)
        read = arrived(array, FolderFiles(tmp_path, is_store=True)).array()
        _same(read, array)
        assert not isinstance(read, numpy.memmap)


STRIDED = {
    "every second": numpy.arange(10)[::2],
    "backwards": numpy.arange(10)[::-1],
    "a column": numpy.arange(12).reshape(3, 4)[:, 1],
    "axes exchanged": numpy.arange(24).reshape(2, 3, 4).transpose(1, 0, 2),
    "one value everywhere": numpy.broadcast_to(numpy.float32(1), (2, 3)),
    "a matrix": numpy.array([[1, 2]]).view(numpy.matrix),
    "records": numpy.array([(1, 2.5)], dtype=[("a", "i4"), ("b", ">f8")]).view(numpy.recarray),
    "records in records": numpy.zeros(2, dtype=[("a", [("b", "S2"), ("c", "M8[D]")]), ("d", "f4", (2, 3))]),
    "raw bytes": numpy.array([b"ab", b"cd"], dtype="V2"),
}


@pytest.mark.parametrize("name", STRIDED)
def test_whatever_lies_in_memory_otherwise_is_the_same_array(name):
    array = numpy.asarray(STRIDED[name])
    opened = arrived(STRIDED[name]).array()
    assert type(opened) is numpy.ndarray
    _same(opened, array)


def test_records_with_gaps_lose_the_gaps_alone():
    gaps = numpy.dtype({"names": ["a", "b"], "formats": ["i1", "f8"], "offsets": [4, 16], "itemsize": 32})
    array = numpy.array([(1, 2.5), (3, 4.5)], dtype=gaps)
    opened = arrived(array).array()
    assert opened.dtype == numpy.dtype([("a", "i1"), ("b", "f8")])
    assert opened.tolist() == array.tolist()


def test_a_contiguous_array_is_handed_over_and_not_copied():
    for array in (numpy.arange(6.0), numpy.asfortranarray(numpy.ones((2, 3))), numpy.arange(3).astype("M8[s]")):
        handed: list[memoryview] = []

        def keep(buffer, handed=handed):
            handed.append(buffer)
            return in_line(buffer)

        plain_form(array, keep)
        (buffer,) = handed
        assert (buffer.format, buffer.contiguous, buffer.nbytes) == ("B", True, array.nbytes)
        assert numpy.shares_memory(numpy.frombuffer(buffer, "u1"), array)


@pytest.mark.parametrize(
    "array",
    [
        numpy.ma.masked_array([1, 2, 3], [0, 1, 0]),
        numpy.ma.masked_array([1.0, numpy.nan], [0, 1], fill_value=-9),
        numpy.ma.masked_array([[1, 2], [3, 4]]),
        numpy.ma.masked_array(["a", "bc"], [0, 1], fill_value="-"),
        numpy.ma.masked_array(numpy.array(["2010-01-01"], "M8[D]"), [1]),
        numpy.ma.masked_array([1j], [0]),
        numpy.ma.masked_array([(1, 2.0)], mask=[(1, 0)], dtype=[("a", "i4"), ("b", "f8")]),
        numpy.ma.masked_array(numpy.asfortranarray([[1, 2], [3, 4]]), [[0, 1], [0, 0]]),
        numpy.ma.masked_array(1, True),
    ],
    ids=repr,
)
def test_a_masked_array_keeps_its_mask(array, tmp_path):
    for files in (None, FolderFiles(tmp_path)):
        opened = arrived([array], files).array(0)
        assert type(opened) is numpy.ma.MaskedArray
        assert opened.dtype == array.dtype
        numpy.testing.assert_array_equal(numpy.ma.getmaskarray(opened), numpy.ma.getmaskarray(array))
        assert opened.tolist() == array.tolist()
        assert repr(opened.fill_value) == repr(array.fill_value)


def test_what_is_masked_is_left_out_of_a_sum():
    # With pickles, it came back as 1 + 999999 + 3.
    assert arrived(numpy.ma.masked_array([1, 999999, 3], [0, 1, 0])).array().sum() == 4


def test_an_array_of_objects_is_lists():
    array = numpy.array([["a", None], [numpy.arange(2), {"b": 1}]], dtype=object)
    result = arrived(array)
    assert result.value[0] == ["a", None]
    assert result.array(1, 0).tolist() == [0, 1]
    assert result.value[1][1] == {"b": 1}
    with pytest.raises(OtherKindOfValue):
        result.array()
    if hasattr(numpy.dtypes, "StringDType"):
        assert arrived(numpy.array(["a", "bc"], dtype=numpy.dtypes.StringDType())).value == ["a", "bc"]


@pytest.mark.parametrize(
    "value", [numpy.ma.array([object()]), numpy.zeros(1, dtype=[("a", "O")]), numpy.longdouble([1])]
)
def test_an_array_of_what_is_not_the_same_everywhere_is_refused(value):
    with pytest.raises(NoPlainForm, match=r"array of .*Yield"):
        plain_form(value, in_line)


class OnDevice:
    """What jax's arrays are to numpy."""

    def __init__(self, array):
        self._array = array

    def __array__(self, dtype=None, copy=None):
        return self._array


def test_what_numpy_can_see_is_an_array():
    assert arrived(OnDevice(numpy.arange(3.0))).array().tolist() == [0, 1, 2]
    # One without dimensions is a number, which jax has no other type for.
    assert arrived(OnDevice(numpy.array(2.5))).value == 2.5


class Tensor:
    """Stands in for torch's tensors, as far as they refuse to be numpy's. The real ones were tried by hand."""

    is_quantized = is_meta = is_nested = False
    layout = "torch.strided"

    def __init__(self, array, dtype="torch.float32", steps=("grad", "cuda", "conj", "neg")):
        self._array, self.dtype, self._steps = array, dtype, steps

    def _without(self, step):
        return Tensor(self._array, self.dtype, [each for each in self._steps if each != step])

    def detach(self):
        return self._without("grad")

    def cpu(self):
        return self._without("cuda")

    def resolve_conj(self):
        return self._without("conj")

    def resolve_neg(self):
        return self._without("neg")

    def float(self):
        return Tensor(self._array, "torch.float32", self._steps)

    def numpy(self):
        if self._steps or "bfloat" in self.dtype:
            raise TypeError(f"can't convert a tensor with {self._steps} of {self.dtype}")
        return self._array


@pytest.fixture
def torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", ModuleType("torch"))
    monkeypatch.setattr(Tensor, "__module__", "torch")
    return sys.modules["torch"]


@pytest.mark.usefixtures("torch")
def test_a_tensor_is_an_array_wherever_it_is():
    assert arrived(Tensor(numpy.arange(3.0))).array().tolist() == [0, 1, 2]
    assert arrived({"w": Tensor(numpy.ones(2, "f4"), "torch.bfloat16")}).array("w").dtype == "f4"
    assert arrived(Tensor(numpy.array(2.5))).value == 2.5


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("change", [{"layout": "torch.sparse_coo"}, {"is_quantized": True}, {"is_meta": True}])
def test_a_tensor_without_an_array_is_refused(change, monkeypatch):
    for name, value in change.items():
        monkeypatch.setattr(Tensor, name, value)
    with pytest.raises(NoPlainForm, match=r"Yield tensor.to_dense\(\)"):
        plain_form(Tensor(numpy.ones(2)), in_line)


def test_an_array_of_cupy_is_an_array():
    class ndarray:
        """Stands in for cupy's arrays, which numpy must not take by itself."""

        __module__, __qualname__ = "cupy", "ndarray"

        def __array__(self, *_, **__):
            raise TypeError("Implicit conversion to a NumPy array is not allowed.")

        def get(self):
            return numpy.arange(3)

    assert arrived({"a": ndarray()}).array("a").tolist() == [0, 1, 2]


def test_a_form_is_json():
    assert json.loads(json.dumps(plain_form(numpy.zeros((1, 2), ">f4"), in_line))) == {
        "@array": {"dtype": ">f4", "shape": [1, 2], "order": "C", "data": "AAAAAAAAAAA="}
    }
