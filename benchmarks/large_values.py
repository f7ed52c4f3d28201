"""What one large array needs of memory, in each process that it passes through, and how long that takes.

A site of a real federation makes the array; the worker keeps it, and opens it as a memory map.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from benchmarks.large_results import HOST, TRIALS, WORKER, peaks
from benchmarks.results_memory import MEBIBYTE
from demo.demonstration import FEDERATION, connection_fields, make_federation

MEGABYTES = (200, 1000)
NUMBER_BYTES = 8
SITE = "the job at the site"
# In the worker and its session host, beyond what a small array needs.
WORKER_LIMIT = 100 * MEBIBYTE


def measure(megabytes: int) -> None:
    """Print what an array needs, beyond what one of 24 bytes needs in the same processes.

    :param megabytes: how large it is.
    :raises RuntimeError: it is more than it may be.
    """
    size = megabytes * 1_000_000
    with tempfile.TemporaryDirectory(prefix="dfm-bench-") as folder:
        with make_federation(Path(folder), python_path=(TRIALS,)) as federation:
            fields = connection_fields(federation, python_path=f"{FEDERATION}:{TRIALS}")
            fields |= {"user": federation.admin, "federation": "trials", "results_path": f"{folder}/results"}
            with FederationSession(read_settings(fields, "bench")) as session:
                small, _ = _run(session, 3)
                large, seconds = _run(session, size // NUMBER_BYTES)
    print(
        f"An array of {megabytes} MB: {seconds[0]:.0f} s until the job has ended, {seconds[1]:.1f} s to bring and keep"
    )
    for role, memory in sorted(large.items()):
        more = memory - small.get(role, 0)
        print(
            f"{role:22}: {memory // MEBIBYTE:5} MiB at most, {more // MEBIBYTE:5} MiB of them for the array", flush=True
        )
    if large[SITE] - small[SITE] > 2 * size:
        raise RuntimeError("The site needs more than twice the array's size")
    if any(large[role] - small[role] > WORKER_LIMIT for role in (WORKER, HOST)):
        raise RuntimeError(f"The worker needs {WORKER_LIMIT // MEBIBYTE} MiB more, or its session host does")


def _run(session: FederationSession, numbers: int) -> tuple[Mapping[str, int], tuple[float, float]]:
    with peaks() as peak:
        began = time.monotonic()
        job = session.execute("trial_pipelines:give", {"kind": "numbers", "size": numbers})
        if not job.wait_until_finished(timeout=1800):
            raise RuntimeError("The job does not end")
        ended = time.monotonic()
        (result,) = job.results()
        kept = time.monotonic()
        array = result.array()
        if array.shape != (numbers,) or array[-1] != numbers - 1:
            raise RuntimeError("Another array came")
    return peak, (ended - began, kept - ended)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("megabytes", nargs="*", type=int, default=MEGABYTES, help="sizes of the arrays")
    logging.disable(logging.INFO)
    for megabytes in parser.parse_args().megabytes:
        measure(megabytes)


if __name__ == "__main__":
    main()
