"""Connections that cannot work: each a named error that says what to do, with nothing left behind."""

from __future__ import annotations

import base64
import contextlib
import shutil
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

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
from tests.certificates import EXPIRED, FUTURE, Authority, TlsServer
from tests.silent_server import ADDRESS_FILES, SilentServer

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


def test_a_session_opens_and_says_with_what(fields):
    with FederationSession(read_settings(fields(), "test")) as session:
        about = session.about
        assert (about["federation"], about["homesite"], about["nvflare"]) == ("weather", "analyst", "2.6.3")
        assert session.get_system_info().site_names == ["san_francisco", "seattle"]


def _as_edited(kit):
    """As mail, editors and administrators' scripts may leave a kit, all of it harmless."""
    for path in kit.rglob("*"):
        if path.suffix in (".json", ".crt", ".pem", ".key"):
            text = path.read_text().replace("\n", "\r\n")
            path.write_bytes(text.encode("utf-8-sig" if path.suffix == ".json" else "utf-16"))
    for name in ("fl_admin.sh", "readme.txt", "system_info.ipynb"):
        (kit / "startup" / name).unlink(missing_ok=True)
    if not any((kit / "local").iterdir()):
        shutil.rmtree(kit / "local")
    (kit / "startup" / "notes.docx").write_bytes(b"\0\1")
    return kit


@pytest.mark.parametrize("version", ["2.6", "2.9"])
def test_a_kit_that_is_not_quite_as_it_was_provisioned(fields, plain_fields, tmp_path, version):
    made = fields() if version == "2.6" else plain_fields()
    edited = _as_edited(shutil.copytree(made["startup_kit"], tmp_path / "packed" / "prod_00" / "analyst"))
    for path in (*edited.rglob("*"), edited):
        path.chmod(0o555 if path.is_dir() else 0o444)
    archive = shutil.make_archive(str(tmp_path / "kit"), "zip", tmp_path / "packed")
    with FederationSession(read_settings(made | {"startup_kit": archive}, "test")) as session:
        assert session.get_system_info().site_names


def test_a_client_library_that_somebody_built_himself(fields, tmp_path):
    about = tmp_path / "nvflare-2.6.3+vendor.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: nvflare\nVersion: 2.6.3+vendor.1\n")
    made = fields()
    with FederationSession(
        read_settings(made | {"python_path": f"{tmp_path}:{made['python_path']}"}, "test")
    ) as session:
        assert session.about["nvflare"] == "2.6.3+vendor.1"


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


@pytest.mark.parametrize(("days", "what"), [(EXPIRED, "expired on"), (FUTURE, "is not valid before")])
def test_a_kit_out_of_its_time(refused, kit, days, what):
    Authority().fill_kit(kit, days)
    message = refused(StartupKitError, startup_kit=str(kit))
    assert f"The kit's startup/client.crt {what}" in message
    assert "this machine's clock says" in message


def test_a_kit_of_another_federation(refused, kit):
    Authority().fill_kit(kit)
    message = refused(StartupKitError, startup_kit=str(kit))
    assert "not signed by the kit's authority" in message
    assert "for another federation" in message


def test_a_key_of_another_kit(refused, kit):
    certificate = (kit / "startup" / "client.crt").read_bytes()
    Authority().fill_kit(kit)
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


@pytest.mark.parametrize(("days", "what"), [(EXPIRED, "expired on"), (FUTURE, "is not valid before")])
@pytest.mark.parametrize("version", ["2.6", "2.9"])
def test_a_server_whose_certificate_is_out_of_its_time(refused, kit, plain_fields, tmp_path, version, days, what):
    """A stand-in shakes hands: a FLARE server does not start with such a certificate in any of our fixtures."""
    of_version = {} if version == "2.6" else plain_fields(python_path="", federation="", homesite="")
    authority = Authority()
    with TlsServer(authority, tmp_path, days) as server, SilentServer() as silent:
        copy = silent.startup_kit(Path(of_version.get("startup_kit", kit)), tmp_path / "its-kit")
        for name in filter(lambda name: (copy / name).exists(), ADDRESS_FILES):
            (copy / name).write_text((copy / name).read_text().replace(str(silent.port), str(server.port)))
        user = of_version.get("user", "analyst@weather.example")
        authority.fill_kit(copy, user=user)
        message = refused(FederationUnreachable, **of_version | {"startup_kit": str(copy)})
    assert f"at localhost:{server.port}: the server's certificate {what}" in message
    assert "this machine's clock says" in message
    assert "signed" not in message


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
