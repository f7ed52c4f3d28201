"""Certificates and startup kits of authorities of our own, and a server with them: for dates that no real one has."""

from __future__ import annotations

import contextlib
import datetime
import json
import socket
import ssl
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

USER = "analyst@weather.example"
ALWAYS = (-400, 400)
EXPIRED = (-400, -1)
FUTURE = (1, 400)


class Authority:
    """A certificate authority.

    :param days: from when to when its own certificate is valid, in days from now.
    :param name: its name.
    :param key: its private key.
    """

    def __init__(self, days: tuple[int, int] = ALWAYS, name: str = "authority", key: Any = None) -> None:
        #: Its private key.
        self.key: Any = key or ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self.certificate = self.issue(name, self.key, days, is_authority=True)

    def issue(self, name: str, key: Any, days: tuple[int, int] = ALWAYS, is_authority: bool = False) -> bytes:
        """A certificate, in PEM.

        :param name: whom it is made for.
        :param key: its private key.
        :param days: from when to when it is valid, in days from now.
        """
        now = datetime.datetime.now(datetime.timezone.utc)
        # What Ed25519 signs it hashes itself; the authority's key is none of that kind.
        return (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
            .public_bytes(Encoding.PEM)
        )

    def fill_kit(self, kit: Path, days: tuple[int, int] = ALWAYS, key: Any = None, user: str = USER) -> Path:
        """Put a user's certificate, key and this authority's certificate into a kit.

        :param kit: its root; its ``startup`` folder is made where it is missing.
        :param days: from when to when the user's certificate is valid, in days from now.
        :param key: the user's private key.
        :param user: the user's name.
        """
        key = key or ec.generate_private_key(ec.SECP256R1())
        (kit / "startup").mkdir(parents=True, exist_ok=True)
        (kit / "startup" / "client.key").write_bytes(private_pem(key))
        (kit / "startup" / "client.crt").write_bytes(self.issue(user, key, days))
        (kit / "startup" / "rootCA.pem").write_bytes(self.certificate)
        return kit


def private_pem(key: Any, password: bytes | None = None) -> bytes:
    """A private key in PEM.

    :param key: the key.
    :param password: locks it.
    """
    lock = NoEncryption() if password is None else BestAvailableEncryption(password)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)


def admin_file(kit: Path, port: int = 1, newer: bool = True, **changes: Any) -> Path:
    """Write what a kit says of its server, as nvflare's provisioning does.

    :param kit: its root.
    :param port: the server's, on this machine.
    :param newer: as nvflare 2.7 and later.
    :param changes: of the section admin.
    """
    address: dict[str, Any] = {"overseer_agent": {"args": {"sp_end_point": f"localhost:{port}:{port}"}}}
    if newer:
        address = {"host": "localhost", "port": port}
    (kit / "startup" / "fed_admin.json").write_text(json.dumps({"admin": address | changes}))
    return kit


class TlsServer:
    """Shakes hands on a port of its own and says no more, for a ``with``.

    :param authority: issues its certificate, and is the one whose users it lets in.
    :param folder: for its files.
    :param days: from when to when its certificate is valid, in days from now.
    """

    def __init__(self, authority: Authority, folder: Path, days: tuple[int, int] = ALWAYS) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        (folder / "server.pem").write_bytes(private_pem(key) + authority.issue("server", key, days))
        (folder / "authority.pem").write_bytes(authority.certificate)
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "authority.pem"))
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.load_cert_chain(folder / "server.pem")
        self._socket = socket.create_server(("127.0.0.1", 0))
        #: The port.
        self.port: int = self._socket.getsockname()[1]

    def __enter__(self) -> TlsServer:
        threading.Thread(target=self._take, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _take(self) -> None:
        while True:
            try:
                taken, _ = self._socket.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), taken:
                taken.settimeout(10)
                with self._context.wrap_socket(taken, server_side=True) as secured:
                    secured.recv(1)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
