"""The results of jobs, kept in a folder or an object store.

``<results_path>/<job id>/`` holds ``results.jsonl``, one result a line, and ``manifest.json``, which is written
last: where it is, the rest is whole. Paths are ``pathlib.Path`` or of its kin, such as ``ObjectStoragePath``.
"""

from __future__ import annotations

import bisect
import hashlib
import json
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

from pydantic import BaseModel

from airflow_provider_dfm.federation import steps
from airflow_provider_dfm.federation.errors import ResultsIncomplete
from airflow_provider_dfm.federation.results import FederationResults, JobOutcome
from airflow_provider_dfm.federation.storage import reading, writing
from airflow_provider_dfm.federation.tokens import Result
from airflow_provider_dfm.federation.whole_files import opened, whole_file

RESULTS = "results.jsonl"
MANIFEST = "manifest.json"
# The manifest says where a parameter set begins about once in so many bytes of results.
BYTES_A_START = 1 << 16


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
    :param starts: parameter sets, in order, each with the place in bytes where its results begin; not all of them.
    """

    outcome: JobOutcome
    files: dict[str, KeptFile]
    starts: tuple[tuple[int, int], ...] = ()


def keep_results(results: FederationResults, folder: Any) -> FederationResults:
    """Write a job's results, whether or not they are all there.

    Who writes the same job's results at the same time replaces a file by the same file.

    :param results: what to keep.
    :param folder: the job's folder; made where it is missing.
    :return: the same results, read from there.
    :raises StorageFailed: the folder cannot be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    checksum = hashlib.sha256()
    size = 0
    starts: list[tuple[int, int]] = []
    before = None
    with whole_file(folder / RESULTS) as file:
        for result in results.received():
            line = _to_line(result)
            if result.parameter_set != before and size - (starts[-1][1] if starts else 0) >= BYTES_A_START:
                starts.append((result.parameter_set, size))
            before = result.parameter_set
            checksum.update(line)
            size += len(line)
            file.write(line)
    steps.reached(steps.KEEPING, results.outcome.job_id)
    kept = KeptFile(bytes=size, sha256=checksum.hexdigest())
    manifest = Manifest(outcome=results.outcome, files={RESULTS: kept}, starts=tuple(starts))
    with whole_file(folder / MANIFEST) as file:
        file.write(json.dumps(manifest.model_dump(), indent=2).encode())
    return _from_folder(folder, manifest)


def note_acceptance(folder: Any) -> None:
    """Note in a manifest that the task which submitted the job takes it with some of its sets unanswered.

    :param folder: the job's folder; where nothing is kept in it, nothing is noted.
    :raises StorageFailed: the folder cannot be read or written.
    """
    try:
        with reading(folder / MANIFEST):
            content = json.loads((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        return
    if not content["outcome"].get("accepts_partial"):
        content["outcome"]["accepts_partial"] = True
        with whole_file(folder / MANIFEST) as file:
            file.write(json.dumps(content, indent=2).encode())


def read_kept_results(folder: Any) -> FederationResults | None:
    """The results that are kept of a job.

    :param folder: the job's folder.
    :return: None, where nothing is kept.
    :raises ResultsIncomplete: the manifest there is not ours, or the results are not of the size that it says.
    :raises StorageFailed: the folder cannot be read.
    """
    try:
        with reading(folder / MANIFEST):
            content = (folder / MANIFEST).read_bytes()
        manifest = Manifest.model_validate(json.loads(content))
        kept = manifest.files[RESULTS]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, RecursionError) as error:
        raise ResultsIncomplete(f"{folder / MANIFEST} is not a manifest of results: {error}") from None
    _check_size(folder / RESULTS, kept)
    return _from_folder(folder, manifest)


def _from_folder(folder: Any, manifest: Manifest) -> FederationResults:
    path, kept = folder / RESULTS, manifest.files[RESULTS]
    return FederationResults(
        manifest.outcome, lambda: _read(path, kept), lambda number: _read_set(path, kept, manifest.starts, number)
    )


def _check_size(path: Any, kept: KeptFile) -> None:
    try:
        with reading(path):
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


def _read_set(path: Any, kept: KeptFile, starts: Sequence[tuple[int, int]], number: int) -> Iterator[Result]:
    """The results of one set. The checksum is of the whole, and so not looked at."""
    _check_size(path, kept)
    begun = bisect.bisect_right(starts, number, key=itemgetter(0))
    with opened(path) as file:
        file.seek(starts[begun - 1][1] if begun else 0)
        for line in file:
            result = _from_line(line, str(path))
            if result.parameter_set > number:
                return
            if result.parameter_set == number:
                yield result


def _to_line(result: Result) -> bytes:
    # pydantic's own JSON has no lone surrogates and 255 levels at most.
    return json.dumps(dict(result), separators=(",", ":")).encode() + b"\n"


def _from_line(line: bytes, where: str) -> Result:
    try:
        return Result(**json.loads(line))
    except (ValueError, TypeError, RecursionError) as error:
        raise ResultsIncomplete(f"{where}, is no result: {error}") from None
