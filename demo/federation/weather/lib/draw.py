"""The adapter of ``temperature.Draw``."""

from __future__ import annotations

import io

import numpy
from PIL import Image

CELL = (30, 30)
# Red, green and blue of the coldest, the middle and the warmest temperature.
COLOURS = numpy.array([[33, 102, 172], [247, 247, 247], [178, 24, 43]])


class Draw:
    """Draws temperatures."""

    async def body(self, temperatures: numpy.ndarray) -> bytes:
        """Draw a coloured square for each temperature.

        :param temperatures: °C, months by hours of the day
        :return: a PNG image
        """
        low, high = numpy.nanmin(temperatures), numpy.nanmax(temperatures)
        levels = numpy.linspace(low, high, len(COLOURS))
        channels = [numpy.interp(numpy.nan_to_num(temperatures, nan=low), levels, channel) for channel in COLOURS.T]
        image = Image.fromarray(numpy.stack(channels, axis=-1).round().astype("uint8"))
        file = io.BytesIO()
        image.resize((image.width * CELL[0], image.height * CELL[1]), Image.Resampling.NEAREST).save(file, "png")
        return file.getvalue()
