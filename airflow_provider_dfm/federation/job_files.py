"""The files of a downloaded job: which there are, and which of them are wanted."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from airflow_provider_dfm.federation.errors import ResultsIncomplete, UnsafeResult

SHOWN = 20

# One pattern, or several; None: everything.
Patterns = str | Sequence[str] | None


def list_files(folder: Path) -> list[str]:
    """The files below a folder, as paths relative to it, in order. Folders without files are left out.

    :param folder: what a federation's server laid out.
    :raises UnsafeResult: there is a link, or something else that is neither file nor folder. nvflare's client makes
        none of what a server sends: whatever put it there, it may lead out of the folder.
    """
    return sorted(_files(folder, PurePosixPath()))


def _files(folder: Path, inside: PurePosixPath) -> Iterator[str]:
    with os.scandir(folder / inside) as entries:
        for entry in entries:
            path = inside / entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from _files(folder, path)
            elif entry.is_file(follow_symlinks=False):
                yield str(path)
            else:
                raise UnsafeResult(
                    f"{path} of the downloaded job is a link or no file: it is not followed, and nothing of the job "
                    "is kept. Its server does not play fair."
                )


def wanted_files(files: Iterable[str], patterns: Patterns) -> list[str]:
    """The files that patterns name.

    In a pattern ``*``, ``?`` and ``[…]`` stand for what they do in :mod:`fnmatch`, within one folder's or file's name
    and with upper and lower case told apart; ``**`` alone stands for any number of folders, or for none, and at the
    end for all files below: as in ``PurePosixPath.full_match`` of Python 3.13.

    :param files: paths relative to the job's folder.
    :param patterns: such as ``"workspace/app_server/*.npy"`` or ``"workspace/**"``; None: all files.
    :raises ResultsIncomplete: a pattern names none, or there is no pattern.
    """
    files = list(files)
    if patterns is None:
        return files
    patterns = [patterns] if isinstance(patterns, str) else list(patterns)
    named: set[str] = set()
    for pattern in patterns:
        parts = PurePosixPath(pattern).parts
        matching = {file for file in files if _matches(PurePosixPath(file).parts, parts)}
        if not matching:
            raise ResultsIncomplete(f"No file of the job matches {pattern!r}. There are: {_some(files, pattern)}.")
        named |= matching
    if not named:
        raise ResultsIncomplete("There is no pattern of wanted files: for all of them, give None, not an empty list.")
    return [file for file in files if file in named]


def _matches(path: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    if not pattern or not path:
        return not path and all(part == "**" for part in pattern)
    if pattern[0] == "**":
        return _matches(path, pattern[1:]) or _matches(path[1:], pattern)
    return fnmatchcase(path[0], pattern[0]) and _matches(path[1:], pattern[1:])


def _some(files: list[str], pattern: str) -> str:
    """The first files, those in a pattern's own first folder before the others."""
    folders = PurePosixPath(pattern).parts
    alike = sorted(files, key=lambda file: PurePosixPath(file).parts[:1] != folders[:1])
    more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    return ", ".join(alike[:SHOWN]) + more
