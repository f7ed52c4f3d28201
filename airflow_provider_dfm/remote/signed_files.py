"""The file of a startup kit that the client library wants as it was signed, whatever became of its line ends."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

from airflow_provider_dfm.remote.certificates import read_certificates


def restore_signed_form(kit: str) -> None:
    """Give ``fed_admin.json`` the line ends that it was signed with.

    Git, mail and editors change line ends, and provisioning signs those of the system that it runs on. The client
    library refuses the file otherwise: nvflare/fuel/hci/client/config.py, ``secure_load_admin_config``. A file that is
    not signed, or was changed otherwise, stays as it is.

    :param kit: the root of a copy of the kit.
    """
    startup = os.path.join(kit, "startup")
    path = os.path.join(startup, "fed_admin.json")
    try:
        signature = base64.b64decode(json.loads(_read(startup, "signature.json"))["fed_admin.json"])
        authority = read_certificates(_read(startup, "rootCA.pem"))[0].public_key
        content = _read(startup, "fed_admin.json")
    # The client library signs and checks nothing of such a kit, or what is wrong with it is said later.
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return
    unix = content.replace(b"\r\n", b"\n")
    for form in (content, unix, unix.replace(b"\n", b"\r\n")):
        if _is_signed(form, signature, authority):
            if form != content:
                with open(path, "wb") as file:
                    file.write(form)
            return


def _read(folder: str, name: str) -> bytes:
    with open(os.path.join(folder, name), "rb") as file:
        return file.read()


def _is_signed(content: bytes, signature: bytes, public_key: Any) -> bool:
    """As the client library finds it: nvflare/fuel/sec/security_content_service.py, ``load_content``."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    if not isinstance(public_key, rsa.RSAPublicKey):
        return False
    form = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.MAX_LENGTH)
    try:
        public_key.verify(signature, content, form, hashes.SHA256())
    except InvalidSignature:
        return False
    return True
