"""The adapter of ``temperature.Draw``."""

from __future__ import annotations

import io

import numpy
from PIL import Image

CELL = (30, 30)
COLD, WARM = numpy.array([33, 102, 172]), numpy.array([178, 24, 43])


class Draw:
    """Draws temperatures."""

    async def body(self, temperatures: numpy.ndarray) -> bytes:
        """Draw a coloured square for each temperature.

        :param temperatures: °C, months by hours of the day
        :return: a PNG image
        """
        low, high = numpy.nanmin(temperatures), numpy.nanmax(temperatures)
        share = numpy.nan_to_num((temperatures - low) / max(high - low, 1e-9))[..., numpy.newaxis]
        image = Image.fromarray((COLD + share * (WARM - COLD)).round().astype("uint8"))
        file = io.BytesIO()
        image.resize((image.width * CELL[0], image.height * CELL[1]), Image.Resampling.NEAREST).save(file, "png")
        return file.getvalue()
