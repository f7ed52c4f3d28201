"""What 1 GB of results needs of memory, in each process that they pass through, and how long that takes.

First the part of a worker's process alone, with a job that is laid out as a server would send it; then all of it, with
a real federation.
"""

from __future__ import annotations

import logging
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from benchmarks.results_memory import MEBIBYTE, measure, write_download
from demo.demonstration import FEDERATION, connection_fields, make_federation
from demo.process_keeper import descendants
from tests.object_store import ObjectStore

TRIALS = Path(__file__).resolve().parents[1] / "tests" / "federation"
LARGE = 5_000_000
VALUES = ((200, LARGE), (1_000_000, 1_000))
LIMIT = 300 * MEBIBYTE
WORKER, HOST = "the worker", "the session host"
ROLES = {
    "runner_process": "the job at the server",
    "server_train": "the server",
    "worker_process": "the job at the site",
    "client_train": "the site",
    "process_keeper": None,
    "exec(eval(": HOST,
}
OURS = (WORKER, HOST)


def measure_worker() -> None:
    """Print what indexing, keeping and reading needs; a folder and an object store.

    :raises RuntimeError: it is more than a worker may have.
    """
    print("1 GB of results in a worker: indexed, kept and read")
    with tempfile.TemporaryDirectory(prefix="dfm-bench-") as folder, ObjectStore(Path(folder)) as store:
        os.environ.update(store.connection())
        for sets, value_bytes in VALUES:
            download = write_download(Path(folder) / str(sets), sets, value_bytes)
            targets = {"a folder": f"{folder}/kept/{sets}"}
            if value_bytes == LARGE:
                # The tests' S3 server gives up on an upload that takes as long as the many small values do.
                targets["S3"] = store.uri(str(sets))
            for name, target in targets.items():
                needed = measure(download, sets, target)
                print(
                    f"{sets:9,} values of {value_bytes:9,} bytes, kept in {name:8}: {needed.seconds:4.0f} s, "
                    f"{needed.peak // MEBIBYTE} MiB at most, {needed.before // MEBIBYTE} MiB before",
                    flush=True,
                )
                if needed.peak > LIMIT:
                    raise RuntimeError(f"More than {LIMIT // MEBIBYTE} MiB")


def measure_federation() -> None:
    """Print what a real job with 200 results of 5 MB needs of each process.

    :raises RuntimeError: the worker or its session host needs more than it may have.
    """
    sets, value_bytes = VALUES[0]
    print(f"\nA real job with {sets} results of {value_bytes:,} bytes")
    with tempfile.TemporaryDirectory(prefix="dfm-bench-") as folder, peaks() as peak:
        with make_federation(Path(folder), python_path=(TRIALS,)) as federation:
            fields = connection_fields(federation, python_path=f"{FEDERATION}:{TRIALS}")
            fields |= {"user": federation.admin, "federation": "trials", "results_path": f"{folder}/results"}
            with FederationSession(read_settings(fields, "bench")) as session:
                began = time.monotonic()
                job = session.execute("trial_pipelines:large", [{"size": value_bytes}] * sets)
                if not job.wait_until_finished(timeout=1800):
                    raise RuntimeError("The job does not end")
                ended = time.monotonic()
                size = sum(len(result.value) for result in job.results())
                print(f"{ended - began:.0f} s until it has ended, {time.monotonic() - ended:.0f} s to bring and read")
                if size != sets * value_bytes:
                    raise RuntimeError("Not all came")
    for role, memory in sorted(peak.items()):
        print(f"{role:22}: {memory // MEBIBYTE:4} MiB at most")
    if max(peak[role] for role in OURS) > LIMIT:
        raise RuntimeError(f"More than {LIMIT // MEBIBYTE} MiB")


@contextmanager
def peaks() -> Iterator[dict[str, int]]:
    """Watches this process and all that come from it: role to the most memory one of that role had, in bytes."""
    found: dict[str, int] = {}
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.2):
            for pid in {os.getpid(), *descendants(os.getpid())}:
                try:
                    role = WORKER if pid == os.getpid() else _role(pid)
                    if role is not None:
                        found[role] = max(found.get(role, 0), _peak(pid))
                except (OSError, LookupError):
                    # It has ended.
                    continue

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield found
    finally:
        ended.set()
        watching.join()


def _role(pid: int) -> str | None:
    command = Path(f"/proc/{pid}/cmdline").read_text()
    # A keeper's command line has that of what it keeps in it.
    names = ["process_keeper", *ROLES]
    return next((ROLES[name] for name in names if name in command), None)


def _peak(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise LookupError(pid)


def main() -> None:
    """Run the benchmark."""
    logging.disable(logging.INFO)
    measure_worker()
    measure_federation()


if __name__ == "__main__":
    main()
