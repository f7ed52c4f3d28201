"""The results of jobs, kept in a folder or an object store.

``<results_path>/<job id>/`` holds ``results.jsonl``, one result a line, large values as files below ``values/``, each
by the SHA-256 of its content, and ``manifest.json``, which is written last: where it is, the rest is whole. Paths are
``pathlib.Path`` or of its kin, such as ``ObjectStoragePath``.
"""

from __future__ import annotations

import bisect
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from pydantic import BaseModel

from airflow_provider_dfm.federation import steps
from airflow_provider_dfm.federation.checksum import BLOCK_BYTES
from airflow_provider_dfm.federation.errors import ResultsIncomplete, VersionMismatch
from airflow_provider_dfm.federation.job_outcome import JobOutcome
from airflow_provider_dfm.federation.large_values import FolderFiles, OwnFiles, read_sizes
from airflow_provider_dfm.federation.results import FederationResults
from airflow_provider_dfm.federation.storage import reading, writing
from airflow_provider_dfm.federation.tokens import Result
from airflow_provider_dfm.federation.whole_files import local_path, opened, whole_file
from airflow_provider_dfm.remote.value_store import VALUES

RESULTS = "results.jsonl"
MANIFEST = "manifest.json"
# Of what is kept. 1, whose manifests do not say so: all values are in results.jsonl, whatever their size.
FORMAT = 2
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

    :param format: how the rest is written, see :data:`FORMAT`.
    :param outcome: how the job ended.
    :param files: name to size and checksum.
    :param starts: parameter sets, in order, each with the place in bytes where its results begin; not all of them.
    """

    format: int = 1
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
    values: dict[str, KeptFile] = {}
    with whole_file(folder / RESULTS) as file:
        for result in results.received():
            _keep_values(result, folder / VALUES, values)
            line = _to_line(result)
            if result.parameter_set != before and size - (starts[-1][1] if starts else 0) >= BYTES_A_START:
                starts.append((result.parameter_set, size))
            before = result.parameter_set
            checksum.update(line)
            size += len(line)
            file.write(line)
    steps.reached(steps.KEEPING, results.outcome.job_id)
    kept = KeptFile(bytes=size, sha256=checksum.hexdigest())
    files = {RESULTS: kept, **{f"{VALUES}/{name}": value for name, value in sorted(values.items())}}
    manifest = Manifest(format=FORMAT, outcome=results.outcome, files=files, starts=tuple(starts))
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


def read_kept_results(folder: Any, with_values: bool = False) -> FederationResults | None:
    """The results that are kept of a job.

    :param folder: the job's folder.
    :param with_values: the large values have to be there, too, as far as this machine's disk has them; a store would
        have to be asked for each.
    :return: None, where nothing is kept.
    :raises ResultsIncomplete: the manifest there is not ours, or the results are not of the size that it says.
    :raises VersionMismatch: a later release of this provider has kept it in a way that this one cannot read.
    :raises StorageFailed: the folder cannot be read.
    """
    try:
        with reading(folder / MANIFEST):
            content = (folder / MANIFEST).read_bytes()
        plain = json.loads(content)
        _check_format(plain, folder)
        manifest = Manifest.model_validate(plain)
        kept = manifest.files[RESULTS]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, RecursionError) as error:
        raise ResultsIncomplete(f"{folder / MANIFEST} is not a manifest of results: {error}") from None
    _check_size(folder / RESULTS, kept)
    if with_values and local_path(folder) is not None:
        for name, value in manifest.files.items():
            _check_size(folder / name, value)
    return _from_folder(folder, manifest)


def _check_format(manifest: Any, folder: Any) -> None:
    number = manifest.get("format", 1) if isinstance(manifest, dict) else 1
    if isinstance(number, int) and number > FORMAT:
        raise VersionMismatch(
            f"The results in {folder} were kept by a later release of this provider, in the format {number}; this one "
            f"reads formats up to {FORMAT}. Update it wherever these results are read."
        )


def _keep_values(result: Result, folder: Any, kept: dict[str, KeptFile]) -> None:
    """Copy the large values of a result, each once.

    :param folder: where to; made where it is missing.
    :param kept: what is there already; gets what was copied.
    """
    if not isinstance(result.files, OwnFiles):
        return
    for name, size in result.files.sizes.items():
        if name not in kept:
            if not kept:
                with writing(folder):
                    folder.mkdir(parents=True, exist_ok=True)
            _copy_value(result, name, size, folder / name)
            kept[name] = KeptFile(bytes=size, sha256=name)


def _copy_value(result: Result, name: str, size: int, target: Any) -> None:
    assert result.files is not None
    digest, copied = hashlib.sha256(), 0
    with result.files.open(name) as source, whole_file(target) as file:
        while block := source.read(BLOCK_BYTES):
            digest.update(block)
            copied += len(block)
            file.write(block)
        if (copied, digest.hexdigest()) != (size, name):
            raise ResultsIncomplete(
                f"A value of parameter set {result.parameter_set} at place {result.place!r} is not what site "
                f"{result.site} gave: its file has {copied} bytes of {size}, or another checksum. Bring it anew."
            )


def _from_folder(folder: Any, manifest: Manifest) -> FederationResults:
    file = _ResultsFile(folder / RESULTS, manifest.files[RESULTS], FolderFiles(folder / VALUES))
    return FederationResults(manifest.outcome, file.read, lambda number: file.read_set(manifest.starts, number))


def _check_size(path: Any, kept: KeptFile) -> None:
    try:
        with reading(path):
            size = path.stat().st_size
    except FileNotFoundError:
        raise ResultsIncomplete(f"{path} is missing, though the manifest beside it names it.") from None
    if size != kept.bytes:
        raise ResultsIncomplete(f"{path} has {size} bytes, but {kept.bytes} were written.")


@dataclass(frozen=True)
class _ResultsFile:
    """The file of results.

    :param path: where it is.
    :param kept: what the manifest says of it.
    :param values: the large values that its lines name.
    """

    path: Any
    kept: KeptFile
    values: FolderFiles

    def read(self) -> Iterator[Result]:
        """All results; the checksum is looked at after the last one."""
        _check_size(self.path, self.kept)
        checksum = hashlib.sha256()
        with opened(self.path) as file:
            for number, line in enumerate(file, start=1):
                checksum.update(line)
                yield self._result(line, f"{self.path}, line {number}")
        if checksum.hexdigest() != self.kept.sha256:
            raise ResultsIncomplete(f"{self.path} is not what was written: its SHA-256 differs from the manifest's.")

    def read_set(self, starts: Sequence[tuple[int, int]], number: int) -> Iterator[Result]:
        """The results of one set. The checksum is of the whole, and so not looked at."""
        _check_size(self.path, self.kept)
        begun = bisect.bisect_right(starts, number, key=itemgetter(0))
        with opened(self.path) as file:
            file.seek(starts[begun - 1][1] if begun else 0)
            for line in file:
                result = self._result(line, str(self.path))
                if result.parameter_set > number:
                    return
                if result.parameter_set == number:
                    yield result

    def _result(self, line: bytes, where: str) -> Result:
        try:
            fields = json.loads(line)
            sizes = read_sizes(fields.pop("files", {}))
            return Result(**fields).with_files(sizes, self.values)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise ResultsIncomplete(f"{where}, is no result: {error}") from None


def _to_line(result: Result) -> bytes:
    # pydantic's own JSON has no lone surrogates and 255 levels at most.
    fields = dict(result)
    if isinstance(result.files, OwnFiles):
        fields["files"] = result.files.sizes
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"
