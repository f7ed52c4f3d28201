"""Where in a folder or an archive a FLARE job lies, and what its folder is called."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from airflow_provider_dfm.federation.stray_files import is_stray

# FLARE knows meta.json, meta.conf, meta.yml and others: its reader says later which of them it reads.
META_PREFIX = "meta."
ARCHIVE_SUFFIXES = re.compile(r"(\.(zip|tar|tgz|tbz2?|txz|gz|bz2|xz))+$", re.IGNORECASE)
# nvflare/fuel/utils/validation_utils.py, JOB_NAME_PATTERN.
NOT_FOR_FLARE = re.compile(r"^[^A-Za-z0-9]+|[^A-Za-z0-9._-]+")


def jobs_in(folder: Any, levels: int | None = None) -> list[Any]:
    """The folders that hold a job, at the first level where there are any: below a job's folder, all is the job's.

    :param folder: a ``pathlib.Path`` or one of its kin, such as Airflow's ``ObjectStoragePath``.
    :param levels: how many levels to look at, the folder's own included; None: all.
    """
    level = [folder]
    while level and levels != 0:
        contents = [[child for child in each.iterdir() if not is_stray(child.name)] for each in level]
        found = [each for each, children in zip(level, contents, strict=True) if any(map(_is_meta, children))]
        if found:
            return found
        level = [child for children in contents for child in children if _is_own_folder(child)]
        levels = None if levels is None else levels - 1
    return []


def folder_name(path: Any) -> str:
    """The name of a folder or file, however its path is written.

    :param path: a ``pathlib.Path`` or one of its kin.
    """
    return os.path.basename(os.path.abspath(path)) if isinstance(path, Path) else str(path.name)


def without_suffixes(name: str) -> str:
    """An archive's name as that of the folder in it: ``fedavg`` for ``fedavg.tar.gz``."""
    return ARCHIVE_SUFFIXES.sub("", name)


def name_for_flare(name: str) -> str:
    """A folder's name with what FLARE takes in one."""
    return NOT_FOR_FLARE.sub(lambda odd: "" if odd.start() == 0 else "_", name) or "job"


def _is_meta(path: Any) -> bool:
    return bool(path.name.startswith(META_PREFIX) and path.is_file())


def _is_own_folder(path: Any) -> bool:
    # A link may lead back.
    return bool(path.is_dir()) and not (isinstance(path, Path) and path.is_symlink())
