"""A FLARE job's folder, as a DAG author gives it and as it is submitted."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError, field_validator, model_validator

from airflow_provider_dfm.federation.archives import ArchiveError, unpack_archive
from airflow_provider_dfm.federation.checksum import sha256_of
from airflow_provider_dfm.federation.errors import JobDefinitionError, StorageFailed
from airflow_provider_dfm.federation.folder_copy import copy_folder
from airflow_provider_dfm.federation.job_note import CUSTOM_PROPERTY
from airflow_provider_dfm.federation.storage import storage_error, writing, written

META = "meta.json"
# The client library leaves these in every folder that it submits: nvflare/lighter/tool_consts.py.
SIGNATURES = (".__nvfl_sig.json", ".__nvfl_submitter.crt")


class MetaOverrides(BaseModel, extra="allow"):
    """What is to be otherwise in a job's ``meta.json``; further keys are taken as they are.

    :param name: the job's name.
    :param min_clients: how many sites have to take part.
    :param mandatory_clients: the sites that have to.
    :param resource_spec: what it needs, by site.
    :param custom_props: added to those that are there.
    """

    name: str | None = None
    min_clients: int | None = None
    mandatory_clients: list[str] | None = None
    resource_spec: dict[str, Any] | None = None
    custom_props: dict[str, Any] | None = None

    @field_validator("*")
    @classmethod
    def _is_given(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("may not be null; leave it out")
        return value

    @model_validator(mode="after")
    def _leave_the_id(self) -> MetaOverrides:
        if "job_id" in (self.model_extra or {}):
            raise ValueError("job_id is not yours to choose: it makes sure that the job is submitted once")
        return self


@dataclass(frozen=True)
class JobFolder:
    """A private copy of a job's folder.

    :param path: the copy.
    :param meta: what its meta.json says.
    :param content: SHA-256 over its files, in hexadecimal.
    """

    path: Path
    meta: dict[str, Any]
    content: str

    @property
    def name(self) -> str:
        """The job's name."""
        return str(self.meta.get("name", ""))

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(path.stat().st_size for path in self.path.rglob("*") if path.is_file())

    def named(self, job_id: str, ends_at: float | None) -> Path:
        """The folder, with the job's id and what whoever finds the job has to know in its meta.json.

        :param job_id: the id that the server takes over.
        :param ends_at: when the job's time is over, in seconds since 1970; None: never.
        """
        properties = {CUSTOM_PROPERTY: {"content": self.content, "ends_at": ends_at}}
        meta = self.meta | {"job_id": job_id, "custom_props": (self.meta.get("custom_props") or {}) | properties}
        with writing(self.path / META):
            (self.path / META).write_text(json.dumps(meta, indent=2), encoding="utf-8")
        return self.path


def copy_job_folder(source: Any, target: Path, overrides: Mapping[str, Any] | None = None) -> JobFolder:
    """Copy a job's folder, because the client library writes into what it submits.

    :param source: the job's folder, or a zip or tar of it: a ``pathlib.Path`` or one of its kin, such as Airflow's
        ``ObjectStoragePath``.
    :param target: where to; it must not exist yet.
    :param overrides: see :class:`MetaOverrides`.
    :raises JobDefinitionError: it is no job, or the overrides are none.
    :raises StorageFailed: the target cannot be written.
    """
    try:
        if source.is_file():
            _copy_archive(source, target)
        else:
            _copy_checked(source, target, source)
        meta = json.loads((target / META).read_text(encoding="utf-8"))
    except (JobDefinitionError, StorageFailed):
        raise
    except Exception as error:  # object stores pass on whatever their libraries raise
        raise storage_error(error, JobDefinitionError)(
            f"Cannot read the FLARE job at {source}: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(meta, dict):
        raise JobDefinitionError(f"{source / META} holds no JSON object.")
    meta = _overridden(meta, overrides or {})
    return JobFolder(target, meta, _content(target, meta))


def _copy_checked(folder: Any, target: Path, source: Any) -> None:
    if not (folder / META).is_file():
        raise JobDefinitionError(
            f"There is no FLARE job at {source}: a job is a folder (or a zip or tar of it) that holds {META} and the "
            "folders of its apps."
        )
    copy_folder(folder, target, leave_out=SIGNATURES)


def _copy_archive(source: Any, target: Path) -> None:
    with writing(target.parent):
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = tempfile.TemporaryDirectory(dir=target.parent)
    with temporary as folder:
        packed, unpacked = Path(folder) / "packed", Path(folder) / "unpacked"
        with writing(unpacked):
            unpacked.mkdir()
        with source.open("rb") as remote, written(packed) as local:
            shutil.copyfileobj(remote, local)
        try:
            with packed.open("rb") as file:
                unpack_archive(file, unpacked)
        except ArchiveError as error:
            raise JobDefinitionError(f"The FLARE job at {source} is {error}.") from None
        inside = [unpacked, *sorted(path for path in unpacked.iterdir() if path.is_dir())]
        # Copied once more, since nvflare 2.9 takes no links, and an archive can hold some.
        _copy_checked(next((path for path in inside if (path / META).is_file()), unpacked), target, source)


def _overridden(meta: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    try:
        changes = MetaOverrides.model_validate(dict(overrides)).model_dump(exclude_unset=True)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise JobDefinitionError(f"The job's meta cannot be changed so: {faults}") from None
    if "custom_props" in changes:
        changes["custom_props"] = {**(meta.get("custom_props") or {}), **changes["custom_props"]}
    return meta | changes


def _content(folder: Path, meta: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(meta, sort_keys=True).encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != folder / META:
            with path.open("rb") as file:
                digest.update(f"{path.relative_to(folder).as_posix()}\0{sha256_of(file)}\n".encode())
    return digest.hexdigest()
