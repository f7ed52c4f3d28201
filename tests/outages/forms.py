"""The two forms of these tests: the short one of ``make test``, and the long one of ``make outages``."""

from __future__ import annotations

import os

import pytest

# Outages last for minutes, and tasks are many.
LONG = os.environ.get("OUTAGES") == "long"
long_form_only = pytest.mark.skipif(not LONG, reason="in the long form only: make outages")
