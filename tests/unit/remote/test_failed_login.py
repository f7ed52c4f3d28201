"""Why a log-in failed, asked of a server that shakes hands as FLARE's does; none of FLARE's has such certificates."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from airflow_provider_dfm.remote.failed_login import explain_failed_login
from tests.certificates import ALWAYS, EXPIRED, FUTURE, USER, Authority, TlsServer, admin_file


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def explained(authority, tmp_path):
    """What is said of a log-in with a kit at a server, each with a certificate of certain dates."""

    def explain(server_days=ALWAYS, days=ALWAYS, kits_authority=authority, cause=None, key=None):
        with TlsServer(authority, tmp_path, server_days) as server:
            kit = admin_file(kits_authority.fill_kit(tmp_path / "kit", days, key), server.port)
            cause = cause or RuntimeError("no session")
            error = explain_failed_login(str(kit), USER, "2.9.0", True, cause, 10)
            return error.error_name, str(error).replace(f"localhost:{server.port}", "the server")

    return explain


@pytest.mark.parametrize(("days", "what"), [(EXPIRED, "expired on"), (FUTURE, "is not valid before")])
def test_a_servers_certificate_out_of_its_time(explained, days, what):
    name, message = explained(server_days=days)
    # It may pass, once it is renewed or the clock is set.
    assert name == "FederationUnreachable"
    assert f"at the server: the server's certificate {what}" in message
    assert "made for server, valid from" in message
    assert "this machine's clock says" in message
    assert "signed" not in message


@pytest.mark.parametrize("authoritys_name", ["authority", "another"])
def test_a_server_of_another_federation(explained, authoritys_name):
    name, message = explained(kits_authority=Authority(name=authoritys_name))
    assert name == "StartupKitError"
    assert "not signed by the kit's authority" in message


@pytest.mark.parametrize("days", [EXPIRED, FUTURE])
def test_a_users_certificate_that_the_server_finds_out_of_its_time(explained, days):
    """The server's clock is another one; here the certificate is, since its process has ours."""
    name, message = explained(days=days)
    assert name == "AuthenticationFailed"
    assert "the server refused the kit's certificate" in message
    assert "this machine's clock says" in message
    assert "the server's clock is wrong" in message


def test_nothing_is_wrong_as_far_as_tls(explained):
    name, message = explained()
    assert name == "FederationUnreachable"
    assert "the server is there but gave no session (RuntimeError: no session)" in message


def test_a_kit_that_the_client_library_refuses(explained):
    refusal = type("ConfigError", (Exception,), {})("invalid fed_admin.json: tampered")
    name, message = explained(cause=refusal)
    assert name == "StartupKitError"
    assert "the client library refuses the kit (ConfigError: invalid fed_admin.json: tampered)" in message


def test_a_kit_that_does_not_say_where_the_server_is(authority, tmp_path):
    kit = admin_file(authority.fill_kit(tmp_path / "kit"), newer=False, overseer_agent={})
    error = explain_failed_login(str(kit), USER, "2.6.3", True, RuntimeError("no session"), 10)
    assert error.error_name == "StartupKitError"
    assert f"Tried to log in as {USER} with nvflare 2.6.3, which failed (RuntimeError: no session)" in str(error)
    assert "does not say where the server is" in str(error)


@pytest.fixture
def answering(tmp_path):
    """The port of something that answers whoever speaks to it by these bytes."""
    with contextlib.ExitStack() as stack:

        def serve(answer):
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            stack.callback(listening.shutdown, socket.SHUT_RDWR)

            def take():
                with contextlib.suppress(OSError):
                    while True:
                        with contextlib.suppress(ConnectionError), listening.accept()[0] as taken:
                            taken.recv(4096)
                            taken.sendall(answer)

            threading.Thread(target=take, daemon=True).start()
            return listening.getsockname()[1]

        yield serve


@pytest.mark.parametrize("answer", [b"HTTP/1.1 503 Service Unavailable\r\n\r\n", b"SSH-2.0-OpenSSH_9.6\r\n"])
def test_something_else_answers_in_the_servers_place(authority, tmp_path, answering, answer):
    kit = admin_file(authority.fill_kit(tmp_path / "kit"), answering(answer))
    error = explain_failed_login(str(kit), USER, "2.9.0", True, RuntimeError("no session"), 10)
    # A proxy before a server that is down answers so: it passes.
    assert error.error_name == "FederationUnreachable"
    assert "does not speak TLS as the federation's server does" in str(error)
    assert "refused the kit's certificate" not in str(error)


def test_a_key_that_this_machine_finds_too_weak(explained):
    name, message = explained(key=rsa.generate_private_key(public_exponent=65537, key_size=1024))
    assert name == "StartupKitError"
    assert "the TLS library of this machine refuses the kit's certificate or key" in message


def test_an_authority_out_of_its_time_is_not_taken_for_the_server(tmp_path):
    authority = Authority(days=EXPIRED)
    with TlsServer(authority, tmp_path) as server:
        kit = admin_file(authority.fill_kit(tmp_path / "kit"), server.port)
        error = explain_failed_login(str(kit), USER, "2.9.0", True, RuntimeError("no session"), 10)
    assert error.error_name == "FederationUnreachable"
    assert "an authority's certificate that the server's depends on is refused (certificate has expired)" in str(error)
    assert "the server's own is valid (made for server" in str(error)
