"""Large values of results, which are files of their own: which of them belong to a result, and where they are."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from pydantic import BaseModel

from airflow_provider_dfm.federation.errors import CommandTimedOut, ResultsIncomplete, UnsafeResult
from airflow_provider_dfm.federation.value_files import ValueFiles
from airflow_provider_dfm.federation.whole_files import local_path, opened
from airflow_provider_dfm.remote.value_store import is_name

GONE = (
    "The results are gone: the session was closed that had brought them from the federation. Read them while it is "
    "open, or give it a results_path, which keeps them."
)
PAUSE_SECONDS = 1.0
# A server that ends a job needs some seconds, in which it neither runs nor has ended.
ENDING_SECONDS = 120.0


@dataclass(frozen=True)
class OwnFiles:
    """The files of one result, and no others.

    :param sizes: name to size in bytes.
    :param files: where they are.
    """

    sizes: Mapping[str, int]
    files: ValueFiles = field(compare=False)

    def open(self, name: str) -> BinaryIO:
        """See :class:`ValueFiles`."""
        self._check(name)
        return self.files.open(name)

    def path(self, name: str) -> Path | None:
        """See :class:`ValueFiles`."""
        self._check(name)
        return self.files.path(name)

    def _check(self, name: str) -> None:
        if name not in self.sizes:
            raise UnsafeResult(
                f"A result speaks of a file {name!r:.100}, which does not belong to it: its site or its server does "
                "not play fair."
            )


def read_sizes(sizes: Any) -> dict[str, int]:
    """The names and sizes of the files of a result, as a line has them.

    :param sizes: what the line has.
    :raises ValueError: it is something else.
    """
    if not isinstance(sizes, dict) or not all(
        is_name(name) and type(size) is int and size >= 0 for name, size in sizes.items()
    ):
        raise ValueError(f"{sizes!r:.100} are no files of a result")
    return sizes


class FolderFiles:
    """Files in a folder or an object store.

    :param folder: the folder, a ``pathlib.Path`` or one of its kin.
    :param gone: says why the folder is not there any more.
    """

    def __init__(self, folder: Any, gone: str = "") -> None:
        self._folder = folder
        self._gone = gone

    def open(self, name: str) -> BinaryIO:
        """See :class:`ValueFiles`."""
        try:
            return cast(BinaryIO, opened(self._checked(name)))
        except FileNotFoundError:
            missing = f"{self._folder / name} is missing, though a result names it."
            raise ResultsIncomplete(self._gone if self._gone and not self._folder.exists() else missing) from None

    def path(self, name: str) -> Path | None:
        """See :class:`ValueFiles`."""
        return local_path(self._checked(name))

    def _checked(self, name: str) -> Any:
        return self._folder / name


class DownloadedFiles(FolderFiles):
    """The files of a job in its downloaded folder, which the federation's server laid out.

    :param folder: the folder of values.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, GONE)

    def _checked(self, name: str) -> Path:
        path: Path = self._folder / name
        if path.resolve() != path or (path.exists() and not path.is_file()):
            raise UnsafeResult(f"{name} of the downloaded job is a link or no file: its server does not play fair.")
        return path


class ValueRead(BaseModel, frozen=True):
    """What the session host says of a large value of a running job.

    :param path: where it is, in the session's private folder; None: the job's process has it not, or not any more.
    :param is_copy: whether it was brought for this one reader.
    """

    path: Path | None
    is_copy: bool


class HasFiles(Protocol):
    """A result."""

    @property
    def files(self) -> ValueFiles | None:
        """Where the files of its value are."""


class RunningFiles:
    """The files of a job that runs, each brought from the federation when it is opened.

    :param read: asks the session host for a file.
    :param has_ended: whether the job has ended by now.
    :param results: gives what came of the job, once it has ended.
    """

    def __init__(
        self,
        read: Callable[[str], ValueRead],
        has_ended: Callable[[], bool],
        results: Callable[[], Iterable[HasFiles]],
    ) -> None:
        self._read = read
        self._has_ended = has_ended
        self._results = results

    def open(self, name: str) -> BinaryIO:
        """See :class:`ValueFiles`. The file is gone once it is closed.

        :raises CommandTimedOut: the job does not give it, and does not end.
        """
        ends = time.monotonic() + ENDING_SECONDS
        while True:
            # Asked first: a job that ends meanwhile has it in its results.
            has_ended = self._has_ended()
            value = self._read(name)
            if value.path is not None:
                # That of a local job, which is no copy, may have gone to the job's results since.
                with contextlib.suppress(FileNotFoundError):
                    file = value.path.open("rb")
                    if value.is_copy:
                        value.path.unlink()
                    return file
            if has_ended:
                return self._of_ended(name)
            if time.monotonic() > ends:
                raise CommandTimedOut("The running job does not give a value that it has. Try again later.")
            time.sleep(PAUSE_SECONDS)

    def path(self, name: str) -> None:
        """See :class:`ValueFiles`."""
        return None

    def _of_ended(self, name: str) -> BinaryIO:
        for result in self._results():
            files = result.files
            if isinstance(files, OwnFiles) and name in files.sizes:
                return files.open(name)
        raise ResultsIncomplete("The job has ended without a value that it gave while it ran.")
