"""What keeps an archive from being unpacked: the archive, or the machine."""

from __future__ import annotations

import base64
import errno
import io
import os
import shutil
import tarfile
import zipfile

import pytest

from airflow_provider_dfm.federation.archives import ArchiveError, unpack_archive
from airflow_provider_dfm.federation.errors import StartupKitError, TransientFederationError
from airflow_provider_dfm.federation.flare_job_folder import copy_job_folder
from airflow_provider_dfm.federation.startup_kit import copy_startup_kit, unpack_startup_kit
from tests.unit.federation.meta_files import read_here

# Larger than the limit only once it is unpacked.
LARGE = b"a" * 2_000_000


@pytest.fixture
def packed(tmp_path):
    """Packs a folder with a large file in it."""
    folder = tmp_path / "whole"
    (folder / "startup").mkdir(parents=True)
    (folder / "meta.json").write_text("{}")
    (folder / "startup" / "client.key").write_bytes(LARGE)
    return lambda form: tmp_path / shutil.make_archive(str(tmp_path / "packed"), form, folder)


@pytest.fixture
def private(tmp_path):
    (tmp_path / "private").mkdir()
    return tmp_path / "private"


@pytest.mark.parametrize("form", ["zip", "gztar"])
def test_a_disk_that_is_full_is_no_bad_archive(packed, private, form, limited_files):
    with pytest.raises(TransientFederationError, match=rf"Cannot unpack an archive in {private}.*Make room"):
        unpack_archive(io.BytesIO(packed(form).read_bytes()), private)


def _as_text(path, folder):
    unpack_startup_kit(base64.b64encode(path.read_bytes()).decode(), folder)


def _job(path, folder):
    copy_job_folder(path, folder / "job", read_here)


@pytest.mark.parametrize("copy", [copy_startup_kit, _as_text, _job])
@pytest.mark.parametrize("form", ["zip", "gztar"])
def test_neither_is_it_a_bad_kit_or_job(packed, private, form, copy, limited_files):
    with pytest.raises(TransientFederationError, match=r"Cannot (unpack|write) "):
        copy(packed(form), private)


@pytest.mark.parametrize("copy", [copy_startup_kit, _job])
def test_nor_when_they_are_copied_from_a_folder(packed, private, copy, limited_files):
    with pytest.raises(TransientFederationError, match="Cannot write "):
        copy(private.parent / "whole", private)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EACCES, errno.EROFS, errno.EMFILE])
@pytest.mark.parametrize("form", ["zip", "gztar"])
def test_what_this_machine_lacks_is_no_bad_archive(packed, private, form, number, monkeypatch):
    """Made up here, since a machine that lacks it would lack it for all tests."""
    content = io.BytesIO(packed(form).read_bytes())

    def broken(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(shutil, "copyfileobj", broken)
    with pytest.raises(TransientFederationError, match=os.strerror(number)):
        unpack_archive(content, private)


def _damaged_zip():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("name", b"a" * 100_000)
    whole = bytearray(content.getvalue())
    whole[40:60] = b"\xff" * 20
    return bytes(whole)


def _long_path():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("/".join(["n" * 200] * 30), b"")
    return content.getvalue()


def _truncated(mode):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as archive:
        member = tarfile.TarInfo("name")
        member.size = 2_000_000
        # What does not get smaller.
        archive.addfile(member, io.BytesIO(os.urandom(member.size)))
    return content.getvalue()[:1_000_000]


DAMAGED = {
    "zip": _damaged_zip(),
    "a path that is too long": _long_path(),
    "half a tar": _truncated("w"),
    "half a tar.gz": _truncated("w:gz"),
    "half a tar.xz": _truncated("w:xz"),
    "half a tar.bz2": _truncated("w:bz2"),
    "nothing": b"",
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_archive_is_one(private, content):
    with pytest.raises(ArchiveError, match="neither a folder nor a readable zip or tar"):
        unpack_archive(io.BytesIO(content), private)


def test_a_damaged_kit_that_is_given_as_text_is_named(private):
    with pytest.raises(StartupKitError, match="startup_kit_secret"):
        unpack_startup_kit(base64.b64encode(DAMAGED["zip"]).decode(), private)
