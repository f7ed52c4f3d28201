"""Opens the images among values, with PIL."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from airflow_provider_dfm.federation.errors import UnreadableValue
from airflow_provider_dfm.federation.value_buffers import Buffers, decoded
from airflow_provider_dfm.federation.value_forms import inside, members

if TYPE_CHECKING:
    import PIL.Image

# Bytes a pixel of the modes that come as they lie; of mode 1, eight pixels are in one.
RAW_BYTES = {"1": 0, "L": 1, "LA": 2, "P": 1, "RGB": 3, "RGBA": 4, "I;16": 2, "F": 4, "I": 4, "CMYK": 4, "YCbCr": 3}
RAW_BYTES |= {"LAB": 3, "HSV": 3, "RGBX": 4, "RGBa": 4, "La": 2}
# Not those that PIL reads by running another program, as Ghostscript for EPS.
FILES = ("PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "JPEG2000", "PPM", "ICO", "TGA")
OWN = {"mode", "size", "format"}


def open_image(form: Any, buffers: Buffers) -> PIL.Image.Image:
    """A ``PIL.Image.Image``.

    :param form: the form, ``{"@image": …}``, or bytes that are an image's file.
    :param buffers: reads its bytes.
    :raises OtherKindOfValue, UnreadableValue: it is none, or larger than PIL's limit, ``Image.MAX_IMAGE_PIXELS``.
    :raises ImportError: PIL is not installed here.
    """
    from PIL import Image

    about = inside(form, ["@image", "@bytes"], "an image")
    try:
        if "@bytes" in form:
            Image.init()
            kinds = [kind for kind in FILES if kind in Image.OPEN]
            image = Image.open(io.BytesIO(content_of(form, buffers)), "r", kinds)
            image.load()
            return image
        mode, size, kind = members(about, {"mode": str, "size": list, "format": str})
        if mode not in RAW_BYTES or len(size) != 2 or not all(type(n) is int and n >= 0 for n in size):
            raise UnreadableValue(f"has an image of mode {mode!r:.20} and size {size!r:.60}")
        content = content_of(form, buffers)
        image = (
            _raw(mode, (size[0], size[1]), content) if kind == "raw" else Image.open(io.BytesIO(content), "r", ["PNG"])
        )
        if (image.mode, list(image.size)) != (mode, size):
            raise UnreadableValue(f"has an image of mode {image.mode} and size {image.size}, not {mode} and {size}")
        image.load()
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        # PIL has these for what is no image, for broken ones, and for those that are larger than its limit.
        raise UnreadableValue(f"is an image that cannot be read ({type(error).__name__}: {error!s:.200})") from None
    return image


def _raw(mode: str, size: tuple[int, int], content: bytes | bytearray) -> Any:
    from PIL import Image

    width, height = size
    expected = (width + 7) // 8 * height if mode == "1" else width * height * RAW_BYTES[mode]
    if len(content) != expected:
        raise UnreadableValue(f"has an image of mode {mode} and size {size} whose bytes are {len(content)}")
    return Image.frombytes(mode, size, bytes(content))


def content_of(form: Any, buffers: Buffers) -> bytes | bytearray:
    """The bytes of a form that has little else: of bytes, or of an image.

    :param form: the form.
    :param buffers: reads them.
    """
    about = inside(form, ["@bytes", "@image"], "bytes")
    if "@image" in form:
        return buffers.read({key: member for key, member in about.items() if key not in OWN})
    return decoded(about) if isinstance(about, str) else buffers.read(about)
