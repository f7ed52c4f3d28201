"""A server that refuses the connection: the client library would try for half a minute."""

from __future__ import annotations

import json
import socket

import pytest

from airflow_provider_dfm.remote import flare_session
from airflow_provider_dfm.remote.failed_login import PROXIES
from airflow_provider_dfm.remote.failures import NamedError
from airflow_provider_dfm.remote.flare_session import FlareSession


@pytest.fixture
def session(tmp_path, monkeypatch):
    """Makes a session with a server at a port, whose log-in is not the client library's."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(flare_session, "check_kit", lambda *kit: None)

    def make(host, port, timeout=30.0):
        (tmp_path / "startup").mkdir(exist_ok=True)
        admin = {"admin": {"host": host, "port": port}}
        (tmp_path / "startup" / "fed_admin.json").write_text(json.dumps(admin))
        settings = {"startup_kit": str(tmp_path), "user": "me", "secure_mode": True, "connect_timeout": timeout}
        return FlareSession(settings)

    return make


@pytest.fixture
def logs_in(monkeypatch):
    """The log-ins that the client library was asked for; each fails."""
    asked = []

    def log_in(session, kit, user):
        asked.append(user)
        raise RuntimeError("no session")

    monkeypatch.setattr(FlareSession, "_log_in", log_in)
    return asked


@pytest.fixture
def unexplained(monkeypatch):
    """What explains a failed log-in reads the kit's certificates, and this kit has none."""
    monkeypatch.setattr(flare_session, "explain_failed_login", lambda *of: NamedError("FederationUnreachable", "x"))


def free_port():
    with socket.socket() as unused:
        unused.bind(("localhost", 0))
        return unused.getsockname()[1]


def test_the_client_library_is_not_asked_to_try_again_and_again(session, logs_in):
    port = free_port()
    with pytest.raises(
        NamedError, match=f"as me with nvflare .* at localhost:{port}: ConnectionRefusedError"
    ) as raised:
        session("localhost", port).connect()
    assert raised.value.error_name == "FederationUnreachable"
    assert logs_in == []


def test_nor_where_there_is_no_such_machine(session, logs_in):
    with pytest.raises(NamedError, match=r"nowhere\.invalid:1: gaierror") as raised:
        session("nowhere.invalid", 1).connect()
    assert raised.value.error_name == "FederationUnreachable"
    assert logs_in == []


@pytest.mark.parametrize(("host", "port"), [("server", 80020), ("x" * 64, 8002), ("a\0b", 8002), ("server", 0)])
def test_what_is_no_address_is_the_kits_fault(session, logs_in, host, port):
    with pytest.raises(NamedError, match="does not say where the server is") as raised:
        session(host, port).connect()
    assert raised.value.error_name == "StartupKitError"


def test_a_server_that_takes_the_connection_is_left_to_the_client_library(session, logs_in, unexplained):
    with socket.create_server(("localhost", 0)) as server, pytest.raises(NamedError):
        session("localhost", server.getsockname()[1], timeout=4.0).connect()
    assert logs_in == ["me"]


@pytest.mark.parametrize("name", PROXIES)
def test_behind_a_proxy_nobody_knows_what_this_machine_can_reach(session, logs_in, unexplained, monkeypatch, name):
    made = session("localhost", free_port())
    monkeypatch.setenv(name, "http://proxy:3128")
    with pytest.raises(NamedError):
        made.connect()
    assert logs_in == ["me"]
