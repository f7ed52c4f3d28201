"""Kits that are not quite as NVIDIA's provisioning makes them: what does no harm passes, the rest has a name."""

from __future__ import annotations

import datetime
import re

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from airflow_provider_dfm.remote.failures import NamedError
from airflow_provider_dfm.remote.kit_check import check_kit, server_address
from tests.certificates import EXPIRED, FUTURE, USER, Authority, admin_file, private_pem

VERSION = "2.9.0"


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def kit(authority, tmp_path):
    return admin_file(authority.fill_kit(tmp_path / "kit"))


def _refused(kit, version=VERSION, user=USER):
    with pytest.raises(NamedError) as caught:
        check_kit(str(kit), user, version)
    return caught.value.error_name, str(caught.value)


def _has_dates_and_clock(message, begins, ends):
    now = datetime.datetime.now(datetime.timezone.utc)
    day = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
    found = re.search(rf"valid from ({day}) to ({day}); this machine's clock says ({day})", message)
    assert found, message
    for text, days in zip(found.groups(), (begins, ends, 0), strict=True):
        moment = datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=datetime.timezone.utc)
        assert abs(moment - now - datetime.timedelta(days=days)) < datetime.timedelta(hours=1)


@pytest.mark.parametrize(("days", "what"), [(EXPIRED, "expired on"), (FUTURE, "is not valid before")])
def test_a_users_certificate_out_of_its_time(authority, kit, days, what):
    authority.fill_kit(kit, days)
    name, message = _refused(kit)
    assert name == "StartupKitError"
    assert f"The kit's startup/client.crt {what}" in message
    assert f"made for {USER}" in message
    _has_dates_and_clock(message, *days)


@pytest.mark.parametrize(("days", "what"), [(EXPIRED, "expired on"), (FUTURE, "is not valid before")])
def test_an_authoritys_certificate_out_of_its_time(kit, days, what):
    Authority(days).fill_kit(kit)
    name, message = _refused(kit)
    assert name == "StartupKitError"
    assert f"The kit's startup/rootCA.pem {what}" in message
    _has_dates_and_clock(message, *days)


def test_an_authority_that_was_renewed_may_have_its_former_certificate_in_the_kit(authority, kit):
    (kit / "startup" / "rootCA.pem").write_bytes(Authority(EXPIRED).certificate + authority.certificate)
    check_kit(str(kit), USER, VERSION)


def test_certificates_with_text_around_them_and_those_that_issued_them(authority, kit):
    own = kit / "startup" / "client.crt"
    own.write_bytes(
        b"Certificate:\n    Data:\n" + own.read_bytes() + b"\n# issued by\n" + Authority(EXPIRED).certificate
    )
    check_kit(str(kit), USER, VERSION)


@pytest.mark.parametrize(
    "make",
    [
        lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
        lambda: ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate,
    ],
    ids=["rsa", "elliptic curve", "ed25519"],
)
def test_keys_of_any_kind(authority, kit, make):
    authority.fill_kit(kit, key=make())
    check_kit(str(kit), USER, VERSION)
    (kit / "startup" / "client.key").write_bytes(private_pem(make()))
    assert "client.key does not belong to its client.crt" in _refused(kit)[1]


def test_a_key_that_is_locked_with_a_password(kit):
    locked = private_pem(ec.generate_private_key(ec.SECP256R1()), b"hush")
    (kit / "startup" / "client.key").write_bytes(locked)
    name, message = _refused(kit)
    assert (name, "startup/client.key is locked with a password" in message) == ("StartupKitError", True)


@pytest.mark.parametrize("file", ["client.crt", "client.key", "rootCA.pem"])
def test_what_is_no_pem_file(kit, file):
    (kit / "startup" / file).write_bytes(b"0\x82hush")
    assert _refused(kit)[1] == f"The kit's startup/{file} is corrupt: not a PEM file."


@pytest.mark.parametrize("content", ["", "[1]", "{", "[" * 200_000, '{"admin": ' + "1" * 5000 + "}"])
def test_an_administrators_file_that_is_none(kit, content):
    (kit / "startup" / "fed_admin.json").write_text(content)
    assert _refused(kit)[0] == "StartupKitError"


def test_files_that_the_kit_itself_calls_otherwise(kit):
    names = {"client_cert": "a.crt", "client_key": "a.key", "ca_cert": "ca.pem"}
    for former, name in zip(("client.crt", "client.key", "rootCA.pem"), names.values(), strict=True):
        (kit / "startup" / former).rename(kit / "startup" / name)
    check_kit(str(admin_file(kit, **names)), USER, VERSION)


@pytest.mark.parametrize(
    "version",
    ["2.9.0", "2.9.0+vendor.1", "2.9.1rc1", "2.9rc1", "2.7+cu12", "2.10.0.dev3+g0123abc", "v2.8.1", "1!2.9.0"],
)
def test_a_client_library_that_is_not_quite_a_release(kit, version):
    check_kit(str(kit), USER, version)
    assert _refused(admin_file(kit, newer=False), version)[0] == "VersionMismatch"


@pytest.mark.parametrize("version", ["2.6.3", "2.6.3+vendor.1", "2.6rc2", "2.6.0.dev1"])
def test_the_same_of_an_earlier_one(kit, version):
    check_kit(str(admin_file(kit, newer=False)), USER, version)
    assert _refused(admin_file(kit), version)[0] == "VersionMismatch"


@pytest.mark.parametrize("version", ["unknown", "0+unknown", "0.0.0", "0.1.dev1+g0123abc", ""])
@pytest.mark.parametrize("newer", [False, True])
def test_a_client_library_that_does_not_know_its_version_is_left_to_try(kit, version, newer):
    check_kit(str(admin_file(kit, newer=newer)), USER, version)


@pytest.mark.parametrize(
    "admin",
    [{"port": "soon"}, {"port": None}, {"host": None}, {"host": ""}, {"port": 99999}, {"host": "h", "port": [1]}],
)
def test_a_kit_that_does_not_say_where_the_server_is(kit, admin):
    with pytest.raises(NamedError, match="does not say where the server is") as caught:
        server_address(str(admin_file(kit, **admin)))
    assert caught.value.error_name == "StartupKitError"


def test_an_earlier_kit_may_ask_an_overseer_where_the_server_is(kit):
    overseer = {"path": "nvflare.ha.overseer_agent.HttpOverseerAgent", "args": {"overseer_end_point": "https://o/api"}}
    check_kit(str(admin_file(kit, newer=False, overseer_agent=overseer)), USER, "2.6.3")


@pytest.mark.parametrize("file", ["resources.json", "resources.json.default"])
def test_an_earlier_kit_may_say_it_elsewhere(kit, file):
    admin_file(kit, newer=False, overseer_agent={})
    (kit / "local").mkdir()
    (kit / "local" / file).write_text('{"a": [{"sp_end_point": "server.example:8002:8003"}]}')
    assert server_address(str(kit)) == ("server.example", 8003)
