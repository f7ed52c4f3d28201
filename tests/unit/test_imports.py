"""A process that only parses DAGs imports nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("nvflare", "nv_dfm_core", "execnet", "grpc", "numpy", "pandas")
# Airflow imports some of the others by itself.
DAGS_NEVER = ("nvflare", "nv_dfm_core", "execnet", "sklearn", "scipy", "matplotlib")


MODULES = (
    "decorators.dfm",
    "get_provider_info",
    "hooks.dfm",
    "operators.dfm",
    "operators.flare",
    "params",
    "results",
    "sensors.federation",
    "sensors.job",
    "triggers.federation",
    "triggers.job",
    "triggers.outage",
)


def _imported(program):
    """The names of the packages that a program imports."""
    command = [sys.executable, "-X", "importtime", "-c", program]
    lines = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stderr.splitlines()
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines if "|" in line}


def test_no_federation_library_is_imported():
    # What Airflow imports by itself is not ours.
    airflow = _imported("import airflow.sdk, airflow.triggers.base; from airflow.sdk import BaseOperator, BaseHook")
    names = _imported(f"import {', '.join(f'airflow_provider_dfm.{module}' for module in MODULES)}") - airflow
    assert names.isdisjoint(HEAVY)
    assert "airflow_provider_dfm" in names


def test_an_example_dag_parses_without_them():
    files = sorted(path.name for path in (ROOT / "dags").glob("*.py"))
    program = "import runpy, sys\nfor file in sys.argv[1:]: runpy.run_path(file); print(file, *sys.modules)"
    command = [sys.executable, "-c", program, *files]
    lines = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT / "dags").stdout.splitlines()
    assert [line.split()[0] for line in lines] == files
    found = {file: set(DAGS_NEVER).intersection(modules) for file, *modules in map(str.split, lines)}
    assert not any(found.values()), found
    assert "airflow_provider_dfm" in lines[0].split()
