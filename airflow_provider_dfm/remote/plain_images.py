"""The plain form of PIL's images."""

from __future__ import annotations

import io
from typing import Any

from .plain_part import NoPlainForm, Parts

# The modes that PNG has without a loss.
PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
RAW_MODES = ("F", "I", "CMYK", "YCbCr", "LAB", "HSV", "RGBX", "RGBa", "La")


def image_form(image: Any, parts: Parts) -> Any:
    """``{"@image": …}``: a PNG, or the pixels as they lie where PNG does not know the mode.

    :param image: the ``PIL.Image.Image``.
    :param parts: takes the bytes.
    :raises NoPlainForm: it has several frames, or an unknown mode.
    """
    if getattr(image, "n_frames", 1) > 1:
        advice = "Yield them one by one: [frame.copy() for frame in PIL.ImageSequence.Iterator(image)]."
        raise NoPlainForm(f"An image of {image.n_frames} frames", advice)
    about = {"mode": image.mode, "size": list(image.size)}
    if image.mode in PNG_MODES and 0 not in image.size:
        file = io.BytesIO()
        image.save(file, "PNG")
        return {"@image": about | {"format": "png"} | parts.keep(file.getbuffer())}
    if image.mode in (*PNG_MODES, *RAW_MODES):
        return {"@image": about | {"format": "raw"} | parts.keep(memoryview(image.tobytes()))}
    raise NoPlainForm(f"An image of mode {image.mode}", "Yield image.convert('RGBA').")
