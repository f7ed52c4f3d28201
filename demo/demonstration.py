"""The demonstration's parts together: two federations, Airflow beside them, and the connections between them."""

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
HOSPITALS = ROOT / "demo" / "hospitals"
# They need nvflare alone, which is beside Airflow.
HOSPITALS_PYTHON = AIRFLOW_BIN / "python"


def make_federation(folder: Path, python_path: tuple[Path, ...] = (), **options: Any) -> FlarePoc:
    """The weather services' federation, not started yet.

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
    """The extra fields of the connection to the weather services' federation.

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


def make_hospitals(folder: Path) -> FlarePoc:
    """The hospitals' federation, not started yet.

    :param folder: for everything that belongs to it; its data is put there now.
    """
    data = folder / "data"
    subprocess.run([str(HOSPITALS_PYTHON), str(HOSPITALS / "hospital_data.py"), str(data)], check=True)
    return FlarePoc(
        folder / "federation",
        HOSPITALS_PYTHON,
        clients=("north", "south", "west"),
        admin="researcher@hospitals.example",
        environment={"HOSPITAL_DATA": str(data)},
    )


def hospital_fields(federation: FlarePoc) -> dict[str, Any]:
    """The extra fields of the connection to the hospitals' federation; its interpreter is Airflow's."""
    return {"startup_kit": str(federation.startup_kit), "python_path": str(HOSPITALS)}


def make_airflow(folder: Path, dags: Path = ROOT / "dags") -> AirflowProcess:
    """Airflow, not started yet.

    :param folder: for everything that belongs to it.
    :param dags: the DAGs' folder; default: the example DAGs.
    """
    # The hospitals' evaluation imports the modules of its example.
    environment = {"AIRFLOW__CORE__TEST_CONNECTION": "Enabled", "PYTHONPATH": str(HOSPITALS)}
    return AirflowProcess(folder / "airflow", AIRFLOW_BIN, dags, environment)


@contextmanager
def demonstration(folder: Path, tell: Callable[[str], None]) -> Iterator[AirflowProcess]:
    """The federations and Airflow, running and connected.

    :param folder: for everything that belongs to them.
    :param tell: gets a line at each step.
    """
    with ExitStack() as running:
        tell("Starting two federations: the weather services of two cities, and three hospitals")
        weather = make_federation(folder / "weather")
        hospitals = make_hospitals(folder / "hospitals")
        for federation in (weather, hospitals):
            running.callback(federation.stop)
            federation.launch()
        # They come up while Airflow does.
        tell("Starting Airflow: API server, scheduler, DAG processor and triggerer")
        airflow = running.enter_context(make_airflow(folder))
        tell("Making the connections: weather and hospitals")
        for federation in (weather, hospitals):
            federation.wait_until_ready()
        airflow.add_connection("weather", "dfm", login=weather.admin, extra=connection_fields(weather))
        airflow.add_connection("hospitals", "dfm", login=hospitals.admin, extra=hospital_fields(hospitals))
        yield airflow


def expected_results(start: str, end: str) -> dict[str, dict[str, float]]:
    """What the federation has to answer, computed from the data package's files."""
    command = [str(FEDERATION_PYTHON), str(ROOT / "demo" / "expected_results.py"), start, end]
    answer: dict[str, dict[str, float]] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return answer
