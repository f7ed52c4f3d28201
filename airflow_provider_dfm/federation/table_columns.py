"""The columns of the tables among values, not yet of any library but numpy."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy

    Array: TypeAlias = numpy.ndarray[Any, Any]


@dataclass(frozen=True)
class Numbers:
    """Numbers, bools, times or durations, as numpy has them.

    :param values: one dimension.
    :param zone: the time zone of times that are in UTC; None: they have none.
    """

    values: Array
    zone: str | None = None


@dataclass(frozen=True)
class Texts:
    """Text or bytes.

    :param offsets: where each begins in the content, and where the last ends.
    :param content: all of them, one after the other; text in UTF-8.
    :param is_text: whether it is text.
    :param is_wide: whether Arrow had offsets of 64 bits for it.
    """

    offsets: Array
    content: bytes | bytearray
    is_text: bool
    is_wide: bool

    def items(self) -> list[Any]:
        """Each row's text, or bytes."""
        view, ends = memoryview(self.content), self.offsets.tolist()
        pieces = (bytes(view[start:end]) for start, end in pairwise(ends))
        return [piece.decode("utf-8", "surrogatepass") for piece in pieces] if self.is_text else list(pieces)


@dataclass(frozen=True)
class Categories:
    """Values of which many are the same.

    :param codes: for each row, which of the categories; -1: none.
    :param categories: the values.
    :param ordered: whether they are in an order.
    """

    codes: Array
    categories: Column
    ordered: bool


@dataclass(frozen=True)
class Days:
    """Dates: days since 1970."""

    values: Array


@dataclass(frozen=True)
class Clock:
    """Times of the day: nanoseconds since midnight."""

    values: Array


@dataclass(frozen=True)
class Decimals:
    """Decimal numbers.

    :param texts: the numbers.
    :param precision: how many digits they have at most; None: nobody knows.
    :param scale: how many of them after the point.
    """

    texts: Texts
    precision: int | None
    scale: int | None


@dataclass(frozen=True)
class Periods:
    """pandas' periods.

    :param values: their numbers.
    :param freq: how long they are, as pandas says it.
    """

    values: Array
    freq: str


@dataclass(frozen=True)
class Intervals:
    """pandas' intervals.

    :param left: where each begins.
    :param right: where each ends.
    :param closed: which ends belong to them.
    """

    left: Column
    right: Column
    closed: str


@dataclass(frozen=True)
class Lists:
    """Lists of one type.

    :param offsets: where each begins in the items, and where the last ends.
    :param items: all of them, one after the other.
    """

    offsets: Array
    items: Column


@dataclass(frozen=True)
class Structs:
    """Values with named fields.

    :param names: the fields' names.
    :param fields: the fields.
    """

    names: list[str]
    fields: list[Column]


@dataclass(frozen=True)
class Objects:
    """Anything that Python has, such as lists."""

    values: list[Any]


@dataclass(frozen=True)
class Column:
    """A column.

    :param rows: how many rows.
    :param data: its values; in the place of missing ones there is something.
    :param valid: for each row whether it has a value; None: each has.
    :param dtype: what pandas said of it; ``""``: nothing.
    :param missing: what stood for a missing value among objects: None, or NaN.
    """

    rows: int
    data: Numbers | Texts | Categories | Days | Clock | Decimals | Periods | Intervals | Lists | Structs | Objects
    valid: Array | None
    dtype: str
    missing: float | None = None

    def with_missing(self, items: list[Any], missing: float | None = None) -> list[Any]:
        """The rows' values, with something else for those that are missing.

        :param items: the values.
        :param missing: what.
        """
        if self.valid is None:
            return items
        return [item if there else missing for item, there in zip(items, self.valid.tolist(), strict=True)]
