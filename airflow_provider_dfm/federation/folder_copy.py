"""Copies folders from wherever they are to a private one on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

from airflow_provider_dfm.federation.folder_entries import entries_of
from airflow_provider_dfm.federation.folder_layout import FolderLayout
from airflow_provider_dfm.federation.storage import writing, written


def copy_folder(source: Any, target: Path, leave_out: Collection[str] = ()) -> None:
    """Copy a folder's files, in a folder that only this user can enter; not its modes and owners, nor what is stray.

    :param source: a ``pathlib.Path`` or one of its kin, such as Airflow's ``ObjectStoragePath``.
    :param target: made; its parents too.
    :param leave_out: names of files that are left out, in every folder.
    :raises UnclearFolder: see :func:`entries_of` and :class:`FolderLayout`.
    :raises StorageFailed: the target cannot be written.
    """
    with writing(target):
        target.mkdir(mode=0o700, parents=True)
    layout = FolderLayout()
    for entry in entries_of(source):
        copy = target.joinpath(*entry.parts)
        if entry.file is None:
            layout.take_folder(entry.parts)
            with writing(copy):
                copy.mkdir(parents=True, exist_ok=True)
        elif copy.name not in leave_out:
            layout.take_file(entry.parts)
            with writing(copy):
                copy.parent.mkdir(parents=True, exist_ok=True)
            with entry.file.open("rb") as remote, written(copy) as local:
                shutil.copyfileobj(remote, local)
