"""An ended job's files, as FLARE lays them out, kept in a folder or an object store.

The folder holds ``meta.json``, ``job/…`` and ``workspace/…`` as they came, and ``manifest.json``, which is written
last: what it names is whole. Paths are ``pathlib.Path`` or of its kin, such as ``ObjectStoragePath``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Annotated, Any

from pydantic import AfterValidator, BaseModel

from airflow_provider_dfm.federation import steps
from airflow_provider_dfm.federation.checksum import BLOCK_BYTES, sha256_of
from airflow_provider_dfm.federation.errors import DestinationConflict, UnsafeResult
from airflow_provider_dfm.federation.job_files import Patterns, list_files, wanted_files
from airflow_provider_dfm.federation.results_folder import MANIFEST, KeptFile
from airflow_provider_dfm.federation.storage import reading, writing
from airflow_provider_dfm.federation.whole_files import opened, whole_file

# The folder's name below <results_path>/<job id>, where no other is given.
DOWNLOAD = "download"


def _check_relative(name: str) -> str:
    if {"", ".", ".."} & set(name.split("/")):
        raise ValueError(f"{name!r} may lead out of the folder")
    return name


RelativePath = Annotated[str, AfterValidator(_check_relative)]


class DownloadedJob(BaseModel, frozen=True):
    """The files of a job that were wanted, and where they are.

    :param job_id: the job.
    :param uri: the folder that holds them.
    :param files: path in that folder to size and checksum.
    """

    job_id: str
    uri: str
    files: dict[str, KeptFile]

    @property
    def bytes(self) -> int:
        """Bytes of all the files."""
        return sum(file.bytes for file in self.files.values())


class DownloadManifest(BaseModel, frozen=True):
    """What a folder holds of a job.

    :param job_id: the job.
    :param files: path to size and checksum of each file that is there.
    :param left_out: paths of the job's other files.
    """

    job_id: str
    files: dict[RelativePath, KeptFile] = {}
    left_out: tuple[RelativePath, ...] = ()

    def with_files(self, files: Mapping[str, KeptFile], all_names: list[str]) -> DownloadManifest:
        """The same, and more files."""
        together = {**self.files, **files}
        left_out = tuple(name for name in all_names if name not in together)
        return DownloadManifest(job_id=self.job_id, files=together, left_out=left_out)

    def without(self, name: str) -> DownloadManifest:
        """The same, with a file that is not there any more."""
        others = {other: kept for other, kept in self.files.items() if other != name}
        return DownloadManifest(job_id=self.job_id, files=others, left_out=(*self.left_out, name))


def find_download(folder: Any, job_id: str, paths: Patterns) -> DownloadedJob | None:
    """What is kept of a job, by its manifest and the sizes of the files.

    :param folder: where it would be.
    :param job_id: the job.
    :param paths: which files are wanted; see :func:`wanted_files`.
    :return: None where not all that is wanted is there. A job without ``workspace/`` is never all there: the server
        of one that failed may have stored that later.
    :raises DestinationConflict: the folder holds something else.
    :raises ResultsIncomplete: the job has no such file.
    :raises StorageFailed: the folder cannot be read.
    """
    manifest = _read_manifest(folder, job_id)
    if manifest is None:
        return None
    names = sorted([*manifest.files, *manifest.left_out])
    if not any(name.startswith("workspace/") for name in names):
        return None
    wanted = wanted_files(names, paths)
    for name in wanted:
        kept = manifest.files.get(name)
        if kept is None or _size(_path(folder, name)) != kept.bytes:
            return None
    return DownloadedJob(job_id=job_id, uri=str(folder), files={name: manifest.files[name] for name in wanted})


def keep_download(source: Path, folder: Any, job_id: str, paths: Patterns) -> DownloadedJob:
    """Copy a downloaded job's files, one after the other; what is there with the same content stays as it is.

    Who keeps the same files of the same job at the same time replaces a file by the same file. Names of other files
    that the manifest has stay in it.

    :param source: what FLARE's download gave.
    :param folder: where to; made where it is missing.
    :param job_id: the job.
    :param paths: which files are wanted; see :func:`wanted_files`.
    :raises DestinationConflict: the folder holds something else.
    :raises ResultsIncomplete: the job has no such file.
    :raises UnsafeResult: there is a link among the files.
    :raises StorageFailed: a file cannot be read or written.
    """
    names = list_files(source)
    if MANIFEST in names:
        raise UnsafeResult(f"The downloaded job has a {MANIFEST} beside its meta.json, which is no file of FLARE's.")
    wanted = wanted_files(names, paths)
    before = _read_manifest(folder, job_id)
    files: dict[str, KeptFile] = {}
    for name in wanted:
        target = _path(folder, name)
        kept = _kept_before(source / name, target)
        if kept is None:
            if before is not None and name in before.files:
                # What the manifest names has to be what is there, whenever this process is killed.
                before = before.without(name)
                _write_manifest(folder, before)
            with writing(target.parent):
                target.parent.mkdir(parents=True, exist_ok=True)
            kept = _copy(source / name, target)
        files[name] = kept
    steps.reached(steps.KEEPING, job_id)
    manifest = _read_manifest(folder, job_id) or DownloadManifest(job_id=job_id)
    _write_manifest(folder, manifest.with_files(files, names))
    return DownloadedJob(job_id=job_id, uri=str(folder), files=files)


def _read_manifest(folder: Any, job_id: str) -> DownloadManifest | None:
    path = folder / MANIFEST
    try:
        with reading(path):
            content = path.read_bytes()
        manifest = DownloadManifest.model_validate(json.loads(content))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError):
        raise DestinationConflict(
            f"Job {job_id} cannot be downloaded to {folder}: there is a {MANIFEST} of something else. Give the "
            "download a folder of its own."
        ) from None
    if manifest.job_id != job_id:
        raise DestinationConflict(
            f"Job {job_id} cannot be downloaded to {folder}: that holds job {manifest.job_id}. Give each job a folder "
            "of its own, or remove what is there."
        )
    return manifest


def _write_manifest(folder: Any, manifest: DownloadManifest) -> None:
    with whole_file(folder / MANIFEST) as file:
        file.write(json.dumps(manifest.model_dump(), indent=2).encode())


def _path(folder: Any, name: str) -> Any:
    # One by one: joined, "http:" and "x" would be taken for a URI.
    return folder.joinpath(*name.split("/"))


def _size(path: Any) -> int | None:
    try:
        with reading(path):
            return int(path.stat().st_size)
    except FileNotFoundError:
        return None


def _kept_before(source: Path, target: Any) -> KeptFile | None:
    """The target, where it has the source's content already."""
    size = _size(source)
    if size is None or _size(target) != size:
        return None
    with source.open("rb") as file, opened(target) as before:
        with reading(source):
            checksum = sha256_of(file)
        return KeptFile(bytes=size, sha256=checksum) if sha256_of(before) == checksum else None


def _copy(source: Path, target: Any) -> KeptFile:
    digest = hashlib.sha256()
    size = 0
    with source.open("rb") as file, whole_file(target) as copy:
        while block := _next_block(file, source):
            digest.update(block)
            size += len(block)
            copy.write(block)
    return KeptFile(bytes=size, sha256=digest.hexdigest())


def _next_block(file: IO[bytes], source: Path) -> bytes:
    with reading(source):
        return file.read(BLOCK_BYTES)
