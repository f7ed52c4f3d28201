"""A private copy of a startup kit, for one session."""

from __future__ import annotations

import base64
import binascii
import codecs
import contextlib
import io
import json
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
# What the FLARE admin client cannot do without, as nvflare's provisioning lays it out. The last three can have other
# names, which the section admin of the first one says.
ADMIN_FILE = "startup/fed_admin.json"
NAMED_FILES = {"client_cert": "client.crt", "client_key": "client.key", "ca_cert": "rootCA.pem"}
# Somebody zips a kit with the folders that it lies in, or names a folder with one kit in it.
DEEPEST_IN_ARCHIVES, DEEPEST_IN_FOLDERS = 3, 1
# What people's editors, mail and systems change in text, and no client library reads.
TEXTS = (".json", ".default", ".crt", ".pem", ".key")
FROM_URLS = str.maketrans("-_", "+/")
IN_A_URI = " (There are spaces in it: in a connection that is given as a URI, each + of it has to be written as %2B.)"
BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


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
    # Some tools write base64 as it is in URLs, and leave out what fills it up.
    text = "".join(content.split()).translate(FROM_URLS).rstrip("=")
    hint = IN_A_URI if " " in content.strip() else ""
    try:
        archive = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise StartupKitError(
            f"startup_kit_secret is not base64. Make it with: zip -r - startup local | base64 -w0{hint}"
        ) from None
    try:
        _copy_archive(io.BytesIO(archive), folder, "startup_kit_secret")
    except StartupKitError as error:
        raise StartupKitError(f"{error}{hint}") from None
    return _checked_root(folder / ROOT, "startup_kit_secret")


def _copy(source: Any, folder: Path) -> None:
    if is_folder(source):
        # Somebody who points at startup/ means its parent.
        root = source.parent if source.name == "startup" and (source / "fed_admin.json").is_file() else source
        _copy_root(_root_below(root, str(source), DEEPEST_IN_FOLDERS) or root, folder / ROOT, str(source))
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
    root = _root_below(top, source, DEEPEST_IN_ARCHIVES)
    # What is missing of one without an administrator's file is said later.
    return root or next((found.parent for found in sorted(top.rglob("startup")) if found.is_dir()), top)


def _checked_root(root: Path, source: str) -> Path:
    missing = [name for name in _required_files(root) if not (root / name).is_file()]
    if missing:
        raise StartupKitError(
            f"The startup kit at {source} is not whole: {', '.join(missing)} missing.{_what_it_is(root)} It must "
            "hold startup/ and local/ as the federation's administrator packed them (an administrator's kit, not a "
            "site's)."
        )
    with writing(root):
        # An archive or an object store may know no empty folders. The client makes the second one, and fails in a kit
        # that it cannot write to.
        for name in ("local", "transfer"):
            (root / name).mkdir(exist_ok=True, mode=0o700)
        _make_private(root)
        _make_plain(root)
    return root


def _root_below(folder: Any, source: str, deepest: int) -> Any | None:
    """The one kit of an administrator at a folder or below it, where there is one."""
    level = [folder]
    for _ in range(deepest + 1):
        found = [root for root in level if (root / ADMIN_FILE).is_file()]
        if len(found) > 1:
            names = ", ".join(sorted(str(root.relative_to(folder)) for root in found))
            raise StartupKitError(f"There are several startup kits at {source}: {names}. Name one of them.")
        if found:
            return found[0]
        level = [child for parent in level for child in _folders_in(parent)]
    return None


def _folders_in(folder: Any) -> list[Any]:
    # Hidden folders hold copies and remains; what may not be entered is somebody else's.
    with contextlib.suppress(PermissionError):
        return [
            path
            for path in folder.iterdir()
            if not (path.name.startswith(".") or is_stray(path.name)) and path.is_dir()
        ]
    return []


def _required_files(root: Path) -> list[str]:
    names = dict(NAMED_FILES)
    # What is wrong with it otherwise, the session host says.
    with contextlib.suppress(OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        admin = json.loads(_plain((root / ADMIN_FILE).read_bytes()))["admin"]
        names = {key: admin.get(key) or name for key, name in names.items()}
    return [ADMIN_FILE, *(f"startup/{name}" for name in names.values())]


def _what_it_is(folder: Path) -> str:
    for kind, name in (("server", "fed_server.json"), ("site", "fed_client.json")):
        if next(folder.rglob(name), None) is not None:
            return f" It is the kit of a {kind}: there is a {name} in it."
    return ""


def _make_private(root: Path) -> None:
    for path in root.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)


def _make_plain(root: Path) -> None:
    for path in root.rglob("*"):
        if path.suffix in TEXTS and path.is_file():
            content = path.read_bytes()
            plain = _plain(content)
            if plain != content:
                path.write_bytes(plain)


def _plain(content: bytes) -> bytes:
    """Text in UTF-8 with the line ends of Unix; whatever is no text as it is.

    Where it was signed with others, the session host puts those back: remote/signed_files.py
    """
    for mark, encoding in BYTE_ORDER_MARKS:
        if content.startswith(mark):
            with contextlib.suppress(ValueError):
                content = content[len(mark) :].decode(encoding).encode()
            break
    return content.replace(b"\r\n", b"\n")
