"""Reattaches to a job and prints what its callback gets: ``python -m tests.integration.reattach <job id>``."""

from __future__ import annotations

import json
import sys
from typing import Any

from airflow_provider_dfm.hooks.dfm import DfmHook


def show(site: str, node: Any, frame: tuple[int, ...], place: str, value: Any) -> None:
    """Print one result."""
    print(json.dumps([site, frame, place, value]))


if __name__ == "__main__":
    with DfmHook("watched") as hook:
        assert hook.reattach(sys.argv[1], default_callback=show).wait_until_finished(100, poll_interval=0.3)
