"""A private copy of a startup kit, for one session."""

from __future__ import annotations

import base64
import binascii
import io
from pathlib import Path
from typing import Any

from airflow_provider_dfm.federation.archives import ArchiveError, unpack_archive
from airflow_provider_dfm.federation.errors import StartupKitError, StorageFailed
from airflow_provider_dfm.federation.folder_copy import copy_folder
from airflow_provider_dfm.federation.storage import storage_error, writing

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
        Airflow's ``ObjectStoragePath``.
    :param folder: an existing folder that only this user can enter.
    :return: the kit's root below ``folder``: the folder that holds ``startup/``.
    :raises StartupKitError: there is no kit at ``source``, or not a whole one.
    :raises StorageFailed: ``folder`` cannot be written.
    """
    target = folder / "startup_kit"
    with writing(target):
        target.mkdir(mode=0o700)
    try:
        _copy(source, target)
    except (StartupKitError, StorageFailed):
        raise
    except Exception as error:  # object stores pass on whatever their libraries raise
        raise storage_error(error, StartupKitError)(
            f"Cannot read the startup kit at {source}: {type(error).__name__}: {error}. Check that the path is right "
            "and that this user may read it."
        ) from error
    return _checked_root(target, str(source))


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
            "startup_kit_secret is not base64. Make it with: zip -r - startup local | base64 -w0"
        ) from None
    target = folder / "startup_kit"
    with writing(target):
        target.mkdir(mode=0o700)
    _unpack(archive, target, "startup_kit_secret")
    return _checked_root(target, "startup_kit_secret")


def _copy(source: Any, target: Path) -> None:
    if source.is_dir():
        # Somebody who points at startup/ means its parent.
        root = source.parent if source.name == "startup" and (source / "fed_admin.json").is_file() else source
        for name in ("startup", "local"):
            if (root / name).is_dir():
                copy_folder(root / name, target / name)
        if not isinstance(source, Path):
            # An object store knows no empty folders, and this one may be empty.
            (target / "local").mkdir(mode=0o700, exist_ok=True)
    elif source.is_file():
        _unpack(source.read_bytes(), target, str(source))
    else:
        raise StartupKitError(
            f"There is no startup kit at {source}. Set startup_kit to the folder (or a zip or tar of it) "
            "that the federation's administrator gave this user: the one that holds startup/ and local/."
        )


def _unpack(archive: bytes, target: Path, source: str) -> None:
    try:
        unpack_archive(io.BytesIO(archive), target)
    except ArchiveError as error:
        raise StartupKitError(f"The startup kit at {source} is {error}.") from None


def _checked_root(folder: Path, source: str) -> Path:
    candidates = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    root = next((path for path in candidates if (path / "startup").is_dir()), folder)
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
