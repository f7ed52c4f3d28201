"""The adapters of the federation ``trials``."""

from __future__ import annotations

import asyncio
import os
import struct
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy
from nv_dfm_core.exec.discovery import AdvisedError, AdvisedLiteral, AdvisedOneOf, field_advisor

from .values import VALUES


class Echo:
    """Returns its argument."""

    async def body(self, value: Any) -> Any:
        """Return the value."""
        return value


class Repeat:
    """Returns a text several times."""

    async def body(self, text: str, count: int) -> str:
        """Return the text count times."""
        return text * count


class Spell:
    """Returns the letters of a text."""

    async def body(self, text: str, separator: str, limit: int) -> str:
        """Return the first letters, as many as the limit says, with the separator between them."""
        return separator.join(text[:limit])


class Fail:
    """Raises an error, unless its message is empty."""

    async def body(self, message: str) -> str:
        """Raise a RuntimeError with the message, or return ``fine`` when it is empty."""
        if message:
            raise RuntimeError(message)
        return "fine"


class Sleep:
    """Waits."""

    async def body(self, seconds: float) -> float:
        """Wait, and return the seconds waited."""
        await asyncio.sleep(seconds)
        return seconds


class Hold:
    """Waits until somebody lets it go on."""

    async def body(self, value: Any, until: str) -> Any:
        """Wait until there is a file ``until``, and return the value."""
        while not os.path.exists(until):
            await asyncio.sleep(0.1)
        return value


class Count:
    """Gives several values, one after the other."""

    async def body(self, count: int, until: str) -> AsyncIterator[int]:
        """Return what gives the numbers below count, the last one once there is a file ``until``."""
        # DFM awaits the body, so that itself cannot be the generator.
        return self._numbers(count, until)

    async def _numbers(self, count: int, until: str) -> AsyncIterator[int]:
        for number in range(count):
            while number == count - 1 and until and not os.path.exists(until):
                await asyncio.sleep(0.1)
            yield number


class Unsteady:
    """Fails the first times that it is run with a value."""

    async def body(self, value: str, failures: int, runs: str) -> str:
        """Note the run in the file ``runs``; raise a RuntimeError so often, then return the value."""
        with open(runs, "a+", encoding="utf-8") as file:
            file.write(value + "\n")
            file.seek(0)
            if file.read().split("\n").count(value) <= failures:
                raise RuntimeError(f"{value} failed")
        return value


class Describe:
    """Returns its arguments."""

    async def body(self, **arguments: Any) -> dict[str, Any]:
        """Return the arguments that came, by name."""
        return arguments


class Large:
    """Returns a string of a wanted size."""

    async def body(self, size: int) -> str:
        """Return size times an x."""
        return "x" * size


class Give:
    """Returns what JSON does not know."""

    async def body(self, kind: str, size: int) -> Any:
        """Return a value of the kind, see :mod:`trials.lib.values`."""
        return VALUES[kind](size)


class GiveEach:
    """Gives several such values, one after the other."""

    async def body(self, kinds: str, size: int) -> Iterator[Any]:
        """Return what gives a value of each kind."""
        return (VALUES[kind](size) for kind in kinds.split())


class Grid:
    """Makes an array."""

    async def body(self, rows: int, columns: int | None) -> numpy.ndarray:
        """Return an array whose values count from 0; DFM gives None for what was left out."""
        columns = 4 if columns is None else columns
        return numpy.arange(rows * columns, dtype="float32").reshape(rows, columns)


class Cut:
    """Cuts an array."""

    async def body(self, grid: numpy.ndarray, first: int, last: int) -> numpy.ndarray:
        """Return the rows from the first to before the last."""
        return grid[first:last]


class Draw:
    """Draws an array."""

    async def body(self, grid: numpy.ndarray) -> bytes:
        """Return a PNG image of it, a pixel a value, in grey: www.w3.org/TR/png-3."""
        levels = numpy.interp(grid, (grid.min(), grid.max()), (0, 255)).astype("uint8")
        rows = b"".join(b"\0" + row.tobytes() for row in levels)
        header = struct.pack(">IIBBBBB", levels.shape[1], levels.shape[0], 8, 0, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            for name, data in chunks
        )


class Measure:
    """Returns its arguments, and advises on them."""

    @field_advisor("city", order=0)
    async def cities(self, value: Any, context: Any) -> AdvisedOneOf:
        """Either has other sensors."""
        return AdvisedOneOf(["seattle", "boston"], split_on_advice=True)

    @field_advisor("sensor", order=1)
    async def sensors(self, value: Any, context: Any) -> AdvisedOneOf:
        """Those of the city."""
        sensors = {"seattle": ["rain", "wind"], "boston": ["snow"]}
        return AdvisedOneOf(list(sensors[context.get("city")]), split_on_advice=True)

    @field_advisor("hours", order=2)
    async def hours(self, value: Any, context: Any) -> AdvisedOneOf:
        """The same for all."""
        return AdvisedOneOf([1, 24])

    async def body(self, city: str, sensor: str, hours: int) -> list[Any]:
        """Return the arguments."""
        return [city, sensor, hours]


class AdviseBadly:
    """Has an advisor that does not give what it should."""

    @field_advisor("value")
    async def values(self, value: Any, context: Any) -> Any:
        """Raise, always or until there is a file ``how``; refuse, give nothing, or give what no advice goes on from."""
        how = context.get("how")
        first = os.path.isabs(how) and not os.path.exists(how)
        if first:
            with open(how, "x", encoding="utf-8"):
                pass
        if first or how == "raise":
            raise RuntimeError("the advisor is out")
        if how == "refuse":
            return AdvisedError("no advice today")
        if how == "nothing":
            return AdvisedOneOf([], split_on_advice=True)
        return AdvisedLiteral(1, break_on_advice=True)

    async def body(self, how: str, value: Any) -> Any:
        """Return the value."""
        return value


class NotANumber:
    """Returns a float that JSON does not know."""

    async def body(self) -> float:
        """Return NaN."""
        return float("nan")
