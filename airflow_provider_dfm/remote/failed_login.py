"""Why a log-in fails, found out without the client library."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl

from airflow_provider_dfm.remote.certificates import Certificate, read_binary_certificate
from airflow_provider_dfm.remote.failures import NamedError
from airflow_provider_dfm.remote.kit_check import certificate_files, own_certificate, server_address
from airflow_provider_dfm.remote.library_version import release

# OpenSSL's errors of a certificate that is not valid yet or has expired, and of one whose issuer is not known, or is
# another one of the same name, as each federation of nvflare's poc has it: openssl/x509_vfy.h
DATE_ERRORS = (9, 10)
ISSUER_ERRORS = (7, 18, 19, 20, 21)
# In the names of OpenSSL's errors that the other side sent: openssl/sslerr.h
ALERT = "ALERT"
# Each names a proxy to gRPC: github.com/grpc/grpc, src/core/handshaker/http_connect/http_proxy_mapper.cc
PROXIES = ("grpc_proxy", "https_proxy", "http_proxy")


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
    except NamedError:
        # The log-in tells.
        return
    try:
        socket.create_connection((host, port), timeout).close()
    except TimeoutError:
        return
    except OSError as error:
        where = f"Tried to log in as {user} with nvflare {nvflare_version} at {host}:{port}"
        raise _unreachable(where, error) from error


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
    if type(cause).__name__ == "ConfigError":
        # Of the kit itself, such as a fed_admin.json that differs from what signature.json says.
        return NamedError("StartupKitError", f"{tried}: the client library refuses the kit ({came_back}).")
    try:
        host, port = server_address(kit)
    except NamedError as error:
        return NamedError(error.error_name, f"{tried}, which failed ({came_back}). {error}")
    where = f"{tried} at {host}:{port}"
    refused = _probe(kit, (host, port), timeout, where, came_back)
    if refused is not None:
        return refused
    reads = release(nvflare_version)
    if not secure and reads is not None and reads < (2, 7):
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


def _probe(kit: str, server: tuple[str, int], timeout: float, where: str, came_back: str) -> NamedError | None:
    """Speak to the server as far as TLS; None where nothing is wrong that far."""
    try:
        context = _context(kit)
    except ssl.SSLError as error:
        return NamedError(
            "StartupKitError",
            f"{where}: the TLS library of this machine refuses the kit's certificate or key ({error.reason}). Ask the "
            "federation's administrator for a new kit.",
        )
    try:
        with socket.create_connection(server, timeout) as connection:
            _greet(context, connection)
    except ssl.SSLCertVerificationError as error:
        return _explain_server_certificate(kit, server, timeout, where, error)
    except ssl.SSLEOFError:
        return NamedError(
            "FederationUnreachable",
            f"{where}: the server, or what is in front of it, closed the connection at once. Check that the server is "
            "up. If it is an insecure one, set secure_mode to false.",
        )
    except ssl.SSLError as error:
        return _explain_broken_handshake(kit, where, error)
    except TimeoutError:
        return NamedError(
            "FederationUnreachable",
            f"{where}: the server, or what is in front of it, said nothing within {timeout:g} s ({came_back}). Check "
            "that the server is not overloaded or stopped, and that this machine can reach it.",
        )
    except OSError as error:
        return _unreachable(where, error)
    return None


def _explain_broken_handshake(kit: str, where: str, error: ssl.SSLError) -> NamedError:
    """Say who broke a handshake off: a server that refuses a certificate sends an alert."""
    if ALERT not in str(error.reason):
        return NamedError(
            "FederationUnreachable",
            f"{where}: what answers there does not speak TLS as the federation's server does ({error.reason}). Check "
            "that the server is up, and that nothing else answers at its address. If it is an insecure one, set "
            "secure_mode to false.",
        )
    return NamedError(
        "AuthenticationFailed",
        f"{where}: the server refused the kit's certificate ({error.reason}). That {own_certificate(kit).fault()}. "
        "The kit is for another federation, or its certificate was revoked, or the server's clock is wrong.",
    )


def _unreachable(where: str, error: OSError) -> NamedError:
    return NamedError(
        "FederationUnreachable",
        f"{where}: {type(error).__name__}: {error}. Check that the federation's server is up and that "
        "this machine can reach it.",
    )


def _explain_server_certificate(
    kit: str, server: tuple[str, int], timeout: float, where: str, error: ssl.SSLCertVerificationError
) -> NamedError:
    """Say why the server's certificate does not pass."""
    if error.verify_code in ISSUER_ERRORS:
        return NamedError(
            "StartupKitError",
            f"{where}: the server's certificate was not signed by the kit's authority ({error.verify_message}). "
            "The kit is for another federation; ask this federation's administrator for one.",
        )
    certificate = f"the server's certificate is refused ({error.verify_message})"
    try:
        with socket.create_connection(server, timeout) as connection:
            presented = _greet(_context(kit, check=False), connection)
    except (OSError, ValueError):
        presented = None
    if presented is not None and (presented.is_valid_now and error.verify_code in DATE_ERRORS):
        certificate = (
            f"an authority's certificate that the server's depends on is refused ({error.verify_message}); the "
            f"server's own {presented.fault()}"
        )
    elif presented is not None:
        certificate = f"the server's certificate {presented.fault()}, and is refused ({error.verify_message})"
    advice = "Tell the federation's administrator."
    if error.verify_code in DATE_ERRORS:
        advice = "If that clock is wrong, set it; if not, the federation's administrator has to renew the certificate."
    return NamedError("FederationUnreachable", f"{where}: {certificate}. {advice}")


def _context(kit: str, check: bool = True) -> ssl.SSLContext:
    """As the client library speaks TLS with this kit; without a check of the server's certificate, to look at it."""
    own, authority, key = certificate_files(kit)
    context = ssl.create_default_context(cafile=authority)
    # The client library does not check the name either: nvflare/fuel/hci/client/api.py
    context.check_hostname = False
    # Python 3.13 asks for extensions that nvflare's certificates do not have.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not check:
        context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(own, key)
    return context


def _greet(context: ssl.SSLContext, connection: socket.socket) -> Certificate | None:
    """Shake hands; gives the server's certificate where it is not checked."""
    with context.wrap_socket(connection) as secured:
        if context.verify_mode == ssl.CERT_NONE:
            content = secured.getpeercert(binary_form=True)
            return read_binary_certificate(content) if content else None
        # With TLS 1.3 a server that refuses the client says so only when it is read from.
        secured.settimeout(1)
        with contextlib.suppress(TimeoutError):
            secured.recv(1)
    return None
