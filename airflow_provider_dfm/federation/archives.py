"""Unpacks zip and tar archives; nothing in one can leave its folder."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path
from typing import IO


class ArchiveError(ValueError):
    """This is no readable zip or tar without password."""


def unpack_archive(file: IO[bytes], target: Path) -> None:
    """Unpack an archive.

    :param file: a zip, or a tar with or without compression; it can be searched.
    :param target: an existing folder.
    :raises ArchiveError: it is neither, or damaged.
    """
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as packed_zip:
                packed_zip.extractall(target)
        else:
            file.seek(0)
            with tarfile.open(fileobj=file) as packed_tar:
                packed_tar.extractall(target, filter="data")
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError, RuntimeError) as error:
        raise ArchiveError(
            f"neither a folder nor a readable zip or tar without password ({type(error).__name__}: {error})"
        ) from None
