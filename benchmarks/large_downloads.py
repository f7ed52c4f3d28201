"""What downloading a plain job of 1 GB needs of memory and time, on federations of two nvflare versions."""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from pathlib import Path

from airflow_provider_dfm.federation import steps
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from benchmarks.large_results import LIMIT, OURS, peaks
from benchmarks.results_memory import MEBIBYTE
from demo.demonstration import FEDERATION_PYTHON
from demo.flare_poc import FlarePoc
from tests.large_job import write_large_job

MODEL_BYTES = 1_000_000_000


def measure_download(folder: Path, python: Path) -> None:
    """Print what a real job of 1 GB needs of each process, and how long it takes.

    :param folder: for all that belongs to it.
    :param python: the federation's interpreter.
    :raises RuntimeError: the worker or its session host needs more than it may have.
    """
    with peaks() as peak, FlarePoc(folder / "federation", python) as federation:
        fields = {"user": federation.admin, "startup_kit": str(federation.startup_kit), "python": str(python)}
        with FederationSession(read_settings(fields, "bench")) as session:
            print(f"\nA job of {MODEL_BYTES:,} bytes, downloaded from nvflare {session.about['nvflare']} to a folder")
            job = session.submit_job(write_large_job(folder / "job", MODEL_BYTES))
            if not job.wait_until_finished(timeout=1800):
                raise RuntimeError("The job does not end")
            reached: dict[str, float] = {}
            steps.observer = lambda step, _: reached.setdefault(step, time.monotonic())
            began = time.monotonic()
            size = session.download_job_result(job.job_id, folder / "result").bytes
            brought = reached[steps.DOWNLOADED]
            print(f"{brought - began:.0f} s to bring and unpack, {reached[steps.KEPT] - brought:.0f} s to keep")
            if size < MODEL_BYTES:
                raise RuntimeError("Not all came")
    for role, memory in sorted(peak.items()):
        print(f"{role:22}: {memory // MEBIBYTE:4} MiB at most")
    if max(peak[role] for role in OURS) > LIMIT:
        raise RuntimeError(f"More than {LIMIT // MEBIBYTE} MiB")


def main() -> None:
    """Run the benchmark."""
    logging.disable(logging.INFO)
    for python in (Path(sys.executable), FEDERATION_PYTHON):
        with tempfile.TemporaryDirectory(prefix="dfm-bench-") as folder:
            measure_download(Path(folder), python)


if __name__ == "__main__":
    main()
