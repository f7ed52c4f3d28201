"""Large values of a job as files of their own, each by the SHA-256 of its content. It travels with each job, too.

Files are written by whoever has the values: a job's process at the server, as the sites send them, or the site
processes of the target local.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import os
import re
import shutil
import threading
import uuid
from collections.abc import Iterable
from typing import Any

# Beside the file of tokens.
VALUES = "values"
# What is as large is a file of its own.
LARGE_BYTES = 1 << 20
# What goes at once to the disk, or from one process to another.
PIECE_BYTES = 4 << 20
# One reply to who reads a running job's values holds so much.
READ_BYTES = 1 << 20
# So much of a server's disk is left for whatever else uses it, however much its sites send.
ROOM_BYTES = 1 << 30
_NAME = re.compile(r"[0-9a-f]{64}")
_PART = ".part"


def is_name(name: Any) -> bool:
    """Whether something may be the name of a value's file."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


class ValueStore:
    """A folder of large values. Equal ones are one file.

    :param folder: it is made when the first value comes.
    :param room: how many bytes of its disk have to stay free.
    """

    def __init__(self, folder: str, room: int = 0) -> None:
        self._folder = folder
        self._room = room
        self._lock = threading.Lock()
        self._claimed: set[str] = set()
        self._is_closed = False

    def keep(self, buffer: memoryview) -> dict[str, Any]:
        """Keep a value, or a part of it.

        :param buffer: its bytes.
        :return: what stands for them; see :func:`stands_for`.
        :raises OSError: they cannot be written.
        """
        value = self.begin()
        try:
            for start in range(0, buffer.nbytes, PIECE_BYTES):
                # A copy, so that its checksum is that of what is written: the site's code may write to an array.
                value.write(bytes(buffer[start : start + PIECE_BYTES]))
            return value.end()
        except BaseException:
            value.discard()
            raise

    def begin(self) -> GrowingValue:
        """Begin the file of a value that comes piece by piece.

        :raises RuntimeError: the store is closed.
        """
        if self._is_closed:
            raise RuntimeError("the job has ended, and takes no values any more")
        os.makedirs(self._folder, exist_ok=True)
        return GrowingValue(self._folder, self._room)

    def read(self, name: str, position: int) -> bytes:
        """A piece of a value; empty at its end.

        :param name: the file's.
        :param position: where the piece begins, in bytes.
        :raises ValueError: that is no name of a value.
        :raises FileNotFoundError: there is no such value.
        """
        if not is_name(name):
            raise ValueError("this is no name of a value")
        with open(os.path.join(self._folder, name), "rb") as file:
            file.seek(position)
            return file.read(READ_BYTES)

    def path(self, name: str) -> str:
        """Where a value is, or would be."""
        return os.path.join(self._folder, name)

    def claim(self, names: Iterable[str]) -> None:
        """Say that a result names these files, so that they stay."""
        with self._lock:
            self._claimed.update(names)

    def close(self) -> None:
        """Take nothing any more, and leave no file that no result names."""
        with self._lock:
            self._is_closed = True
            claimed = set(self._claimed)
        if os.path.isdir(self._folder):
            for name in set(os.listdir(self._folder)) - claimed:
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(self._folder, name))


class GrowingValue:
    """The file of one value, as it comes.

    :param folder: where it goes.
    :param room: how many bytes of the disk have to stay free.
    """

    def __init__(self, folder: str, room: int) -> None:
        self._folder = folder
        self._room = room
        self._path = os.path.join(folder, f".{uuid.uuid4().hex}{_PART}")
        # Unbuffered, so that nothing is written once a write has failed.
        self._file = open(self._path, "xb", buffering=0)  # noqa: SIM115  it is closed by end() or discard()
        self._digest = hashlib.sha256()
        #: How many bytes have come.
        self.size = 0

    def write(self, piece: Any) -> None:
        """Take the next piece.

        :raises OSError: there is no room for it.
        """
        left = memoryview(piece)
        if self._room and shutil.disk_usage(self._folder).free < left.nbytes + self._room:
            raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}: {self._room} bytes of it have to stay free")
        self._digest.update(left)
        self.size += left.nbytes
        while left:
            left = left[self._file.write(left) :]

    @property
    def name(self) -> str:
        """Its file's name, once all has come."""
        return self._digest.hexdigest()

    def end(self) -> dict[str, Any]:
        """All has come.

        :return: what stands for it; see :func:`stands_for`.
        """
        self._file.close()
        os.replace(self._path, os.path.join(self._folder, self.name))
        return stands_for(self.name, self.size)

    def discard(self) -> None:
        """Leave nothing of it."""
        self._file.close()
        with contextlib.suppress(OSError):
            os.unlink(self._path)


def stands_for(name: str, size: int) -> dict[str, Any]:
    """What stands for a value's bytes in its form.

    :param name: the file's, which is the SHA-256 of its content.
    :param size: its size in bytes.
    """
    return {"file": name, "bytes": size, "sha256": name}


def as_text(piece: bytes) -> str:
    """A piece as a reply has it, which is JSON."""
    return base64.b64encode(piece).decode("ascii")
