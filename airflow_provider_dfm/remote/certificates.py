"""Certificates: whose they are, and from when to when they are valid by this machine's clock."""

from __future__ import annotations

import datetime
import re
from typing import Any

from airflow_provider_dfm.remote.failures import NamedError

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


class Certificate:
    """One certificate.

    :param certificate: cryptography's object.
    """

    def __init__(self, certificate: Any) -> None:
        self._certificate = certificate
        # cryptography < 42 has no not_valid_before_utc.
        self.begins: datetime.datetime = _naive(certificate, "not_valid_before")
        self.ends: datetime.datetime = _naive(certificate, "not_valid_after")

    @property
    def name(self) -> str:
        """Whom it was made for."""
        from cryptography.x509 import NameOID

        names = self._certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(names[0].value) if names else ""

    @property
    def public_key(self) -> Any:
        """Its key, cryptography's object."""
        return self._certificate.public_key()

    @property
    def is_valid_now(self) -> bool:
        """Whether it is valid by this machine's clock."""
        return self.begins <= utc_now() <= self.ends

    def fault(self) -> str:
        """How it stands to this machine's clock, in words: ``expired on 2026-01-01 …``."""
        now = utc_now()
        state = "is valid"
        if now > self.ends:
            state = f"expired on {_date(self.ends)}"
        elif now < self.begins:
            state = f"is not valid before {_date(self.begins)}"
        return (
            f"{state} (made for {self.name}, valid from {_date(self.begins)} to {_date(self.ends)}; this machine's "
            f"clock says {_date(now)})"
        )


def read_certificates(content: bytes) -> list[Certificate]:
    """The certificates of a PEM file, with whatever text is between them.

    :param content: the file's.
    :raises ValueError: there is none, or a damaged one.
    """
    from cryptography import x509

    found = [Certificate(x509.load_pem_x509_certificate(part + b"\n")) for part in _PEM.findall(content)]
    if not found:
        raise ValueError("no certificate")
    return found


def read_binary_certificate(content: bytes) -> Certificate:
    """A certificate as TLS sends it.

    :param content: its DER form.
    :raises ValueError: it is damaged.
    """
    from cryptography import x509

    return Certificate(x509.load_der_x509_certificate(content))


def check_dates(name: str, certificates: list[Certificate]) -> None:
    """Refuse a file of a startup kit none of whose certificates is valid now.

    :param name: the file's, in the kit.
    :param certificates: what is in it.
    :raises NamedError: StartupKitError, with the dates and the clock.
    """
    if any(certificate.is_valid_now for certificate in certificates):
        return
    raise NamedError(
        "StartupKitError",
        f"The kit's {name} {certificates[0].fault()}. If that clock is right, ask the federation's administrator for "
        "a new kit; if not, set it.",
    )


def utc_now() -> datetime.datetime:
    """This machine's clock, in UTC and without a time zone, as certificates have it."""
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def _naive(certificate: Any, name: str) -> datetime.datetime:
    moment: datetime.datetime = getattr(certificate, f"{name}_utc", None) or getattr(certificate, name)
    return moment.replace(tzinfo=None)


def _date(moment: datetime.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
