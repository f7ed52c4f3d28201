"""What fails when files are written or read, by the name of the file and what to do."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from airflow_provider_dfm.federation.errors import CorrectionNeeded, FederationError, StorageFailed

# What is asked for is not there, may not be read, or is no such thing; s3fs raises the same.
LASTING = (
    FileNotFoundError,
    NotADirectoryError,
    IsADirectoryError,
    PermissionError,
    ValueError,
    TypeError,
    ImportError,
)


@contextlib.contextmanager
def reading(path: Any) -> Iterator[None]:
    """Around what reads a file or asks for it.

    :param path: the file or folder.
    :raises FileNotFoundError: as it comes: what that means, only the caller knows.
    :raises StorageFailed: anything else.
    """
    try:
        yield
    except (FederationError, FileNotFoundError):
        raise
    except Exception as error:  # object stores pass on whatever their libraries raise
        raise StorageFailed(
            f"Cannot read {path}: {type(error).__name__}: {error}. Make sure that its disk or store answers, and that "
            "this user may read there; then try again."
        ) from error


def read_text(path: Any) -> str:
    """A text file's content, with or without the mark that Windows puts before UTF-8.

    :param path: a ``pathlib.Path`` or one of its kin, such as Airflow's ``ObjectStoragePath``.
    :raises ValueError: it is no file, such as a named pipe, which would never end; or not in UTF-8.
    :raises Exception: whatever its store's library raises.
    """
    if path.exists() and not path.is_file():
        raise ValueError("it is a folder, a pipe or a device, and no file")
    return str(path.read_text(encoding="utf-8-sig"))


@contextlib.contextmanager
def writing(path: Any) -> Iterator[None]:
    """Around what writes a file, or makes a folder.

    :param path: the file or folder.
    :raises StorageFailed: it cannot be written.
    """
    try:
        yield
    except FederationError:
        raise
    except Exception as error:  # as above
        raise StorageFailed(
            f"Cannot write {path}: {type(error).__name__}: {error}. Make sure that its disk or store answers and has "
            "room, and that this user may write there; then try again."
        ) from error


class WrittenFile:
    """A file that is being written.

    :param file: the open file.
    :param path: where it is, for the error.
    """

    def __init__(self, file: Any, path: Any) -> None:
        self._file = file
        self._path = path

    def write(self, data: bytes) -> int:
        """Write.

        :raises StorageFailed: it cannot be written.
        """
        with writing(self._path):
            return int(self._file.write(data))

    def sync(self) -> None:
        """Bring what was written to the disk.

        :raises StorageFailed: it cannot be written.
        """
        with writing(self._path):
            self._file.flush()
            os.fsync(self._file.fileno())


@contextlib.contextmanager
def written(path: Path, named: Path | None = None) -> Iterator[WrittenFile]:
    """Write a file on this machine; what an error leaves of it is there still.

    :param path: the file.
    :param named: what to call it in an error; default: its path.
    :raises StorageFailed: it cannot be written.
    """
    name = named or path
    with writing(name):
        file = path.open("wb")
    try:
        yield WrittenFile(file, name)
    except BaseException:
        with contextlib.suppress(OSError):
            file.close()
        raise
    with writing(name):
        file.close()


class ReadFile(io.RawIOBase):
    """A file that is being read.

    :param file: the open file.
    :param path: where it is, for the error.
    """

    def __init__(self, file: IO[bytes], path: Any) -> None:
        super().__init__()
        self._file: Any = file
        self._path = path

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with reading(self._path):
            return int(self._file.readinto(buffer))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with reading(self._path):
            return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        self._file.close()
        super().close()


def storage_error(error: Exception, otherwise: type[CorrectionNeeded]) -> type[StorageFailed] | type[CorrectionNeeded]:
    """The kind of error that a file's fault is: that of what is wrong with the file, unless its store is the trouble.

    :param error: whatever the store's library raised.
    :param otherwise: for a file that is not there, may not be read, or is no such thing.
    """
    return otherwise if isinstance(error, LASTING) else StorageFailed
