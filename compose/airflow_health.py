"""The health checks of Airflow's containers; without importing Airflow, which takes seconds of a core.

``airflow_health.py component NAME`` asks the API server for a component's heartbeat, ``airflow_health.py api-server``
for an answer at all, and ``airflow_health.py worker`` asks this container's Celery worker through the broker.
"""

from __future__ import annotations

import json
import socket
import sys
import urllib.request
from pathlib import Path

API_SERVER = "http://api-server:8080"


def component(name: str) -> bool:
    """Whether a component's heartbeat is recent.

    :param name: as the API calls it, such as ``dag_processor``
    """
    with urllib.request.urlopen(f"{API_SERVER}/api/v2/monitor/health", timeout=5) as answer:
        health = json.load(answer)
    return bool((health.get(name) or {}).get("status") == "healthy")


def worker() -> bool:
    """Whether this container's worker takes commands."""
    from celery import Celery

    app = Celery(broker=Path("/secrets/broker_url").read_text())
    answers = app.control.ping(destination=[f"celery@{socket.gethostname()}"], timeout=5)
    return bool(answers)


def main() -> int:
    """Run the check that the command line names; 0 when healthy."""
    what, *names = sys.argv[1:]
    if what == "worker":
        return 0 if worker() else 1
    return 0 if component(*names or ["metadatabase"]) else 1


if __name__ == "__main__":
    sys.exit(main())
