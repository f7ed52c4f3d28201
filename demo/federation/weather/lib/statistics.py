"""The adapter of ``temperature.Statistics``."""

from __future__ import annotations

from datetime import date
from typing import Any

from nv_dfm_core.exec import Site

from .measurements import read_celsius, temperature_file


class Statistics:
    """Sums up a site's own measurements; no single measurement's time is told.

    :param site: the site that the adapter runs at
    """

    def __init__(self, site: Site):
        self._site = site.dfm_context.this_site

    async def body(self, start: str, end: str) -> dict[str, Any]:
        """Compute the statistics of some days.

        :param start: the first day, as an ISO date
        :param end: the last day, inclusive
        :return: site, start, end, measurements, and mean, minimum and maximum in °C
        :raises ValueError: if a date is none, start is after end, or nothing was measured
        """
        first, last = _day("start", start), _day("end", end)
        if first > last:
            raise ValueError(f"start ({first}) is after end ({last})")
        count, total, minimum, maximum = 0, 0.0, float("inf"), float("-inf")
        for celsius in read_celsius(temperature_file(self._site), first, last):
            count += 1
            total += celsius
            minimum, maximum = min(minimum, celsius), max(maximum, celsius)
        if not count:
            raise ValueError(f"Site {self._site} has no measurements from {first} to {last}")
        return {
            "site": self._site,
            "start": first.isoformat(),
            "end": last.isoformat(),
            "measurements": count,
            "mean": round(total / count, 2),
            "minimum": round(minimum, 2),
            "maximum": round(maximum, 2),
        }


def _day(name: str, value: str) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be an ISO date such as 2010-01-31, not {value!r}") from None
