"""The demonstration's parts together: the federation, Airflow beside it, and the connection between them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from demo.airflow_process import AirflowProcess
from demo.flare_poc import FlarePoc

ROOT = Path(__file__).resolve().parents[1]
FEDERATION = ROOT / "demo" / "federation"
FEDERATION_PYTHON = ROOT / ".build" / "federation" / "bin" / "python"
AIRFLOW_BIN = ROOT / ".build" / "airflow" / "bin"
CONNECTION = "weather"


def make_federation(folder: Path, python_path: tuple[Path, ...] = (), **options: Any) -> FlarePoc:
    """The demonstration's federation, not started yet.

    :param folder: for everything that belongs to it; its data is put there now.
    :param python_path: further folders its sites import from.
    :param options: further ones of :class:`FlarePoc`.
    """
    data = extract_data(folder / "data")
    return FlarePoc(
        folder / "federation",
        FEDERATION_PYTHON,
        python_path=[FEDERATION, *python_path],
        environment={"WEATHER_DATA": str(data)},
        **options,
    )


def extract_data(folder: Path) -> Path:
    """Put each site's measurements below a folder, which the sites find by ``WEATHER_DATA``; gives the folder."""
    command = [str(FEDERATION_PYTHON), str(FEDERATION / "extract_data.py"), str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


def connection_fields(federation: FlarePoc, **changes: Any) -> dict[str, Any]:
    """The extra fields of the connection to the demonstration's federation.

    :param changes: fields to set otherwise.
    """
    fields = {
        "startup_kit": str(federation.startup_kit),
        "python": str(FEDERATION_PYTHON),
        "python_path": str(FEDERATION),
        "federation": "weather",
        "homesite": "analyst",
    }
    return fields | changes


def make_airflow(folder: Path, dags: Path = ROOT / "dags") -> AirflowProcess:
    """Airflow, not started yet.

    :param folder: for everything that belongs to it.
    :param dags: the DAGs' folder; default: the example DAGs.
    """
    return AirflowProcess(folder / "airflow", AIRFLOW_BIN, dags, {"AIRFLOW__CORE__TEST_CONNECTION": "Enabled"})


@contextmanager
def demonstration(folder: Path, tell: Callable[[str], None]) -> Iterator[tuple[FlarePoc, AirflowProcess]]:
    """The federation and Airflow, running and connected.

    :param folder: for everything that belongs to them.
    :param tell: gets a line at each step.
    """
    with ExitStack() as running:
        tell("Starting the federation: a FLARE server and the sites Seattle and San Francisco")
        federation = running.enter_context(make_federation(folder))
        tell("Starting Airflow: API server, scheduler, DAG processor and triggerer")
        airflow = running.enter_context(make_airflow(folder))
        tell(f"Making the connection {CONNECTION!r}")
        airflow.add_connection(CONNECTION, "dfm", login=federation.admin, extra=connection_fields(federation))
        yield federation, airflow


def expected_results(start: str, end: str) -> dict[str, dict[str, float]]:
    """What the federation has to answer, computed from the data package's files."""
    command = [str(FEDERATION_PYTHON), str(ROOT / "demo" / "expected_results.py"), start, end]
    answer: dict[str, dict[str, float]] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return answer
