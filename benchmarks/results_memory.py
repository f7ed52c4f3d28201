"""What reading and keeping a job's results needs of memory, measured in an interpreter of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.job_note import CUSTOM_PROPERTY
from airflow_provider_dfm.federation.results import read_downloaded_job
from airflow_provider_dfm.federation.results_folder import keep_results, read_kept_results
from airflow_provider_dfm.hooks.result_rows import ResultRows
from airflow_provider_dfm.hooks.xcom_size import MAX_XCOM_BYTES
from airflow_provider_dfm.results import kept_results

ROOT = Path(__file__).resolve().parents[1]
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Needed:
    """What it took.

    :param before: memory in bytes, once all was imported and the target had been used.
    :param peak: the most memory in bytes.
    :param seconds: how long it took.
    """

    before: int
    peak: int
    seconds: float


def write_download(folder: Path, sets: int, value_bytes: int) -> Path:
    """Lay out a finished job as FLARE's download does, without holding it in memory.

    :param folder: where to.
    :param sets: how many parameter sets it has, each with one value.
    :param value_bytes: size of each value.
    """
    kept = folder / "workspace" / "app_server" / CUSTOM_PROPERTY
    kept.mkdir(parents=True)
    value = "x" * value_bytes
    with (kept / "tokens.jsonl").open("w") as file:
        for number in range(sets):
            file.write(json.dumps(_token([number], "result", ["json", value])) + "\n")
            file.write(json.dumps(_end([number])) + "\n")
        file.write(json.dumps(_end("stop")) + "\n")
    return folder


def _token(frame: Any, place: str, tagged_data: list[Any]) -> dict[str, Any]:
    return {
        "source_site": "seattle",
        "source_node": 0,
        "source_job": "job",
        "target_site": "analyst",
        "target_place": place,
        "target_job": "job",
        "is_yield": True,
        "frame": {"token": "@dfm-control-token", "frame": frame},
        "tagged_data": tagged_data,
        "trace_context": None,
    }


def _end(frame: Any) -> dict[str, Any]:
    stop = {"class": "nv_dfm_core.api._stop_token.StopToken", "data": {"token": "@dfm-stop-token"}}
    return _token(frame, "_dfm_status_", ["BaseModel", stop])


def measure(download: Path, sets: int, target: str) -> Needed:
    """Index a downloaded job, keep its results, read them, hand them on and open them, in a new interpreter.

    :param download: the job's folder.
    :param sets: how many parameter sets it has.
    :param target: path or URI of the folder that keeps them.
    """
    command = [sys.executable, "-m", "benchmarks.results_memory", str(download), str(sets), target]
    answer = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return Needed(**json.loads(answer.splitlines()[-1]))


def _measure_here(download: Path, sets: int, target: str) -> Needed:
    from airflow.sdk import ObjectStoragePath

    path = ObjectStoragePath(target) if "://" in target else Path(target)
    # The first use of an object store imports its libraries.
    if read_kept_results(path) is not None:
        raise RuntimeError(f"There are results at {target}")
    before = _memory("VmRSS")
    started = time.monotonic()
    expectation = {"parameter_sets": sets, "places": ["result"]}
    meta = {
        "job_id": "job",
        "name": "large",
        "status": "FINISHED:COMPLETED",
        "custom_props": {CUSTOM_PROPERTY: expectation},
    }
    keep_results(read_downloaded_job(download, JobMeta.model_validate(meta)), path)
    kept = read_kept_results(path)
    if kept is None or sum(1 for _ in kept) != sets:
        raise RuntimeError("Not all was kept")
    seconds = time.monotonic() - started
    # As DfmResultsOperator hands them on, and another task opens them.
    rows = ResultRows(kept, str(path), MAX_XCOM_BYTES)
    if len(json.dumps(rows.results_and_sets())) > 4 * MEBIBYTE:
        raise RuntimeError("Too much for an XCom was handed on")
    if sum(1 for _ in kept_results(str(path))) != sets:
        raise RuntimeError("Not all was opened")
    return Needed(before, _memory("VmHWM"), seconds)


def _memory(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


if __name__ == "__main__":
    print(json.dumps(vars(_measure_here(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))))
