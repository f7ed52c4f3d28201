"""The adapters of the federation ``trials``."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import datetime, timezone
from typing import Any


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


class Large:
    """Returns a string of a wanted size."""

    async def body(self, size: int) -> str:
        """Return size times an x."""
        return "x" * size


class Pickle:
    """Returns what DFM cannot send as JSON."""

    async def body(self) -> datetime:
        """Return noon of the first day of 2010, UTC."""
        return datetime(2010, 1, 1, 12, tzinfo=timezone.utc)


class NotANumber:
    """Returns a float that JSON does not know."""

    async def body(self) -> float:
        """Return NaN."""
        return float("nan")
