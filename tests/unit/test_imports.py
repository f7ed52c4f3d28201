"""A process that only parses DAGs imports nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("nvflare", "nv_dfm_core", "execnet", "grpc", "numpy", "pandas")


@pytest.mark.parametrize("module", ["operators.dfm", "sensors.job", "triggers.job", "hooks.dfm", "get_provider_info"])
def test_no_federation_library_is_imported(module):
    command = [sys.executable, "-X", "importtime", "-c", f"import airflow_provider_dfm.{module}"]
    imported = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stderr
    names = {line.rpartition("|")[2].strip().partition(".")[0] for line in imported.splitlines() if "|" in line}
    # What Airflow imports by itself is not ours.
    command[-1] = "import airflow.sdk, airflow.triggers.base; from airflow.sdk import BaseOperator, BaseHook"
    airflow = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stderr
    names -= {line.rpartition("|")[2].strip().partition(".")[0] for line in airflow.splitlines() if "|" in line}
    assert names.isdisjoint(HEAVY)
    assert "airflow_provider_dfm" in names


@pytest.mark.parametrize("file", sorted(path.name for path in (ROOT / "dags").glob("*.py")))
def test_an_example_dag_parses_without_them(file):
    program = (
        f"import runpy, sys; runpy.run_path(sys.argv[1]);print([name for name in {HEAVY[:3]!r} if name in sys.modules])"
    )
    command = [sys.executable, "-c", program, str(ROOT / "dags" / file)]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1] == "[]"
