"""Copies folders from wherever they are to a private one on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

from airflow_provider_dfm.federation.storage import writing, written


def copy_folder(source: Any, target: Path, leave_out: Collection[str] = ()) -> None:
    """Copy a folder's files, in folders that only this user can enter; not its modes and owners.

    :param source: a ``pathlib.Path`` or one of its kin, such as Airflow's ``ObjectStoragePath``.
    :param target: made; its parents too.
    :param leave_out: names of files that are left out, in every folder.
    :raises StorageFailed: the target cannot be written.
    """
    with writing(target):
        target.mkdir(mode=0o700, parents=True)
    for child in source.iterdir():
        if child.is_dir():
            copy_folder(child, target / child.name, leave_out)
        elif child.name not in leave_out:
            with child.open("rb") as remote, written(target / child.name) as local:
                shutil.copyfileobj(remote, local)
