"""A private copy of a startup kit, for one session."""

from __future__ import annotations

import base64
import binascii
import io
from pathlib import Path
from typing import IO, Any

from airflow_provider_dfm.federation.archives import ArchiveError, unpacked
from airflow_provider_dfm.federation.errors import StartupKitError, StorageFailed
from airflow_provider_dfm.federation.folder_copy import copy_folder
from airflow_provider_dfm.federation.folder_entries import as_it_is_now, is_folder
from airflow_provider_dfm.federation.folder_layout import UnclearFolder
from airflow_provider_dfm.federation.storage import storage_error, writing
from airflow_provider_dfm.federation.stray_files import is_stray

ROOT = "startup_kit"
# What the FLARE admin client reads, as nvflare's provisioning lays it out.
REQUIRED_FILES = (
    "startup/fed_admin.json",
    "startup/client.crt",
    "startup/client.key",
    "startup/rootCA.pem",
    "local",
)


def copy_startup_kit(source: Any, folder: Path) -> Path:
    """Copy a kit to a private folder.

    :param source: the kit's folder, or a zip or tar of it: a ``pathlib.Path`` or one of its kin, such as
        Airflow's ``ObjectStoragePath``. In an archive, the kit may be in a folder.
    :param folder: an existing folder that only this user can enter.
    :return: the kit's root below ``folder``: the folder that holds ``startup/``.
    :raises StartupKitError: there is no kit at ``source``, not a whole one, or several.
    :raises StorageFailed: ``folder`` cannot be written.
    """
    try:
        _copy(as_it_is_now(source), folder)
    except (StartupKitError, StorageFailed):
        raise
    except Exception as error:  # object stores pass on whatever their libraries raise
        raise storage_error(error, StartupKitError)(
            f"Cannot read the startup kit at {source}: {type(error).__name__}: {error}. Check that the path is right "
            "and that this user may read it."
        ) from error
    return _checked_root(folder / ROOT, str(source))


def unpack_startup_kit(content: str, folder: Path) -> Path:
    """Unpack a kit that was stored as text.

    :param content: the kit's zip (or tar) in base64.
    :param folder: an existing folder that only this user can enter.
    :return: the kit's root below ``folder``.
    :raises StartupKitError: the content is no kit.
    :raises StorageFailed: ``folder`` cannot be written.
    """
    try:
        archive = base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        raise StartupKitError(
            "startup_kit_content is not base64. Make it with: zip -r - startup local | base64 -w0"
        ) from None
    _copy_archive(io.BytesIO(archive), folder, "startup_kit_content")
    return _checked_root(folder / ROOT, "startup_kit_content")


def _copy(source: Any, folder: Path) -> None:
    if is_folder(source):
        # Somebody who points at startup/ means its parent.
        root = source.parent if source.name == "startup" and (source / "fed_admin.json").is_file() else source
        _copy_root(root, folder / ROOT, str(source))
        if not isinstance(source, Path):
            # An object store knows no empty folders, and this one may be empty.
            (folder / ROOT / "local").mkdir(mode=0o700, exist_ok=True)
    elif source.is_file():
        with source.open("rb") as archive:
            _copy_archive(archive, folder, str(source))
    else:
        raise StartupKitError(
            f"There is no startup kit at {source}. Set startup_kit to the folder (or a zip or tar of it) "
            "that the federation's administrator gave this user: the one that holds startup/ and local/."
        )


def _copy_archive(archive: IO[bytes], folder: Path, source: str) -> None:
    try:
        with unpacked(archive, folder) as top:
            _copy_root(_root_in(top, source), folder / ROOT, source)
    except ArchiveError as error:
        raise StartupKitError(f"The startup kit at {source} is {error}.") from None


def _copy_root(root: Any, target: Path, source: str) -> None:
    with writing(target):
        target.mkdir(mode=0o700)
    try:
        for name in ("startup", "local"):
            if is_folder(root / name):
                copy_folder(root / name, target / name)
    except UnclearFolder as error:
        raise StartupKitError(
            f"The startup kit at {source} cannot be taken as it is: in {name}, {error}. Remove that."
        ) from None


def _root_in(top: Path, source: str) -> Path:
    kits = [found.parent.parent for found in top.rglob("startup/fed_admin.json") if not _is_in_stray(found, top)]
    if len(kits) > 1:
        names = ", ".join(sorted(str(kit.relative_to(top)) for kit in kits))
        raise StartupKitError(f"There are {len(kits)} startup kits at {source}: {names}. Give one of them.")
    if kits:
        return kits[0]
    # What is missing there is said later.
    return next((found.parent for found in sorted(top.rglob("startup")) if found.is_dir()), top)


def _is_in_stray(path: Path, top: Path) -> bool:
    return any(map(is_stray, path.relative_to(top).parts))


def _checked_root(root: Path, source: str) -> Path:
    missing = [name for name in REQUIRED_FILES if not (root / name).exists()]
    if missing:
        raise StartupKitError(
            f"The startup kit at {source} is not whole: {', '.join(missing)} missing. It must hold startup/ "
            "and local/ as the federation's administrator packed them (an administrator's kit, not a site's)."
        )
    with writing(root):
        _make_private(root)
        # The client makes this folder where it is missing, and fails in a kit that it cannot write to.
        (root / "transfer").mkdir(exist_ok=True, mode=0o700)
    return root


def _make_private(root: Path) -> None:
    for path in root.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
