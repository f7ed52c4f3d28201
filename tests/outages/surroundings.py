"""The federation that is broken, and what Airflow needs to use it."""

from __future__ import annotations

import shutil
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from demo.airflow_process import AirflowProcess
from demo.demonstration import FEDERATION, connection_fields, make_federation
from demo.flare_poc import FlarePoc
from tests.outages.waiting_run import wait_until

TRIALS = Path(__file__).resolve().parents[1] / "federation"
DAGS = Path(__file__).resolve().parent / "dags"
CONNECTION = "outages"


def make_outage_federation(folder: Path, **options: Any) -> FlarePoc:
    """A federation of its own, not started yet, that does not refuse jobs while its sites come back.

    :param folder: for everything that belongs to it.
    :param options: further ones of :class:`FlarePoc`.
    """
    return make_federation(folder, python_path=(TRIALS,), max_schedule_count=60, **options)


def session_fields(federation: FlarePoc) -> dict[str, Any]:
    """The settings of a session with it."""
    fields = connection_fields(federation, python_path=f"{FEDERATION}:{TRIALS}")
    return fields | {"user": federation.admin, "federation": "trials"}


def connect(airflow: AirflowProcess, federation: FlarePoc) -> None:
    """Give a running Airflow the connection to it and the DAGs that use it."""
    add_connection(airflow, federation)
    since = datetime.now(timezone.utc)
    shutil.copy(DAGS / "outage_dags.py", airflow.dags_folder)
    wait_until(lambda: "outage_dags.py" in airflow.parsed_files(since), 60, "the DAGs of outage_dags.py")


def add_connection(airflow: AirflowProcess, federation: FlarePoc, name: str = CONNECTION, **changes: str) -> None:
    """Make a connection to it, or replace it.

    :param name: the connection's id.
    :param changes: fields to set otherwise.
    """
    fields = session_fields(federation) | changes
    airflow.add_connection(name, "dfm", login=fields.pop("user"), extra=fields)
