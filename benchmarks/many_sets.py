"""How long a pipeline of 10,000 parameter sets takes on both targets, with its results followed while it runs."""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from demo.demonstration import FEDERATION, FEDERATION_PYTHON, ROOT, connection_fields, make_federation

SETS = 10_000
TRIALS = ROOT / "tests" / "federation"
PYTHON_PATH = f"{FEDERATION}:{TRIALS}"


def measure(target: str, fields: dict[str, Any], folder: Path, count: int) -> None:
    """Print when the first and the last result came, and when the job had ended and its results were kept.

    :param target: ``flare`` or ``local``.
    :param fields: the settings of the session.
    :param folder: for what is kept.
    :param count: how many sets.
    :raises RuntimeError: a result is missing, doubled or out of order.
    """
    settings = read_settings(fields | {"results_path": str(folder)}, "bench")
    with FederationSession(settings) as session:
        began = time.monotonic()
        job = session.execute("trial_pipelines:echo", [{"value": number} for number in range(count)])
        came = []
        for result in job.follow_results(poll_interval=1.0, timeout=3600):
            came.append((result.parameter_set, result.value))
            if len(came) in (1, count):
                print(f"{target}: result {len(came):,} after {time.monotonic() - began:.0f} s", flush=True)
        print(f"{target}: ended and kept after {time.monotonic() - began:.0f} s", flush=True)
    if came != [(number, number) for number in range(count)]:
        raise RuntimeError(f"{target}: the results are not those of the sets in their order")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{target}: this process needed {peak} MB at most; load of the machine {os.getloadavg()[0]:.1f}", flush=True)


def main(count: int = SETS) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        local = {"python": str(FEDERATION_PYTHON), "python_path": PYTHON_PATH, "target": "local"}
        trials = {"federation": "trials", "homesite": "analyst"}
        measure("local", local | trials, folder / "local", count)
        with make_federation(folder, python_path=(TRIALS,)) as federation:
            made = connection_fields(federation, python_path=PYTHON_PATH)
            measure("flare", {"user": federation.admin} | made | trials, folder / "flare", count)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
