"""The results of jobs, kept in a folder or an object store.

``<results_path>/<job id>/`` holds ``results.jsonl``, one result a line, and ``manifest.json``, which is written
last: where it is, the rest is whole. Paths are ``pathlib.Path`` or of its kin, such as ``ObjectStoragePath``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from airflow_provider_dfm.federation import steps
from airflow_provider_dfm.federation.errors import ResultsIncomplete
from airflow_provider_dfm.federation.results import FederationResults, JobOutcome
from airflow_provider_dfm.federation.tokens import Result
from airflow_provider_dfm.federation.whole_files import opened, whole_file

RESULTS = "results.jsonl"
MANIFEST = "manifest.json"


class KeptFile(BaseModel, frozen=True):
    """One file of a job.

    :param bytes: its size.
    :param sha256: its checksum, in hexadecimal.
    """

    bytes: int
    sha256: str


class Manifest(BaseModel, frozen=True):
    """What is kept of a job.

    :param outcome: how the job ended.
    :param files: name to size and checksum.
    """

    outcome: JobOutcome
    files: dict[str, KeptFile]


def keep_results(results: FederationResults, folder: Any) -> FederationResults:
    """Write a job's results, whether or not they are all there.

    Who writes the same job's results at the same time replaces a file by the same file.

    :param results: what to keep.
    :param folder: the job's folder; made where it is missing.
    :return: the same results, read from there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checksum = hashlib.sha256()
    size = 0
    with whole_file(folder / RESULTS) as file:
        for result in results.received():
            line = _to_line(result)
            checksum.update(line)
            size += len(line)
            file.write(line)
    steps.reached(steps.KEEPING, results.outcome.job_id)
    kept = KeptFile(bytes=size, sha256=checksum.hexdigest())
    manifest = Manifest(outcome=results.outcome, files={RESULTS: kept})
    with whole_file(folder / MANIFEST) as file:
        file.write(json.dumps(manifest.model_dump(), indent=2).encode())
    return _from_folder(folder, manifest)


def read_kept_results(folder: Any) -> FederationResults | None:
    """The results that are kept of a job.

    :param folder: the job's folder.
    :return: None, where nothing is kept.
    :raises ResultsIncomplete: the manifest there is not ours, or the results are not of the size that it says.
    """
    try:
        manifest = Manifest.model_validate(json.loads((folder / MANIFEST).read_bytes()))
        kept = manifest.files[RESULTS]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError) as error:
        raise ResultsIncomplete(f"{folder / MANIFEST} is not a manifest of results: {error}") from None
    _check_size(folder / RESULTS, kept)
    return _from_folder(folder, manifest)


def _from_folder(folder: Any, manifest: Manifest) -> FederationResults:
    return FederationResults(manifest.outcome, lambda: _read(folder / RESULTS, manifest.files[RESULTS]))


def _check_size(path: Any, kept: KeptFile) -> None:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise ResultsIncomplete(f"{path} is missing, though the manifest beside it names it.") from None
    if size != kept.bytes:
        raise ResultsIncomplete(f"{path} has {size} bytes, but {kept.bytes} were written.")


def _read(path: Any, kept: KeptFile) -> Iterator[Result]:
    _check_size(path, kept)
    checksum = hashlib.sha256()
    with opened(path) as file:
        for number, line in enumerate(file, start=1):
            checksum.update(line)
            yield _from_line(line, f"{path}, line {number}")
    if checksum.hexdigest() != kept.sha256:
        raise ResultsIncomplete(f"{path} is not what was written: its SHA-256 differs from the manifest's.")


def _to_line(result: Result) -> bytes:
    # pydantic's own JSON has no lone surrogates and 255 levels at most.
    return json.dumps(dict(result), separators=(",", ":")).encode() + b"\n"


def _from_line(line: bytes, where: str) -> Result:
    try:
        return Result(**json.loads(line))
    except (ValueError, TypeError, RecursionError) as error:
        raise ResultsIncomplete(f"{where}, is no result: {error}") from None
