"""Unpacks zip and tar archives; nothing in one can leave its folder, or fill the disk."""

from __future__ import annotations

import contextlib
import errno
import lzma
import os
import shutil
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, TypeVar

from airflow_provider_dfm.federation.archive_members import Member, members_of
from airflow_provider_dfm.federation.errors import StorageFailed
from airflow_provider_dfm.federation.folder_entries import entries_of
from airflow_provider_dfm.federation.folder_layout import FolderLayout, UnclearFolder
from airflow_provider_dfm.federation.storage import writing, written
from airflow_provider_dfm.federation.stray_files import is_stray

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
# What comes of paths that are too long, and of offsets before the archive's beginning; the decompressors' own errors
# have no number. All others speak of this machine.
ERRNOS_OF_ARCHIVES = (
    None,
    errno.ENAMETOOLONG,
    errno.EINVAL,
)
# More is no job and no kit, but made to fill a disk: FLARE takes no job above 2 GB, and most are below 1 MB.
MOST_MEMBERS = 100_000
ALWAYS_ALLOWED_BYTES = 2**30
MOST_TIMES_ITS_SIZE = 100

Found = TypeVar("Found")


class ArchiveError(ValueError):
    """This is no readable zip or tar without password, or not a clear one."""


@contextlib.contextmanager
def unpacked(archive: IO[bytes], folder: Path) -> Iterator[Path]:
    """An archive, unpacked as long as the ``with`` lasts.

    :param archive: a zip, or a tar with or without compression, wherever it is: it is read once.
    :param folder: where to, in a temporary folder; it is made.
    :return: the archive's top.
    :raises ArchiveError: see :func:`unpack_archive`.
    :raises StorageFailed: the folder cannot be written.
    """
    with writing(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = tempfile.TemporaryDirectory(dir=folder)
    with temporary as name:
        packed, top = Path(name) / "packed", Path(name) / "unpacked"
        with written(packed) as local:
            shutil.copyfileobj(archive, local)
        with writing(top):
            top.mkdir()
        with packed.open("rb") as file:
            unpack_archive(file, top)
        yield top


def unpack_archive(file: IO[bytes], target: Path) -> None:
    """Unpack an archive. Its links stay links; they are refused where they lead out of it, or nowhere.

    :param file: a zip, or a tar with or without compression; it can be searched.
    :param target: an existing folder.
    :raises ArchiveError: it is neither, or damaged, or something in it is not clear: its message names that.
    :raises StorageFailed: the folder cannot be written: the disk is full, say.
    """
    try:
        _Unpacking(target, file.seek(0, os.SEEK_END)).unpack(file)
    except UnclearFolder as error:
        raise ArchiveError(f"an archive that cannot be taken as it is: {error}") from None
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno not in ERRNOS_OF_ARCHIVES:
            raise StorageFailed(
                f"Cannot unpack an archive in {target}: {type(error).__name__}: {error}. Make room on the disk of this "
                "machine's temporary directory, or set TMPDIR to another that this user may write to; then try again."
            ) from error
        raise ArchiveError(
            f"neither a folder nor a readable zip or tar without password ({type(error).__name__}: {error})"
        ) from None


class _Unpacking:
    """Unpacks one archive of so many bytes."""

    def __init__(self, target: Path, size: int) -> None:
        self._target = target
        self._layout = FolderLayout()
        self._links: list[tuple[Path, Member]] = []
        self._most_bytes = max(ALWAYS_ALLOWED_BYTES, MOST_TIMES_ITS_SIZE * size)

    def unpack(self, file: IO[bytes]) -> None:
        file.seek(0)
        # Those that are left out count too: a tar is read through. No file gives more than its size here.
        for member in self._counted(members_of(file), lambda member: member.size):
            if member.parts and not any(map(_is_left_out, member.parts)):
                self._take(member)
        if self._links:
            self._link()

    def _counted(self, found: Iterable[Found], size_of: Callable[[Found], int]) -> Iterator[Found]:
        size = 0
        for number, each in enumerate(found, start=1):
            size += size_of(each)
            if number > MOST_MEMBERS:
                raise UnclearFolder(f"it holds more than {MOST_MEMBERS} files")
            if size > self._most_bytes:
                raise UnclearFolder(
                    f"it unpacks to more than {self._most_bytes} bytes, which is more than {MOST_TIMES_ITS_SIZE} times "
                    "its size; give the unpacked folder, if it is meant so"
                )
            yield each

    def _link(self) -> None:
        # After all files: nothing may be written through a link.
        for path, link in self._links:
            path.symlink_to(link.leads_to or "")
        top = self._target.resolve()
        for path, link in self._links:
            real = Path(os.path.realpath(path))
            if not real.is_relative_to(top) or not real.exists():
                raise UnclearFolder(f"{link.name} links to what is not in the archive")
        # Two folders, each with two links to the one before, are soon more than a disk holds.
        for _ in self._counted(entries_of(self._target), lambda entry: entry.file.stat().st_size if entry.file else 0):
            pass

    def _take(self, member: Member) -> None:
        path = self._target.joinpath(*member.parts)
        if member.opened is None and member.leads_to is None:
            self._layout.take_folder(member.parts)
            path.mkdir(parents=True, exist_ok=True)
            return
        self._layout.take_file(member.parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        if member.opened is None:
            self._links.append((path, member))
            return
        with member.opened() as content, path.open("wb") as file:
            shutil.copyfileobj(content, file)


def _is_left_out(name: str) -> bool:
    # The files of a ConfigMap are links into such folders: they are left out when the files have been copied.
    return is_stray(name) and not name.startswith("..")
