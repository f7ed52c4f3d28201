"""Which pickles are read, in which form, and that none is run."""

from __future__ import annotations

import base64
import builtins
import contextlib
import decimal
import itertools
import os
import pickle
import struct
from datetime import date, datetime, time, timedelta, timezone

import numpy
import pytest

from airflow_provider_dfm.federation.tokens import Result
from airflow_provider_dfm.remote import safe_pickles
from airflow_provider_dfm.remote.safe_pickles import NotPlain, as_plain, read_plain

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
DTYPES = ("?", "i1", "<i4", ">i8", "u2", "f2", "<f4", ">f8", "c8", "c16", "M8[D]", "m8[25us]", "S3", "<U2", ">U2")
SHAPES = ((), (0,), (3,), (2, 3), (0, 2), (2, 1, 3))


def _result(value):
    return Result(parameter_set=0, frame=(0,), place="result", site="seattle", value=value)


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_array_is_what_it_was(dtype):
    for shape, order, protocol in itertools.product(SHAPES, "CF", PROTOCOLS):
        count = int(numpy.prod(shape))
        values = numpy.arange(7, 7 + 3 * count, 3, dtype="i8").astype("M8[s]" if "M" in dtype else "i8")
        array = numpy.asarray(values.astype(dtype).reshape(shape), order=order)
        read = _result(read_plain(pickle.dumps(array, protocol=protocol))).array()
        assert (read.dtype, read.shape) == (array.dtype, array.shape)
        assert read.tobytes() == array.tobytes()


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (float("inf"), float("inf")),
        (numpy.float32(2.5), 2.5),
        (numpy.int64(-7), -7),
        (numpy.bool_(True), True),
        (numpy.str_("ä"), "ä"),
        ((1, [None, "ä"]), [1, [None, "ä"]]),
        ({"b", "a"}, ["a", "b"]),
        (frozenset([2]), [2]),
        ({2: "a", None: 2, True: 3}, {"2": "a", "true": 3, "null": 2}),
        (b"\x00\xff", {"@bytes": "AP8="}),
        (bytearray(), {"@bytes": ""}),
        (datetime(2010, 1, 1, 12, tzinfo=timezone(timedelta(hours=2))), "2010-01-01T12:00:00+02:00"),
        (date(2010, 1, 1), "2010-01-01"),
        (time(12, 30), "12:30:00"),
        (timedelta(days=1), "P1D"),
    ],
)
def test_plain_data_is_read(value, plain):
    for protocol in PROTOCOLS:
        assert read_plain(pickle.dumps(value, protocol=protocol)) == plain
    # The same that a process gives that has run the pickle.
    assert as_plain(value) == plain


def test_a_long_list_of_small_numbers_is_read():
    numbers = [float("nan"), *([1] * 2_000_000)]
    assert len(read_plain(pickle.dumps(numbers))) == len(numbers)


def test_not_a_number_is_read():
    assert repr(read_plain(pickle.dumps([float("nan")]))) == "[nan]"


class Call:
    """Has its pickle call something."""

    def __init__(self, function, *arguments):
        self.reduced = (function, arguments)

    def __reduce__(self):
        return self.reduced


class Thing:
    pass


@pytest.mark.parametrize(
    "value",
    [
        Call(os.system, "touch ran"),
        Call(builtins.eval, "open('ran', 'w')"),
        Call(os.getenv, "HOME"),
        [Call(os.system, "touch ran")],
        Thing(),
        Thing,
        numpy.load,
        numpy.array([Thing()]),
        numpy.zeros(2, dtype=[("a", "i4")]),
        numpy.longdouble(1),
        decimal.Decimal(1),
        1 + 2j,
        2**5000,
        {(1, 2): 3},
        numpy.ma.masked_array([1], [True]),
    ],
)
def test_anything_else_is_refused_and_not_run(value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for protocol in PROTOCOLS:
        with pytest.raises(NotPlain):
            read_plain(pickle.dumps(value, protocol=protocol))
    assert not list(tmp_path.iterdir())


def _nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def _doubled(times):
    value = ["x"]
    for _ in range(times):
        value = [value, value]
    return value


def _cycle():
    value = []
    value.append(value)
    return value


@pytest.mark.parametrize("value", [_nested(200), _doubled(40), _cycle(), [b"x" * 1_000_000] * 1000])
def test_what_would_become_endless_or_very_large_is_refused(value):
    with pytest.raises(NotPlain, match=r"nested too deeply|much larger"):
        read_plain(pickle.dumps(value))


HUGE = struct.pack("<Q", 1 << 40)
ARRAY = pickle.dumps(numpy.zeros(2), protocol=2)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"junk",
        pickle.dumps([1, 2])[:-3],
        # A length that a reader would take memory for.
        b"\x80\x05\x96" + HUGE + b".",
        b"\x80\x04\x8e" + HUGE + b".",
        # A persistent id, an extension code, a buffer from outside.
        b"\x80\x02X\x01\x00\x00\x00aQ.",
        b"\x80\x02\x82\x01.",
        b"\x80\x05\x97.",
        # Sizes that are not those of the data.
        ARRAY.replace(b"K\x02\x85", b"K\x03\x85"),
        ARRAY.replace(b"K\x02\x85", b"J\xff\xff\xff\x7f\x85"),
        ARRAY.replace(b"f8", b"f4"),
        ARRAY.replace(b"f8", b"O8"),
        # A function's attributes, and a class's.
        b"\x80\x02c_codecs\nencode\nN}X\x01\x00\x00\x00aK\x01s\x86b.",
        b"\x80\x02cdatetime\ndatetime\nN}X\x01\x00\x00\x00aK\x01s\x86b.",
        # Memory by a number.
        b"\x80\x02cbuiltins\nbytes\nJ\xff\xff\xff\x7f\x85R.",
        b"\x80\x02cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R.",
    ],
)
def test_what_is_damaged_or_forged_is_refused(data):
    with pytest.raises(NotPlain):
        read_plain(data)


def test_a_huge_memo_number_takes_no_memory():
    assert read_plain(b"\x80\x02Nr\xff\xff\xff\x7f.") is None


def _text(value):
    return b"\x8c" + bytes([len(value)]) + value.encode()


def _called(module, name):
    return _text(module) + _text(name) + b"\x93"


_MEBIBYTE = b"B" + struct.pack("<I", 1 << 20) + b"a" * (1 << 20)
_BYTES = _called("numpy", "dtype") + _text("u1") + b"\x89\x88\x87R(K\x03" + _text("|") + b"NNNJ\xff\xff\xff\xff"
_BYTES += b"J\xff\xff\xff\xffK\0tb"
_FROM_BUFFER = _called("numpy._core.numeric", "_frombuffer")
_LISTS = b"".join(b"q%c(" % number + (b"h%c" % number) * 100 + b"l" for number in range(20))
FORGED = {
    "a nested tuple as a key": b"})" + b"\x85" * 600_000 + b"Ns.",
    "a nested tuple in a set": b"\x8f()" + b"\x85" * 600_000 + b"\x90.",
    "nested tuples": b")" + b"\x85" * 100_000 + b".",
    "nested lists": b"]" * 100_000 + b"a" * 99_999 + b".",
    "lists of the same lists": b"N" + _LISTS + b".",
    "lists of the same lists as a name": b"N" + _LISTS + _text("x") + b"\x93.",
    "lists of the same lists as a dtype": _called("numpy", "dtype") + b"N" + _LISTS + b"\x85R.",
    "arrays of the same bytes": b"](" + _FROM_BUFFER + b"q\0(" + _MEBIBYTE + _BYTES + b"J\0\0\x10\0\x85"
    + _text("C") + b"tq\x01R" + b"h\0h\x01R" * 5000 + b"e.",
    "sets of the same items": b"](" + _called("builtins", "set") + b"q\0((" + b"N" * 500_000 + b"ltq\x01R"
    + b"h\0h\x01R" * 3000 + b"e.",
    "the same text encoded": b"(" + _called("_codecs", "encode") + b"q\0X" + _MEBIBYTE[1:] + _text("latin1")
    + b"\x86q\x01R" + b"h\0h\x01R" * 5000 + b"l.",
    "the same text encoded and dropped": _called("_codecs", "encode") + b"q\0X" + _MEBIBYTE[1:] + _text("latin1")
    + b"\x86q\x01R" + b"h\0h\x01R0" * 5000 + b".",
    "a list in itself": b"]q\0h\0a.",
    "a state of a list": b"]}b.",
    "a name alone": _called("builtins", "set") + b".",
    "a name in a list": b"]" + _called("builtins", "set") + b"a.",
    "a dtype alone": _BYTES + b".",
    "an object of a name": _called("builtins", "set") + b")\x81.",
    "two keys that are alike": b"}K\x01Ns" + _text("1") + b"Ns.",
    "an empty array larger than numpy's": _FROM_BUFFER + b"(C\0" + _BYTES + b"K\0\x8a\x0a" + b"\xff" * 9 + b"\x7f\x86"
    + _text("C") + b"tR.",
    "text without a length": _called("numpy", "dtype") + _text("S0") + b"\x89\x88\x87R.",
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_pickle_takes_neither_the_process_nor_its_memory(name):
    """Each of these ends the process, takes gigabytes or never ends in a reader that believes it."""
    with pytest.raises(NotPlain):
        read_plain(FORGED[name])


def test_every_cut_and_every_changed_byte_gives_a_value_or_a_refusal():
    data = pickle.dumps({"a": [numpy.zeros((2, 3), order="F"), date(2010, 1, 1)], "b": {1, 2}})
    cuts = [data[:end] for end in range(len(data))]
    changed = [
        data[:position] + bytes([byte]) + data[position + 1 :]
        for position in range(len(data))
        for byte in (0, 1, 0x28, 0x52, 0x62, 0x85, 0xFF)
    ]
    for each in cuts + changed:
        with contextlib.suppress(NotPlain):
            read_plain(each)


def test_nothing_is_left_behind_by_a_pickle_that_was_refused():
    before = {name: dict(vars(call)) if hasattr(call, "__dict__") else None for name, call in names()}
    for data in (b"\x80\x02c_codecs\nencode\nN}X\x01\x00\x00\x00aK\x01s\x86b.",):
        with pytest.raises(NotPlain, match="changes a function"):
            read_plain(data)
    assert {name: dict(vars(call)) if hasattr(call, "__dict__") else None for name, call in names()} == before


def names():
    return [(name, stand_in) for name, stand_in in safe_pickles.STAND_INS.items() if name[0] != "datetime"]


def test_content_and_array_say_what_the_value_is_instead():
    assert _result(read_plain(pickle.dumps(b"image"))).content() == b"image"
    for call in (_result(3).content, _result({"@bytes": ""}).array, _result({"@array": {}, "more": 1}).array):
        with pytest.raises(TypeError, match="parameter set 0 at place 'result' is not"):
            call()


def test_an_array_that_was_unpickled_has_the_same_form():
    array = numpy.arange(6, dtype="f4").reshape(2, 3)
    form = read_plain(pickle.dumps(array))
    assert as_plain(array) == form
    assert base64.b64decode(form["@array"]["data"]) == array.tobytes()
