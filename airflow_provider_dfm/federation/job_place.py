"""Where in a folder or an archive a FLARE job lies, and what its folder is called."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from airflow_provider_dfm.federation.folder_entries import is_folder
from airflow_provider_dfm.federation.stray_files import is_stray

# nvflare/fuel/utils/config.py, config_ext_formats, as of 2.9. Where there is none of these, its reader says whether it
# reads the one that is there.
KNOWN_META = re.compile(r"meta\.(json|conf|ya?ml)(\.default)?")
META = re.compile(r"meta\.")
# FLARE is known to read its meta, and no link leads to it.
SURE = (False, False)
ARCHIVE_SUFFIXES = re.compile(r"(\.(zip|tar|tgz|tbz2?|txz|gz|bz2|xz))+$", re.IGNORECASE)
# nvflare/fuel/utils/validation_utils.py, JOB_NAME_PATTERN.
NOT_FOR_FLARE = re.compile(r"^[^A-Za-z0-9]+|[^A-Za-z0-9._-]+")


def jobs_in(folder: Any, levels: int | None = None) -> list[Any]:
    """The folders that hold a job, at the first level where there are any: below a job's folder, all is the job's.

    What has a meta that FLARE is known to read goes before what has another one, and a folder before a link to one.

    :param folder: a ``pathlib.Path`` or one of its kin, such as Airflow's ``ObjectStoragePath``.
    :param levels: how many levels to look at, the folder's own included; None: all.
    """
    found: dict[tuple[bool, bool], list[Any]] = {}
    linked_to: set[Path] = set()
    level = [(folder, False)]
    while level and levels != 0 and SURE not in found:
        levels = None if levels is None else levels - 1
        here: dict[tuple[bool, bool], list[Any]] = {}
        below = []
        for each, by_link in level:
            children = _children(each)
            metas = [child.name for child in children if META.match(child.name) and child.is_file()]
            is_known = any(map(KNOWN_META.fullmatch, metas))
            if metas:
                here.setdefault((not is_known, by_link), []).append(each)
            if not is_known and levels != 0:
                below += [(child, by_link or _is_link(child)) for child in children if is_folder(child)]
        # Links may lead back.
        level = [(each, by_link) for each, by_link in below if not by_link or _is_new(each, linked_to)]
        found = here | found
    return found[min(found)] if found else []


def names_in(folder: Any) -> list[str]:
    """The names in a folder, in order, without what is stray there.

    :param folder: a ``pathlib.Path`` or one of its kin.
    """
    return [child.name for child in _children(folder)]


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


def _children(folder: Any) -> list[Any]:
    # By name: an object store lists a folder twice where a key has its name.
    children = {child.name: child for child in folder.iterdir() if not is_stray(child.name)}
    return [children[name] for name in sorted(children)]


def _is_link(path: Any) -> bool:
    return isinstance(path, Path) and path.is_symlink()


def _is_new(linked: Path, seen: set[Path]) -> bool:
    real = linked.resolve()
    is_new = real not in seen
    seen.add(real)
    return is_new
