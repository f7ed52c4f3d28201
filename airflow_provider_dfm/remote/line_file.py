"""A file of lines that grows by whole lines only. This module travels with each job, too."""

from __future__ import annotations

import os
from collections.abc import Sequence


class LineFile:
    """Appends to a file; whatever fails, no reader finds a part of a line, or some of the lines of one append.

    :param path: the file; made by the first append.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._torn = ""
        #: How many bytes were appended, and stay.
        self.size = os.path.getsize(path) if os.path.isfile(path) else 0

    def append(self, lines: Sequence[str], to_disk: bool = False) -> None:
        """Append lines: all of them or none.

        :param lines: without their ends.
        :param to_disk: whether to wait until they would outlast a crash of the machine.
        :raises OSError: they were not appended: the disk is full, say.
        :raises ValueError: a line has an end in it, or holds what UTF-8 does not know.
        """
        if any("\n" in line for line in lines):
            raise ValueError("a line has an end in it")
        if self._torn:
            raise OSError(f"{os.path.basename(self._path)} has a half-written line at its end: {self._torn}")
        # Unbuffered, so that nothing is written once this has failed.
        with open(self._path, "ab", buffering=0) as file:
            try:
                for line in lines:
                    _write(file.fileno(), line.encode() + b"\n")
                if to_disk:
                    os.fsync(file.fileno())
                self.size = os.fstat(file.fileno()).st_size
            except BaseException as error:
                self._cut(file.fileno(), error)
                raise

    def _cut(self, descriptor: int, error: BaseException) -> None:
        """Take off what the append that failed has written."""
        try:
            os.ftruncate(descriptor, self.size)
        except OSError:
            # What is there cannot be mended, and must not be continued.
            self._torn = str(error)


def _write(descriptor: int, data: bytes) -> None:
    # A disk that becomes full takes a part.
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
