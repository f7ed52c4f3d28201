"""The nvflare versions that are tried: two by ``make test``, all by ``make test-all-versions``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.environments import BUILD


@dataclass(frozen=True)
class FlareVersion:
    """One version.

    :param name: nvflare's own.
    :param environment: the environment that has it, below ``.build/``.
    :param fixture: the tests' session-wide federation of it; None: there is none.
    """

    name: str
    environment: str
    fixture: str | None = None

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return BUILD / self.environment / "bin" / "python"

    @property
    def release(self) -> tuple[int, int]:
        """Such as ``(2, 6)``."""
        major, minor, _ = self.name.split(".")
        return int(major), int(minor)

    def __str__(self) -> str:
        return f"nvflare-{self.name}"


VERSIONS = (
    FlareVersion("2.6.3", "federation", "federation"),
    FlareVersion("2.7.3", "flare-2.7"),
    FlareVersion("2.8.3", "flare-2.8"),
    FlareVersion("2.9.0", "airflow", "plain_federation"),
)
ALL = os.environ.get("FLARE_VERSIONS") == "all"
TRIED = VERSIONS if ALL else tuple(version for version in VERSIONS if version.fixture)
long_form_only = pytest.mark.skipif(not ALL, reason="in the long form only: make test-all-versions")
