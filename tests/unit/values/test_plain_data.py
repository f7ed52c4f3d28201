"""What has a plain form of JSON's own: numbers, text, dates, records; and what is refused."""

from __future__ import annotations

import array
import ast
import collections
import dataclasses
import enum
import json
import math
import pathlib
import subprocess
import sys
import uuid
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from ipaddress import ip_address
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

import attrs
import numpy
import pandas
import pendulum
import pydantic
import pytest

from airflow_provider_dfm.federation.errors import UnreadableValue
from airflow_provider_dfm.federation.host_process import JOB_MODULES
from airflow_provider_dfm.remote.module_package import write_package
from airflow_provider_dfm.remote.plain_values import in_line, plain_form

from .arrivals import arrived, result_of

REMOTE = pathlib.Path(__file__).parents[3] / "airflow_provider_dfm" / "remote"


class Colour(enum.Enum):
    RED = "red"
    PAIR = (1, b"\x00")


class Level(enum.IntEnum):
    HIGH = 3


class Word(str, enum.Enum):
    YES = "yes"


class Point(NamedTuple):
    x: int
    y: float


@dataclasses.dataclass
class Station:
    name: str
    at: Point
    raw: bytes = b"\xff"


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    opened: date


@attrs.define
class Sensor:
    unit: str
    readings: set[int]


class Model(pydantic.BaseModel):
    when: datetime
    mean: float
    price: Decimal = Decimal("1.50")


class Epoch(pydantic.BaseModel):
    when: Annotated[
        datetime, pydantic.PlainSerializer(lambda when: int(when.timestamp()), when_used="json", return_type=int)
    ]


class Picture(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)

    pixels: Any
    content: bytes
    tags: set[str]


class Text(str):
    pass


class Number(float):
    pass


class Items(list):  # type: ignore[type-arg]
    pass


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({"a": [1, None, True, "ä", 1.5, [], {}]}, {"a": [1, None, True, "ä", 1.5, [], {}]}),
        ((1, [None, "ä"]), [1, [None, "ä"]]),
        ({"b", "a"}, ["a", "b"]),
        (frozenset([2]), [2]),
        ({10, 2, 1.5, -3}, [-3, 1.5, 2, 10]),
        ({"a", 2, None}, ["a", 2, None]),
        (float("inf"), float("inf")),
        (10**4299, 10**4299),
        ("\x00\ud800", "\x00\ud800"),
        (Text("a"), "a"),
        (Number(2.5), 2.5),
        (Items([1]), [1]),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.defaultdict(list, a=[1]), {"a": [1]}),
        (collections.Counter("aa"), {"a": 2}),
        (collections.UserDict(a=1), {"a": 1}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (collections.deque([1]), [1]),
        (range(3), [0, 1, 2]),
        ({"a": 1}.keys(), ["a"]),
        (b"\x00\xff", {"@bytes": "AP8="}),
        (bytearray(), {"@bytes": ""}),
        (memoryview(b"abcdef")[::2], {"@bytes": "YWNl"}),
        (datetime(2010, 1, 1, 12, tzinfo=timezone(timedelta(hours=2))), "2010-01-01T12:00:00+02:00"),
        (datetime(2010, 1, 1, 12, tzinfo=BERLIN), "2010-01-01T12:00:00+01:00"),
        (datetime(2010, 1, 1, tzinfo=timezone.utc), "2010-01-01T00:00:00Z"),
        (date(2010, 1, 1), "2010-01-01"),
        (time(12, 30), "12:30:00"),
        (timedelta(days=1), "P1D"),
        (pendulum.datetime(2010, 1, 1, tz="Europe/Berlin"), "2010-01-01T00:00:00+01:00"),
        (pendulum.duration(days=2), "P2D"),
        (pendulum.date(2010, 1, 1), "2010-01-01"),
        (BERLIN, "Europe/Berlin"),
        (Colour.RED, "red"),
        (Colour.PAIR, [1, {"@bytes": "AA=="}]),
        (Level.HIGH, 3),
        (Word.YES, "yes"),
        (Point(1, 2.5), [1, 2.5]),
        (Station("a", Point(1, 2.5)), {"name": "a", "at": [1, 2.5], "raw": {"@bytes": "/w=="}}),
        (Slotted(date(2010, 1, 1)), {"opened": "2010-01-01"}),
        (Sensor("K", {2, 1}), {"unit": "K", "readings": [1, 2]}),
        (
            Model(when=datetime(2010, 1, 1), mean=2.5),
            {"when": "2010-01-01T00:00:00", "mean": 2.5, "price": "1.50"},
        ),
        ([Epoch(when=datetime(1970, 1, 2, tzinfo=timezone.utc))], [{"when": 86400}]),
        (Decimal("1.50"), "1.50"),
        (Fraction(1, 3), "1/3"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (pathlib.PurePosixPath("a/b"), "a/b"),
        (ip_address("10.0.0.1"), "10.0.0.1"),
        (numpy.float32(2.5), 2.5),
        (numpy.float16(2.5), 2.5),
        (numpy.int64(-7), -7),
        (numpy.bool_(True), True),
        (numpy.str_("ä"), "ä"),
        (numpy.bytes_(b"a"), {"@bytes": "YQ=="}),
        (numpy.datetime64("2010-01-01T00:00:00.000000001"), "2010-01-01T00:00:00.000000001"),
        (numpy.datetime64("NaT"), None),
        (numpy.timedelta64(5, "D"), "P5D"),
        (numpy.timedelta64(-1_500_000_001, "ns"), "-PT1.500000001S"),
        (numpy.timedelta64(5), 5),
        (numpy.ma.masked, None),
        (pandas.Timestamp("2010-01-01", tz="UTC"), "2010-01-01T00:00:00Z"),
        (pandas.Timestamp("2010-01-01T00:00:00.000000001"), "2010-01-01T00:00:00.000000001"),
        (pandas.Timedelta("1D"), "P1D"),
        (pandas.Timedelta("1ns"), "PT0.000000001S"),
        (pandas.NaT, None),
        (pandas.NA, None),
        (pandas.Period("2010-01"), "2010-01"),
        (pandas.Interval(0, 1), {"left": 0, "right": 1, "closed": "right"}),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_value_is_plain(value, plain):
    form = plain_form(value, in_line)
    assert form == plain
    assert type(form) is type(plain)
    assert arrived(value).value == plain
    assert arrived([{"in": value}]).value == [{"in": plain}]


def test_not_a_number_is_kept():
    assert math.isnan(arrived([float("nan")]).value[0])
    assert math.isnan(arrived({"a": numpy.float32("nan")}).value["a"])


def test_a_models_fields_are_what_they_are_where_they_hold_more_than_json():
    result = arrived(Picture(pixels=numpy.arange(3), content=b"a", tags={"b", "a"}))
    assert result.array("pixels").tolist() == [0, 1, 2]
    assert result.content("content") == b"a"
    assert result.value["tags"] == ["a", "b"]


def test_a_value_in_two_places_is_in_both():
    shared = [1]
    assert plain_form([shared, {"a": shared}], in_line) == [[1], {"a": [1]}]


def test_an_array_of_the_standard_library_is_an_array():
    for code in "bBhHiIlLqQfd":
        values = array.array(code, [1, 2, 3])
        opened = arrived(values).array()
        assert opened.tolist() == [1, 2, 3]
        assert opened.itemsize == values.itemsize
    assert arrived(array.array("d")).array().shape == (0,)


@pytest.mark.parametrize("value", [1 + 2j, complex("nan")])
def test_a_complex_number_is_an_array_without_dimensions(value):
    opened = arrived(value).array()
    assert opened.shape == ()
    assert repr(opened.item()) == repr(value)


def _with_imports(module):
    """The source of a module, and of all that it imports beside it."""
    sources, found = {}, [module]
    while found:
        name = found.pop()
        sources[name] = (REMOTE / f"{name}.py").read_text()
        for node in ast.walk(ast.parse(sources[name])):
            if isinstance(node, ast.ImportFrom) and node.level:
                beside = [node.module] if node.module else [each.name for each in node.names]
                found += [each for each in beside if each not in sources]
    return sources


def test_the_modules_that_travel_need_the_standard_library_alone_and_import_nothing_for_a_value(tmp_path):
    sources = _with_imports("plain_values")
    assert len(sources) > 1
    assert set(sources) <= set(JOB_MODULES)
    write_package(str(tmp_path), "job_package", sources)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from job_package.plain_values import in_line, plain_form\n"
        "import decimal, enum, json\n"
        "colour = enum.Enum('Colour', {'RED': 'red'})\n"
        "print(json.dumps(plain_form({'a': (1, b'x', colour.RED), 1j: decimal.Decimal('1.5')}, in_line)))\n"
    )
    command = [sys.executable, "-I", "-S", "-c", program]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    number = {"@array": {"dtype": "<c16", "shape": [], "order": "C", "data": "AAAAAAAAAAAAAAAAAADwPw=="}}
    assert json.loads(printed) == {"@dict": [["a", [1, {"@bytes": "eA=="}, "red"]], [number, "1.5"]]}


def test_the_form_is_the_same_in_json_as_in_earlier_releases():
    result = arrived({"a": [1]})
    assert dict(result) == {
        "parameter_set": 0,
        "frame": (0,),
        "place": "answer",
        "site": "seattle",
        "value": {"a": [1]},
        "node": None,
    }
    assert json.loads(result.model_dump_json())["value"] == {"a": [1]}
    assert "value={'a': [1]}" in repr(result)
    assert result == arrived({"a": [1]}) != arrived({"a": [2]})
    assert type(result).model_validate_json(result.model_dump_json()) == result


def test_a_file_that_is_no_json_is_refused(tmp_path):
    from .arrivals import FolderFiles

    files = FolderFiles(tmp_path)
    whole = result_of({"@json": files.keep(memoryview(b'{"a": [1, {"@bytes": "eA=="}]}'))}, files)
    assert whole.value == {"a": [1, {"@bytes": "eA=="}]}
    assert whole.content("a", 1) == b"x"
    # A dict of earlier releases, and one in another, are what they are.
    for plain in ({"@json": 5}, {"@json": {"data": "e30="}}, [{"@json": {"file": "a", "bytes": 1, "sha256": ""}}]):
        assert result_of(plain, files).value == plain
    for content in (b"{", b"\xff", b"[" * 100_000):
        with pytest.raises(UnreadableValue, match="is not JSON"):
            _ = result_of({"@json": files.keep(memoryview(content))}, files).value
