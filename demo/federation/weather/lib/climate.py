"""The adapters of ``temperature.Climate`` and ``temperature.Months``."""

from __future__ import annotations

import numpy
from nv_dfm_core.exec import Site

from .measurements import read_hours, temperature_file


class Climate:
    """Averages a site's own measurements over the days of each month.

    :param site: the site that the adapter runs at
    """

    def __init__(self, site: Site):
        self._site = site.dfm_context.this_site

    async def body(self) -> numpy.ndarray:
        """Compute the mean temperatures of the year.

        :return: °C, 12 months by 24 hours of the day; NaN where nothing was measured
        """
        sums, counts = numpy.zeros((12, 24)), numpy.zeros((12, 24))
        for time, celsius in read_hours(temperature_file(self._site)):
            sums[time.month - 1, time.hour] += celsius
            counts[time.month - 1, time.hour] += 1
        with numpy.errstate(invalid="ignore"):
            return sums / counts


class Months:
    """Cuts some months out of a year."""

    async def body(self, climate: numpy.ndarray, first: int, last: int) -> numpy.ndarray:
        """Cut.

        :param climate: what ``temperature.Climate`` returned
        :param first: the first month, from 1
        :param last: the last month, inclusive
        :return: a row for each of the months
        :raises ValueError: if the months are none of a year, in this order
        """
        if not 1 <= first <= last <= len(climate):
            raise ValueError(f"There are no months {first} to {last}: from 1 to {len(climate)}, the first one first")
        return climate[first - 1 : last]
