"""Connections that cannot work: each a named error that says what to do, with nothing left behind."""

from __future__ import annotations

import base64
import contextlib
import datetime
import shutil
import socket
import sys
import threading
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from airflow_provider_dfm.federation.errors import (
    AuthenticationFailed,
    ConnectionSettingsError,
    FederationUnreachable,
    StartupKitError,
    VersionMismatch,
)
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from demo.child_process import free_ports
from demo.demonstration import FEDERATION
from tests.silent_server import SilentServer

pytestmark = pytest.mark.federation


@pytest.fixture
def kit(federation, tmp_path):
    return shutil.copytree(federation.startup_kit, tmp_path / "kit")


@pytest.fixture
def refused(fields, tmp_path, monkeypatch):
    """Opens a session that must not open; gives the message, and sees that nothing is left."""

    def open_session(kind, **changes):
        scratch = tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        monkeypatch.setattr("tempfile.tempdir", str(scratch))
        settings = read_settings(fields(**{"connect_timeout": 4} | changes), "test")
        started = time.monotonic()
        with pytest.raises(kind) as caught:
            FederationSession(settings).open()
        assert time.monotonic() - started < 30
        assert list(scratch.iterdir()) == []
        assert "PRIVATE KEY" not in str(caught.value)
        return str(caught.value)

    return open_session


def _certificate(days, key, issuer=None, issuer_key=None):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "analyst@weather.example")])
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer or name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=400))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(issuer_key or key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )


def _replace_certificates(kit, days):
    """As if another federation had made the kit."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    for name, content in (
        ("client.key", pem),
        ("client.crt", _certificate(days, key)),
        ("rootCA.pem", _certificate(days, key)),
    ):
        (kit / "startup" / name).write_bytes(content)


def test_a_session_opens_and_says_with_what(fields):
    with FederationSession(read_settings(fields(), "test")) as session:
        about = session.about
        assert (about["federation"], about["homesite"], about["nvflare"]) == ("weather", "analyst", "2.6.3")
        assert session.get_system_info().site_names == ["san_francisco", "seattle"]


@pytest.mark.parametrize("form", ["zip", "text"])
def test_a_kit_that_is_packed(fields, kit, tmp_path, form):
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", kit)
    with open(archive, "rb") as file:
        text = base64.b64encode(file.read()).decode()
    changes = {"startup_kit": archive} if form == "zip" else {"startup_kit": "", "startup_kit_secret": text}
    with FederationSession(read_settings(fields(**changes), "test")) as session:
        assert session.get_system_info().site_names


def test_an_unknown_federation(refused):
    message = refused(ConnectionSettingsError, federation="climate")
    assert "no federation package 'climate' on the connection's python_path" in message


def test_an_unknown_home_site(refused):
    assert "the federation 'weather' has no site 'boston'" in refused(ConnectionSettingsError, homesite="boston")


def test_a_package_that_is_no_federation(refused):
    assert "has no generated federation code" in refused(ConnectionSettingsError, federation="json")


def test_another_nvflare_than_the_federations(refused):
    # Airflow's own environment has nvflare 2.9, the federation 2.6.3.
    message = refused(VersionMismatch, python=sys.executable, federation="", homesite="")
    assert "made by nvflare 2.6 or earlier" in message
    assert "the federation's own nvflare version" in message


def test_a_corrupt_kit(refused, kit):
    (kit / "startup" / "client.key").write_text("-----BEGIN PRIVATE KEY-----\nrubbish")
    assert "startup/client.key is corrupt" in refused(StartupKitError, startup_kit=str(kit))
    (kit / "startup" / "fed_admin.json").write_text("{")
    assert "fed_admin.json is not JSON" in refused(StartupKitError, startup_kit=str(kit))


def test_an_expired_kit(refused, kit):
    _replace_certificates(kit, days=-1)
    assert "expired on" in refused(StartupKitError, startup_kit=str(kit))


def test_a_kit_of_another_federation(refused, kit):
    _replace_certificates(kit, days=30)
    message = refused(StartupKitError, startup_kit=str(kit))
    assert "not signed by the kit's authority" in message
    assert "for another federation" in message


def test_a_key_of_another_kit(refused, kit):
    certificate = (kit / "startup" / "client.crt").read_bytes()
    _replace_certificates(kit, days=30)
    (kit / "startup" / "client.crt").write_bytes(certificate)
    assert "client.key does not belong to its client.crt" in refused(StartupKitError, startup_kit=str(kit))


def test_another_user_than_the_kits(refused):
    message = refused(AuthenticationFailed, user="mallory@weather.example")
    assert "made for analyst@weather.example" in message
    assert "login is mallory@weather.example" in message


def test_an_insecure_session_with_a_secure_server(refused):
    assert "secure_mode is false, but the server speaks TLS" in refused(ConnectionSettingsError, secure_mode=False)


def _point_to(kit, port):
    admin = kit / "startup" / "fed_admin.json"
    text = admin.read_text()
    start = text.index("localhost:")
    end = text.index('"', start)
    admin.write_text(f"{text[:start]}localhost:{port}:{port}{text[end:]}")


def test_a_server_that_is_down(refused, kit):
    (port,) = free_ports(1)
    _point_to(kit, port)
    message = refused(FederationUnreachable, startup_kit=str(kit))
    assert f"localhost:{port}: ConnectionRefusedError" in message
    assert "Check that the federation's server is up" in message


@pytest.mark.parametrize("version", ["2.6", "2.9"])
def test_a_server_that_says_nothing(refused, kit, plain_fields, tmp_path, version):
    of_version = {} if version == "2.6" else plain_fields(python_path="", federation="", homesite="")
    with SilentServer() as silent:
        copy = silent.startup_kit(Path(of_version.get("startup_kit", kit)), tmp_path / "silent-kit")
        message = refused(FederationUnreachable, **of_version | {"startup_kit": str(copy)})
    assert f"at localhost:{silent.port}: the server, or what is in front of it, said nothing within 1 s" in message


def test_a_server_that_closes_the_connection(refused, kit):
    """As a load balancer does whose server is down, and an insecure server of nvflare 2.6."""
    with socket.create_server(("127.0.0.1", 0)) as closing:
        _point_to(kit, closing.getsockname()[1])
        threading.Thread(target=_close_all, args=[closing], daemon=True).start()
        message = refused(FederationUnreachable, startup_kit=str(kit))
        closing.shutdown(socket.SHUT_RDWR)
    assert "closed the connection" in message
    assert "set secure_mode to false" in message


def _close_all(server):
    with contextlib.suppress(OSError):
        while True:
            with server.accept()[0] as connection:
                connection.recv(1 << 16)


def test_a_federation_without_python_path(refused):
    assert str(FEDERATION) not in refused(ConnectionSettingsError, python_path="")
