"""What can be said of a startup kit before a log-in."""

from __future__ import annotations

import json
import os
from typing import Any

from airflow_provider_dfm.remote.certificates import Certificate, check_dates, read_certificates
from airflow_provider_dfm.remote.failures import NamedError
from airflow_provider_dfm.remote.library_version import release

# Where the admin section of fed_admin.json says nothing else.
CERTIFICATE, AUTHORITY, KEY = ("client_cert", "client.crt"), ("ca_cert", "rootCA.pem"), ("client_key", "client.key")


def check_kit(kit: str, user: str | None, nvflare_version: str) -> None:
    """Refuse a kit that cannot work, with the reason that the client library does not give.

    :param kit: the kit's root.
    :param user: whose it has to be; None: anybody's.
    :param nvflare_version: version of the nvflare in this interpreter.
    :raises NamedError: StartupKitError (corrupt, expired, not valid yet), AuthenticationFailed (another user's) or
        VersionMismatch.
    """
    admin = _admin_section(kit)
    # The server's address is in this file since nvflare 2.7; before, it is in local/resources.json.default.
    made_by_newer = "host" in admin
    reads = release(nvflare_version)
    if reads is not None and made_by_newer != (reads >= (2, 7)):
        raise NamedError(
            "VersionMismatch",
            f"The startup kit was made by nvflare {'2.7 or later' if made_by_newer else '2.6 or earlier'}, but "
            f"the connection's python has nvflare {nvflare_version}. Point the field python at an environment "
            "with the federation's own nvflare version.",
        )
    made_for = _check_certificates(kit)
    # A server gives a session to the name in the certificate only, and refuses another with errors that differ from
    # version to version and do not say so: nvflare/fuel/hci/server/login.py, authenticate_cn. From 2.7 on a kit can
    # say that the name is taken from there anyway: nvflare/fuel/hci/client/api.py, UidSource
    if user is not None and user != made_for and admin.get("uid_source") != "cert":
        raise NamedError(
            "AuthenticationFailed",
            f"The startup kit was made for {made_for}, but the connection's login is {user}. Set the one that belongs "
            "to the other.",
        )


def server_address(kit: str) -> tuple[str, int]:
    """Host and port that the admin client of this kit connects to; one that asks an overseer for it does not say.

    :raises NamedError: StartupKitError: the kit does not say.
    """
    admin = _admin_section(kit)
    try:
        if "host" in admin:
            if not isinstance(admin["host"], str):
                raise ValueError("no host")
            return _address(admin["host"], int(admin["port"]))
        for name in ("local/resources.json", "local/resources.json.default", "startup/fed_admin.json"):
            if os.path.exists(os.path.join(kit, name)):
                end_point = _find(_read_json(kit, name), "sp_end_point")
                if end_point:
                    host, _, port = end_point.split(":")
                    return _address(host, int(port))
    except (KeyError, TypeError, ValueError, AttributeError):
        pass
    raise NamedError(
        "StartupKitError",
        "The kit does not say where the server is: neither its startup/fed_admin.json nor a local/resources.json or "
        "local/resources.json.default has a host and port or an sp_end_point. Ask the federation's administrator for "
        "a whole kit.",
    )


def _address(host: str, port: int) -> tuple[str, int]:
    """The same, where a connection can be tried; otherwise a ValueError, as Python has many errors for that."""
    host.encode("idna")
    if not host or "\0" in host or not 0 < port < 1 << 16:
        raise ValueError(f"{host!r}, {port} is no address")
    return host, port


def certificate_files(kit: str) -> tuple[str, str, str]:
    """Where the user's certificate, that of the authority, and the user's key are."""
    admin = _admin_section(kit)
    own, authority, key = (_path(kit, admin, file) for file in (CERTIFICATE, AUTHORITY, KEY))
    return own, authority, key


def own_certificate(kit: str) -> Certificate:
    """The certificate of the kit's user."""
    certificates: list[Certificate] = _load(certificate_files(kit)[0], read_certificates)
    return certificates[0]


def _admin_section(kit: str) -> dict[str, Any]:
    admin = _read_json(kit, "startup/fed_admin.json").get("admin")
    if not isinstance(admin, dict):
        raise NamedError("StartupKitError", "The kit's startup/fed_admin.json has no section admin.")
    return admin


def _read_json(kit: str, name: str) -> dict[str, Any]:
    try:
        with open(os.path.join(kit, name), encoding="utf-8") as file:
            content = json.load(file)
    except (ValueError, RecursionError) as error:
        raise NamedError("StartupKitError", f"The kit's {name} is not JSON ({error}): the kit is corrupt.") from None
    if not isinstance(content, dict):
        raise NamedError("StartupKitError", f"The kit's {name} is not a JSON object: the kit is corrupt.")
    return content


def _find(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        if name in value:
            return value[name]
        return next((found for inner in value.values() if (found := _find(inner, name))), None)
    if isinstance(value, list):
        return next((found for inner in value if (found := _find(inner, name))), None)
    return None


def _path(kit: str, admin: dict[str, Any], file: tuple[str, str]) -> str:
    """Where a file of the kit is; its name is the admin section's, or the usual one."""
    return os.path.join(kit, "startup", str(admin.get(file[0]) or file[1]))


def _check_certificates(kit: str) -> str:
    """Refuse certificates that cannot work; gives the name of the user they were made for."""
    own_file, authority_file, key_file = certificate_files(kit)
    own, authorities = _load(own_file, read_certificates), _load(authority_file, read_certificates)
    key = _load(key_file, _load_key)
    # What comes after the user's own is what links it to the authority; of authorities, one is enough.
    check_dates(_named(own_file), own[:1])
    check_dates(_named(authority_file), authorities)
    if _spelled_out(own[0].public_key) != _spelled_out(key.public_key()):
        raise NamedError("StartupKitError", "The kit's client.key does not belong to its client.crt.")
    made_for: str = own[0].name
    return made_for


def _named(path: str) -> str:
    return f"startup/{os.path.basename(path)}"


def _load(path: str, load: Any) -> Any:
    name = _named(path)
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise NamedError("StartupKitError", f"The kit's {name} cannot be read: {error.strerror}.") from None
    try:
        return load(content)
    except (ValueError, TypeError):
        if b"ENCRYPTED" in content:
            raise NamedError(
                "StartupKitError",
                f"The kit's {name} is locked with a password, which the client library cannot use. Take it off with: "
                "openssl pkey -in client.key -out unlocked.key",
            ) from None
        # The cause may quote the file, and client.key is a secret.
        raise NamedError("StartupKitError", f"The kit's {name} is corrupt: not a PEM file.") from None


def _load_key(content: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(content, password=None)


def _spelled_out(public_key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    # Not every kind of key has numbers.
    spelled: bytes = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return spelled
