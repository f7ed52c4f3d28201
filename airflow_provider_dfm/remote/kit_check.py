"""What can be said of a startup kit before a log-in, and of a log-in that failed."""

from __future__ import annotations

import datetime
import json
import os
import socket
import ssl
from typing import Any

from airflow_provider_dfm.remote.failures import NamedError

# Each names one to gRPC: github.com/grpc/grpc, src/core/handshaker/http_connect/http_proxy_mapper.cc
PROXIES = ("grpc_proxy", "https_proxy", "http_proxy")


def check_kit(kit: str, user: str | None, nvflare_version: str) -> None:
    """Refuse a kit that cannot work, with the reason that the client library does not give.

    :param kit: the kit's root.
    :param user: whose it has to be; None: anybody's.
    :param nvflare_version: version of the nvflare in this interpreter.
    :raises NamedError: StartupKitError (corrupt, expired), AuthenticationFailed (another user's) or VersionMismatch.
    """
    admin = _read_json(kit, "startup/fed_admin.json").get("admin")
    if not isinstance(admin, dict):
        raise NamedError("StartupKitError", "The kit's startup/fed_admin.json has no section admin.")
    # The server's address is in this file since nvflare 2.7; before, it is in local/resources.json.default.
    made_by_newer = "host" in admin
    reads_newer = _release(nvflare_version) >= (2, 7)
    if made_by_newer != reads_newer:
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


def explain_failed_login(
    kit: str, user: str, nvflare_version: str, secure: bool, cause: Exception, timeout: float
) -> NamedError:
    """Find out why a log-in failed, by talking to the server without the client library.

    :param kit: the kit's root.
    :param user: the FLARE user.
    :param secure: whether a secure session was wanted.
    :param cause: what the client library raised.
    :param timeout: seconds for the probe.
    :return: the error to raise.
    """
    tried = f"Tried to log in as {user} with nvflare {nvflare_version}"
    came_back = f"{type(cause).__name__}: {cause}"
    try:
        host, port = server_address(kit)
    except (KeyError, ValueError, OSError):
        return NamedError("StartupKitError", f"{tried}: the kit does not say where the server is ({came_back}).")
    where = f"{tried} at {host}:{port}"
    try:
        with socket.create_connection((host, port), timeout) as connection:
            _greet(kit, connection)
    except ssl.SSLCertVerificationError as error:
        return NamedError(
            "StartupKitError",
            f"{where}: the server's certificate was not signed by the kit's authority ({error.verify_message}). "
            "The kit is for another federation; ask this federation's administrator for one.",
        )
    except ssl.SSLEOFError:
        return NamedError(
            "FederationUnreachable",
            f"{where}: the server, or what is in front of it, closed the connection at once. Check that the server is "
            "up. If it is an insecure one, set secure_mode to false.",
        )
    except ssl.SSLError as error:
        return NamedError(
            "AuthenticationFailed",
            f"{where}: the server refused the kit's certificate ({error.reason}). The kit is for another "
            "federation, or its certificate was revoked.",
        )
    except TimeoutError:
        return NamedError(
            "FederationUnreachable",
            f"{where}: the server, or what is in front of it, said nothing within {timeout:g} s ({came_back}). Check "
            "that the server is not overloaded or stopped, and that this machine can reach it.",
        )
    except OSError as error:
        return _unreachable(where, error)
    if not secure and _release(nvflare_version) < (2, 7):
        return NamedError(
            "ConnectionSettingsError",
            f"{where}: secure_mode is false, but the server speaks TLS. Leave secure_mode at its default.",
        )
    if type(cause).__name__ in ("AuthenticationError", "AuthorizationError"):
        return NamedError("AuthenticationFailed", f"{where}: {came_back}. Check the connection's login.")
    return NamedError(
        "FederationUnreachable",
        f"{where}: the server is there but gave no session ({came_back}). Check that the connection's login is "
        "the user the kit was made for, and that its python has the nvflare version of the federation.",
    )


def refuse_unreachable(kit: str, user: str, nvflare_version: str, timeout: float) -> None:
    """Fail at once where no connection to the server can be made: the client library tries for all of its time.

    :param kit: the kit's root.
    :param user: the FLARE user.
    :param nvflare_version: version of the nvflare in this interpreter.
    :param timeout: seconds; a server that does not even take the connection so long is left to the client library.
    :raises NamedError: FederationUnreachable.
    """
    # gRPC, which nvflare uses since 2.7, may go through a proxy, and then nobody knows what this machine can reach.
    if any(os.environ.get(name) for name in PROXIES):
        return
    try:
        host, port = server_address(kit)
    except (KeyError, ValueError, OSError):
        # The log-in tells.
        return
    try:
        socket.create_connection((host, port), timeout).close()
    except TimeoutError:
        return
    except OSError as error:
        where = f"Tried to log in as {user} with nvflare {nvflare_version} at {host}:{port}"
        raise _unreachable(where, error) from error


def _unreachable(where: str, error: OSError) -> NamedError:
    return NamedError(
        "FederationUnreachable",
        f"{where}: {type(error).__name__}: {error}. Check that the federation's server is up and that "
        "this machine can reach it.",
    )


def server_address(kit: str) -> tuple[str, int]:
    """Host and port that the admin client of this kit connects to.

    :raises KeyError, ValueError, OSError: the kit does not say.
    """
    admin = _read_json(kit, "startup/fed_admin.json")["admin"]
    if "host" in admin:
        return admin["host"], int(admin["port"])
    for name in ("local/resources.json", "local/resources.json.default", "startup/fed_admin.json"):
        if os.path.exists(os.path.join(kit, name)):
            end_point = _find(_read_json(kit, name), "sp_end_point")
            if end_point:
                host, _, port = end_point.split(":")
                return host, int(port)
    raise KeyError("sp_end_point")


def _read_json(kit: str, name: str) -> dict[str, Any]:
    try:
        with open(os.path.join(kit, name), encoding="utf-8") as file:
            content = json.load(file)
    except ValueError as error:
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


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def _check_certificates(kit: str) -> str:
    """Refuse certificates that cannot work; gives the name of the user they were made for."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    startup = os.path.join(kit, "startup")
    loaded: dict[str, Any] = {}
    for name, load in (
        ("client.crt", x509.load_pem_x509_certificate),
        ("rootCA.pem", x509.load_pem_x509_certificate),
        ("client.key", lambda content: load_pem_private_key(content, password=None)),
    ):
        with open(os.path.join(startup, name), "rb") as file:
            content = file.read()
        try:
            loaded[name] = load(content)
        except (ValueError, TypeError):
            # The cause may quote the file, and client.key is a secret.
            raise NamedError("StartupKitError", f"The kit's startup/{name} is corrupt: not a PEM file.") from None
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    for name in ("client.crt", "rootCA.pem"):
        certificate = loaded[name]
        # cryptography < 42 has no not_valid_after_utc.
        ends = getattr(certificate, "not_valid_after_utc", None) or certificate.not_valid_after
        if ends.replace(tzinfo=None) < now:
            raise NamedError(
                "StartupKitError",
                f"The kit's startup/{name} expired on {ends:%Y-%m-%d}. Ask the federation's administrator for a "
                "new kit.",
            )
    if loaded["client.crt"].public_key().public_numbers() != loaded["client.key"].public_key().public_numbers():
        raise NamedError("StartupKitError", "The kit's client.key does not belong to its client.crt.")
    names = loaded["client.crt"].subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _greet(kit: str, connection: socket.socket) -> None:
    startup = os.path.join(kit, "startup")
    context = ssl.create_default_context(cafile=os.path.join(startup, "rootCA.pem"))
    # The client library does not check the name either: nvflare/fuel/hci/client/api.py
    context.check_hostname = False
    context.load_cert_chain(os.path.join(startup, "client.crt"), os.path.join(startup, "client.key"))
    with context.wrap_socket(connection) as secured:
        # With TLS 1.3 a server that refuses the client says so only when it is read from.
        secured.settimeout(1)
        try:
            secured.recv(1)
        except TimeoutError:
            return
