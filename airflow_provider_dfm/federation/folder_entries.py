"""What is in a folder, on this machine or in an object store, without what is stray there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_dfm.federation.folder_layout import Parts, UnclearFolder, shown
from airflow_provider_dfm.federation.stray_files import is_stray

# Of Airflow's ObjectStoragePath, for what is on this machine.
LOCAL = ("", "file", "local")
KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

Identity = tuple[int, int]


@dataclass(frozen=True)
class Entry:
    """A file or folder in a folder.

    :param parts: the names on the way to it.
    :param file: what its content can be read from by ``open("rb")``; None: it is a folder.
    """

    parts: Parts
    file: Any = None


def as_it_is_now(path: Any) -> Any:
    """A path on this machine as a ``pathlib.Path``, any other without what its store's library remembers of it.

    :param path: a ``pathlib.Path`` or one of its kin, such as Airflow's ``ObjectStoragePath``.
    """
    if getattr(path, "protocol", None) in LOCAL:
        return Path(path.path)
    if hasattr(path, "fs"):
        # fsspec keeps listings as long as the process lives; of one folder alone, s3fs forgets none of those inside.
        path.fs.invalidate_cache()
    return path


def is_folder(path: Any) -> bool:
    """Whether it is a folder, also where an object store has an empty key of the folder's own name.

    :param path: a ``pathlib.Path`` or one of its kin, such as Airflow's ``ObjectStoragePath``.
    """
    if path.is_dir():
        return True
    return not isinstance(path, Path) and path.is_file() and not path.fs.size(path.path) and bool(_keys(path))


def entries_of(folder: Any) -> Iterator[Entry]:
    """All files and folders of a folder, each folder before what is in it where it is listed at all.

    A link is what it leads to, in the folder or out of it.

    :param folder: a ``pathlib.Path`` or one of its kin, such as Airflow's ``ObjectStoragePath``.
    :raises UnclearFolder: something there is neither a file nor a folder, leads nowhere or in a circle.
    """
    if not isinstance(folder, Path):
        return _in_store(folder)
    real = folder.resolve()
    return _in_folder(folder, frozenset(_identity(each.stat()) for each in (real, *real.parents)), ())


def _in_folder(folder: Path, above: frozenset[Identity], parts: Parts) -> Iterator[Entry]:
    names = set(os.listdir(folder))
    for name in sorted(names):
        if is_stray(name, names):
            continue
        path, own = folder / name, (*parts, name)
        about = _look_at(path, own)
        if stat.S_ISDIR(about.st_mode):
            # Some file systems number no folder: only a link makes a circle.
            if path.is_symlink() and _identity(about) in above:
                raise UnclearFolder(f"{shown(own)} is a link to a folder that it lies in")
            yield Entry(own)
            yield from _in_folder(path, above | {_identity(about)}, own)
        elif stat.S_ISREG(about.st_mode):
            yield Entry(own, path)
        else:
            kind = KINDS.get(stat.S_IFMT(about.st_mode), "of an unknown kind")
            raise UnclearFolder(f"{shown(own)} is {kind}, and no file or folder")


def _look_at(path: Path, parts: Parts) -> os.stat_result:
    try:
        return path.stat()
    except OSError:
        if not path.is_symlink():
            raise
        raise UnclearFolder(f"{shown(parts)} is a link to {os.readlink(path)}, where nothing can be found") from None


def _identity(about: os.stat_result) -> Identity:
    return about.st_dev, about.st_ino


def _in_store(folder: Any) -> Iterator[Entry]:
    keys = {key: about for key, about in _keys(folder).items() if any(key) and not any(map(is_stray, key))}
    inside: dict[Parts, set[str]] = {}
    for key in keys:
        for end in range(len(key)):
            inside.setdefault(key[:end], set()).add(key[end])
    for key, about in sorted(keys.items()):
        # What consoles and other tools make of an empty folder, with a slash at its end or without.
        is_marker = not about.get("size") and (key[-1] == "" or key in inside)
        if is_marker:
            yield Entry(key[:-1] if key[-1] == "" else key)
        elif not is_stray(key[-1], inside[key[:-1]]):
            yield Entry(key, folder.joinpath(*key))


def _keys(folder: Any) -> dict[Parts, dict[str, Any]]:
    # Path by path, as kin of pathlib.Path list a folder, a key that ends in a slash or has two in a row is a file of
    # the folder's own name, which is not there.
    prefix = folder.path.rstrip("/") + "/"
    found = folder.fs.find(folder.path, detail=True)
    return {tuple(key.removeprefix(prefix).split("/")): about for key, about in found.items() if key.startswith(prefix)}
