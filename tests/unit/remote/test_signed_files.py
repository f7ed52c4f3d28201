"""Kits that are signed, as nvflare's provisioning signs them and its client checks them."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from nvflare.fuel.sec.security_content_service import LoadResult, SecurityContentManager
from nvflare.lighter.utils import sign_folders

from airflow_provider_dfm.federation.startup_kit import copy_startup_kit
from airflow_provider_dfm.remote.signed_files import restore_signed_form
from tests.certificates import Authority, admin_file

SIGNATURE = "signature.json"
UNIX, WINDOWS = b"\n", b"\r\n"


@pytest.fixture(scope="module")
def authority():
    return Authority(key=rsa.generate_private_key(public_exponent=65537, key_size=2048))


@pytest.fixture
def kit(authority, tmp_path):
    """A kit whose administrator's file has some lines."""
    root = admin_file(authority.fill_kit(tmp_path / "kit"))
    file = root / "startup" / "fed_admin.json"
    file.write_bytes(json.dumps(json.loads(file.read_text()), indent=1).encode())
    return root


def _with_line_ends(kit, line_end, pattern):
    for path in (kit / "startup").glob(pattern):
        path.write_bytes(path.read_bytes().replace(WINDOWS, UNIX).replace(UNIX, line_end))


@pytest.mark.parametrize("brought", [UNIX, WINDOWS])
@pytest.mark.parametrize("signed", [UNIX, WINDOWS])
def test_a_kit_has_the_line_ends_that_were_signed_wherever_it_was_provisioned(
    authority, kit, tmp_path, signed, brought
):
    _with_line_ends(kit, signed, "*")
    sign_folders(str(kit / "startup"), authority.key, signature_file=SIGNATURE)
    _with_line_ends(kit, brought, "*")
    root = copy_startup_kit(kit, tmp_path)
    restore_signed_form(str(root))
    content = SecurityContentManager(str(root / "startup")).load_json("fed_admin.json")
    assert content == (json.loads((kit / "startup" / "fed_admin.json").read_bytes()), LoadResult.OK)


@pytest.mark.parametrize("signature", [None, "no JSON", "[]", '{"fed_admin.json": 1}', '{"fed_admin.json": "AAAA"}'])
def test_a_kit_that_is_not_signed_or_not_rightly_stays_as_it_is(kit, signature):
    file = kit / "startup" / "fed_admin.json"
    _with_line_ends(kit, WINDOWS, file.name)
    before = file.read_bytes()
    if signature is not None:
        (kit / "startup" / SIGNATURE).write_text(signature)
    restore_signed_form(str(kit))
    assert file.read_bytes() == before


def test_what_was_changed_after_it_was_signed_stays_so(authority, kit):
    sign_folders(str(kit / "startup"), authority.key, signature_file=SIGNATURE)
    admin_file(kit, port=2)
    restore_signed_form(str(kit))
    assert SecurityContentManager(str(kit / "startup")).load_json("fed_admin.json")[1] == LoadResult.INVALID_SIGNATURE
