"""The files and folders of a tree, while it is read: each name once, and what can be written here."""

from __future__ import annotations

Parts = tuple[str, ...]

# What file systems take, and what goes through a folder by recursion.
MOST_BYTES_OF_A_NAME = 255
MOST_LEVELS = 100
SHOWN_LETTERS = 40


class UnclearFolder(ValueError):
    """Nobody can tell what something in a folder or an archive is to be; the message names it."""


class FolderLayout:
    """Takes what is found in a tree, and refuses what contradicts what it has taken before."""

    def __init__(self) -> None:
        self._files: set[Parts] = set()
        self._folders: set[Parts] = set()

    def take_folder(self, parts: Parts) -> None:
        """Take a folder; any number of times.

        :param parts: the names on the way to it.
        :raises UnclearFolder: it is a file too, or a name cannot be.
        """
        _check_names(parts)
        for end in range(len(parts), 0, -1):
            if parts[:end] in self._folders:
                return
            if parts[:end] in self._files:
                raise UnclearFolder(f"{shown(parts[:end])} is a file and a folder")
            self._folders.add(parts[:end])

    def take_file(self, parts: Parts) -> None:
        """Take a file, or a link; once.

        :param parts: the names on the way to it.
        :raises UnclearFolder: there is something of this name already, or a name cannot be.
        """
        _check_names(parts)
        if parts in self._files:
            raise UnclearFolder(f"{shown(parts)} is there twice")
        if parts in self._folders:
            raise UnclearFolder(f"{shown(parts)} is a file and a folder")
        self.take_folder(parts[:-1])
        self._files.add(parts)


def shown(parts: Parts) -> str:
    """A path as a message shows it."""
    return "/".join(parts).encode(errors="backslashreplace").decode()


def _check_names(parts: Parts) -> None:
    if len(parts) > MOST_LEVELS:
        raise UnclearFolder(f"{shown(parts)[:SHOWN_LETTERS]}... lies more than {MOST_LEVELS} folders deep")
    for name in parts:
        if name in ("", ".", ".."):
            raise UnclearFolder(f"{shown(parts)!r} has {name or 'an empty name'} in its path")
        # nvflare/fuel/utils/zip_utils.py, normpath_for_zip: FLARE takes a backslash for a separator, and does not find
        # the file then.
        if "\\" in name:
            raise UnclearFolder(f"{shown(parts)} has a backslash in its name")
        try:
            size = len(name.encode())
        except UnicodeEncodeError:
            raise UnclearFolder(f"{shown(parts)} has a name that is not in UTF-8") from None
        if size > MOST_BYTES_OF_A_NAME:
            raise UnclearFolder(f"{name[:SHOWN_LETTERS]}... is a name of more than {MOST_BYTES_OF_A_NAME} bytes")
