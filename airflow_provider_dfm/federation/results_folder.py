"""The results of jobs, kept in a folder or an object store.

``<results_path>/<job id>/`` holds ``results.jsonl``, one result a line, and ``manifest.json``, which is written
last: where it is, the rest is whole. Paths are ``pathlib.Path`` or of its kin, such as ``ObjectStoragePath``.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel, ValidationError

from airflow_provider_dfm.federation import steps
from airflow_provider_dfm.federation.errors import ResultsIncomplete
from airflow_provider_dfm.federation.results import FederationResults, JobOutcome
from airflow_provider_dfm.federation.tokens import Result

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

    :param results: what to keep.
    :param folder: the job's folder; made where it is missing.
    :return: the same results, read from there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checksum = hashlib.sha256()
    with tempfile.TemporaryFile() as file:
        for result in results.received():
            line = result.model_dump_json().encode() + b"\n"
            checksum.update(line)
            file.write(line)
        size = file.tell()
        file.seek(0)
        _put(file, folder / RESULTS)
    steps.reached(steps.KEEPING, results.outcome.job_id)
    kept = KeptFile(bytes=size, sha256=checksum.hexdigest())
    manifest = Manifest(outcome=results.outcome, files={RESULTS: kept})
    with tempfile.TemporaryFile() as file:
        file.write(manifest.model_dump_json(indent=2).encode())
        file.seek(0)
        _put(file, folder / MANIFEST)
    return _from_folder(folder, manifest)


def read_kept_results(folder: Any) -> FederationResults | None:
    """The results that are kept of a job.

    :param folder: the job's folder.
    :return: None, where nothing or not all is kept.
    :raises ResultsIncomplete: the manifest there is not ours.
    """
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise ResultsIncomplete(f"{folder / MANIFEST} is not a manifest of results: {error}") from None
    return _from_folder(folder, manifest)


def _from_folder(folder: Any, manifest: Manifest) -> FederationResults:
    return FederationResults(manifest.outcome, lambda: _read(folder / RESULTS, manifest.files[RESULTS]))


def _read(path: Any, kept: KeptFile) -> Iterator[Result]:
    checksum = hashlib.sha256()
    with path.open("rb") as file:
        for line in file:
            checksum.update(line)
            yield Result.model_validate_json(line)
    if checksum.hexdigest() != kept.sha256:
        raise ResultsIncomplete(f"{path} is not what was written: its SHA-256 differs from the manifest's.")


def _put(source: IO[bytes], target: Any) -> None:
    """Write a file so that it is there whole or not at all."""
    if getattr(target, "protocol", "file") not in ("", "file", "local"):
        # An object store shows an object only when its last byte has come.
        with target.open("wb") as file:
            shutil.copyfileobj(source, file)
        return
    whole = Path(getattr(target, "path", target))
    part = whole.with_name(f".{whole.name}.{uuid.uuid4().hex}")
    with part.open("wb") as file:
        shutil.copyfileobj(source, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(whole)
