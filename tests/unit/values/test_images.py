"""PIL's images."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import zlib

import numpy
import PIL.Image
import pytest

from airflow_provider_dfm.federation.errors import OtherKindOfValue, UnreadableValue
from airflow_provider_dfm.remote.plain_values import NoPlainForm, in_line, plain_form

from .arrivals import FolderFiles, arrived, result_of

NOISE = PIL.Image.effect_noise((9, 5), 50)
IMAGES = {mode: NOISE.convert(mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "F", "I", "CMYK", "YCbCr")}
IMAGES |= {
    "HSV": NOISE.convert("RGB").convert("HSV"),
    "RGBX": NOISE.convert("RGB").convert("RGBX"),
    "RGBa": NOISE.convert("RGBA").convert("RGBa"),
    "La": NOISE.convert("LA").convert("La"),
    "LAB": PIL.Image.new("LAB", (3, 2), (50, 20, 30)),
    "large numbers": PIL.Image.fromarray(numpy.array([[1 << 20, -5]], "i4")),
    "without pixels": PIL.Image.new("RGB", (0, 3)),
    "of an array": PIL.Image.fromarray(numpy.arange(12, dtype="u1").reshape(2, 2, 3)),
}


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_is_what_it_was(name, tmp_path):
    image = IMAGES[name]
    for files in (None, FolderFiles(tmp_path)):
        opened = arrived({"picture": image}, files).image("picture")
        assert (opened.mode, opened.size) == (image.mode, image.size)
        assert opened.tobytes() == image.tobytes()
        if image.mode == "P":
            assert opened.convert("RGB").tobytes() == image.convert("RGB").tobytes()


def test_a_transparent_palette_stays_transparent():
    image = NOISE.convert("P")
    image.info["transparency"] = 3
    assert arrived(image).image().convert("RGBA").tobytes() == image.convert("RGBA").tobytes()


def test_the_file_of_an_image_is_there_without_pil_and_a_file_is_an_image():
    image = IMAGES["RGB"]
    png = arrived(image).content()
    assert png.startswith(b"\x89PNG")
    assert arrived(png).image().tobytes() == image.tobytes()
    file = io.BytesIO()
    image.save(file, "JPEG")
    opened = arrived({"photo": file.getvalue()}).image("photo")
    assert (opened.format, opened.size) == ("JPEG", image.size)
    # What was opened from a file at the site is an image like any other.
    assert arrived(PIL.Image.open(file)).image().tobytes() == opened.tobytes()


def test_an_image_needs_pil_alone():
    program = (
        "import json, sys\n"
        "for name in sys.argv[1:]: sys.modules[name] = None\n"
        "from airflow_provider_dfm.federation.result import Result\n"
        "result = Result(parameter_set=0, frame=(0,), place='a', site='s', value=json.load(sys.stdin))\n"
        "print(len(result.content()) > 9, result.image().size)\n"
    )
    form = json.dumps(plain_form(IMAGES["RGB"], in_line))
    for hidden, printed in ((("numpy", "pandas", "xarray"), "True (9, 5)"), (("PIL",), "")):
        command = [sys.executable, "-c", program, *hidden]
        done = subprocess.run(command, input=form, capture_output=True, text=True, timeout=120)
        assert done.stdout.strip() == printed, done.stderr


def test_several_frames_and_unknown_modes_are_refused_with_advice():
    file = io.BytesIO()
    NOISE.save(file, "GIF", save_all=True, append_images=[NOISE.rotate(90)])
    with pytest.raises(NoPlainForm, match=r"image of 2 frames at value\[0\] .*ImageSequence"):
        plain_form([PIL.Image.open(file)], in_line)
    with pytest.raises(NoPlainForm, match=r"convert\('RGBA'\)"):
        plain_form(PIL.Image.new("PA", (1, 1)), in_line)


FORM = plain_form(IMAGES["RGB"], in_line)["@image"]
RAW = plain_form(IMAGES["CMYK"], in_line)["@image"]


def _png(width, height):
    """A PNG that says that it is large, of few bytes."""

    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return base64.b64encode(content).decode()


JPEG = io.BytesIO()
IMAGES["RGB"].save(JPEG, "JPEG")


@pytest.mark.parametrize(
    "form",
    [
        None,
        {},
        {**FORM, "data": "="},
        {**FORM, "data": ""},
        {**FORM, "data": FORM["data"][:100]},
        {**FORM, "data": base64.b64encode(JPEG.getvalue()).decode()},
        {**FORM, "size": [9, 6]},
        {**FORM, "size": [True, 5]},
        {**FORM, "mode": "L"},
        {**FORM, "mode": "no such"},
        {**FORM, "mode": "L", "size": [50_000, 50_000], "data": _png(50_000, 50_000)},
        {**FORM, "mode": "L", "size": [100, 100], "data": _png(100, 100)},
        {**RAW, "size": [1 << 20, 1 << 20]},
        {**RAW, "size": [-9, -5]},
        {**RAW, "mode": "P;4"},
    ],
)
def test_a_forged_image_is_an_error_by_name(form):
    with pytest.raises(UnreadableValue, match="set 0 at place 'answer'"):
        result_of({"@image": form}).image()


def test_a_file_that_pil_would_run_another_program_for_is_not_opened():
    file = io.BytesIO()
    IMAGES["RGB"].save(file, "EPS")
    assert PIL.Image.open(file).format == "EPS"
    with pytest.raises(UnreadableValue, match="cannot identify image file"):
        arrived(file.getvalue()).image()


@pytest.mark.parametrize("kind", ["PNG", "GIF", "TIFF", "BMP"])
def test_a_file_of_the_usual_kinds_is_an_image(kind):
    file = io.BytesIO()
    IMAGES["L"].save(file, kind)
    assert arrived(file.getvalue()).image().convert("L").tobytes() == IMAGES["L"].tobytes()


def test_bytes_that_are_no_image_are_said_to_be_none():
    with pytest.raises(UnreadableValue, match="cannot identify image file"):
        arrived(b"abc").image()
    with pytest.raises(OtherKindOfValue, match="is not an image, but str 'a'"):
        arrived("a").image()
