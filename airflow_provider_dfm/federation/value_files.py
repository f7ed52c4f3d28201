"""Where the large values of a job's results are."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Protocol


class ValueFiles(Protocol):
    """The files of large values, by the names that the results have."""

    def open(self, name: str) -> BinaryIO:
        """A file, to be read and closed; whoever reads it checks its size and checksum.

        :param name: the file's.
        :raises UnsafeResult: the result has no such file.
        :raises ResultsIncomplete: it is gone.
        :raises StorageFailed: it cannot be read.
        """

    def path(self, name: str) -> Path | None:
        """Where a file lies on this machine, for a memory map; None: nowhere.

        :param name: the file's.
        :raises UnsafeResult: the result has no such file.
        """
