"""Unpacks zip and tar archives; nothing in one can leave its folder."""

from __future__ import annotations

import errno
import lzma
import shutil
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import IO

from airflow_provider_dfm.federation.errors import StorageFailed

DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    struct.error,
)
# What comes of names that are a file and a folder, or too long, and of offsets before the archive's beginning; the
# decompressors' own errors have no number. All others speak of this machine.
ERRNOS_OF_ARCHIVES = (
    None,
    errno.EISDIR,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.ENAMETOOLONG,
    errno.EINVAL,
)


class ArchiveError(ValueError):
    """This is no readable zip or tar without password."""


def unpack_archive(file: IO[bytes], target: Path) -> None:
    """Unpack an archive.

    :param file: a zip, or a tar with or without compression; it can be searched.
    :param target: an existing folder.
    :raises ArchiveError: it is neither, or damaged.
    :raises StorageFailed: the folder cannot be written: the disk is full, say.
    """
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as packed_zip:
                packed_zip.extractall(target)
        else:
            file.seek(0)
            with tarfile.open(fileobj=file) as packed_tar:
                _extract(packed_tar, target)
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno not in ERRNOS_OF_ARCHIVES:
            raise StorageFailed(
                f"Cannot unpack an archive in {target}: {type(error).__name__}: {error}. Make room on the disk of this "
                "machine's temporary directory, or set TMPDIR to another that this user may write to; then try again."
            ) from error
        raise ArchiveError(
            f"neither a folder nor a readable zip or tar without password ({type(error).__name__}: {error})"
        ) from None


def _extract(packed: tarfile.TarFile, target: Path) -> None:
    """Unpack files, folders, and links to files of the archive, as what they lead to."""
    # tarfile's own filters came with 3.10.12 and 3.11.4: Debian 12 has 3.11.2.
    for member in packed:
        path = (target / member.name).resolve()
        if not path.is_relative_to(target.resolve()):
            raise tarfile.ExtractError(f"{member.name} leads out of the archive")
        if member.isdir():
            path.mkdir(parents=True, exist_ok=True)
            continue
        content = _content(packed, member)
        path.parent.mkdir(parents=True, exist_ok=True)
        with content, path.open("wb") as file:
            shutil.copyfileobj(content, file)


def _content(packed: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    try:
        content = packed.extractfile(member)
    except KeyError:
        raise tarfile.ExtractError(f"{member.name} links to what is not in the archive") from None
    if content is None:
        raise tarfile.ExtractError(f"{member.name} is no file or folder")
    return content
