"""What several tests of the client need."""

from __future__ import annotations

import resource

import pytest


@pytest.fixture
def limited_files():
    """Has the system refuse to let files grow above 1 MB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
