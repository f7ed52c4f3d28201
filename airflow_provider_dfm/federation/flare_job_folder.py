"""A FLARE job's folder, as a DAG author gives it and as it is submitted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError, field_validator, model_validator

from airflow_provider_dfm.federation.archives import ArchiveError, unpacked
from airflow_provider_dfm.federation.checksum import sha256_of
from airflow_provider_dfm.federation.errors import JobDefinitionError, StorageFailed
from airflow_provider_dfm.federation.folder_copy import copy_folder
from airflow_provider_dfm.federation.folder_entries import as_it_is_now, is_folder
from airflow_provider_dfm.federation.folder_layout import UnclearFolder
from airflow_provider_dfm.federation.job_note import CUSTOM_PROPERTY
from airflow_provider_dfm.federation.job_place import folder_name, jobs_in, name_for_flare, names_in, without_suffixes
from airflow_provider_dfm.federation.storage import storage_error, writing

META = "meta.json"
SHOWN_NAMES = 5
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


class MetaFile(BaseModel, frozen=True):
    """What a job's folder says of the job.

    :param file: the name of the file that FLARE reads: ``meta.json``, ``meta.conf``, ``meta.yml`` ...
    :param meta: what it says.
    """

    file: str
    meta: dict[str, Any]


# Reads it from a folder, as FLARE does.
ReadMeta = Callable[[Path], MetaFile]


@dataclass(frozen=True)
class JobFolder:
    """A private copy of a job's folder.

    :param path: the copy.
    :param meta: what the job's meta.json is to say.
    :param content: SHA-256 over its files, in hexadecimal.
    :param own_name: the name of the folder that it was copied from.
    """

    path: Path
    meta: dict[str, Any]
    content: str
    own_name: str

    @property
    def name(self) -> str:
        """The job's name; its folder's, where it has none."""
        return str(self.meta.get("name") or self.own_name)

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
        if not meta.get("name"):
            meta["name"] = self.own_name
        with writing(self.path / META):
            (self.path / META).write_text(json.dumps(meta, indent=2), encoding="utf-8")
        return self.path


def copy_job_folder(
    source: Any, folder: Path, read_meta: ReadMeta, overrides: Mapping[str, Any] | None = None
) -> JobFolder:
    """Copy a job's folder, because the client library writes into what it submits.

    :param source: the job's folder, or a zip or tar of it: a ``pathlib.Path`` or one of its kin, such as Airflow's
        ``ObjectStoragePath``. The job may be all of it, or in a folder of it.
    :param folder: where to: the copy gets the name of the job's own folder, as far as FLARE takes that.
    :param read_meta: reads what the copy says of the job.
    :param overrides: see :class:`MetaOverrides`.
    :raises JobDefinitionError: it is no job, several, or not a clear one, or the overrides are none.
    :raises StorageFailed: the target cannot be written.
    """
    try:
        name, copy = _copy(as_it_is_now(source), folder)
    except (JobDefinitionError, StorageFailed):
        raise
    except ArchiveError as error:
        raise JobDefinitionError(f"The FLARE job at {source} is {error}.") from None
    except UnclearFolder as error:
        raise JobDefinitionError(f"The FLARE job at {source} cannot be taken as it is: {error}. Remove that.") from None
    except Exception as error:  # object stores pass on whatever their libraries raise
        raise storage_error(error, JobDefinitionError)(
            f"Cannot read the FLARE job at {source}: {type(error).__name__}: {error}"
        ) from error
    try:
        read = read_meta(copy)
    except JobDefinitionError as error:
        raise JobDefinitionError(f"Cannot read the FLARE job at {source}. {error}") from error
    meta = _overridden(read.meta, overrides or {})
    content = _content(copy, meta, read.file)
    if read.file != META:
        # FLARE would read meta.json alone, which named() writes.
        (copy / read.file).unlink()
    return JobFolder(copy, meta, content, name)


def _copy(source: Any, folder: Path) -> tuple[str, Path]:
    if is_folder(source) or not source.is_file():
        # No deeper: it may be a whole bucket.
        job = _only_job(jobs_in(source, levels=2) if is_folder(source) else [], source, source)
        return _copy_as(folder_name(job), job, folder)
    with source.open("rb") as archive, unpacked(archive, folder) as top:
        job = _only_job(jobs_in(top), source, top)
        return _copy_as(without_suffixes(folder_name(source)) if job == top else folder_name(job), job, folder)


def _only_job(found: list[Any], source: Any, top: Any) -> Any:
    if len(found) > 1:
        names = ", ".join(sorted(str(job).removeprefix(str(top)).strip("/") for job in found))
        raise JobDefinitionError(f"There are {len(found)} FLARE jobs at {source}: {names}. Give one of them.")
    if not found:
        inside = names_in(top)[:SHOWN_NAMES] if is_folder(top) else []
        raise JobDefinitionError(
            f"There is no FLARE job at {source}{', which holds ' if inside else ''}{', '.join(inside)}: a job is a "
            f"folder (or a zip or tar of it) that holds {META}, or meta.conf or meta.yml, and the folders of its apps."
        )
    return found[0]


def _copy_as(name: str, job: Any, folder: Path) -> tuple[str, Path]:
    copy = folder / name_for_flare(name)
    copy_folder(job, copy, leave_out=SIGNATURES)
    return name or copy.name, copy


def _overridden(meta: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    try:
        changes = MetaOverrides.model_validate(dict(overrides)).model_dump(exclude_unset=True)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise JobDefinitionError(f"The job's meta cannot be changed so: {faults}") from None
    if "custom_props" in changes:
        there = meta.get("custom_props")
        changes["custom_props"] = (there if isinstance(there, dict) else {}) | changes["custom_props"]
    meta = meta | changes
    if not isinstance(meta.get("custom_props") or {}, dict):
        raise JobDefinitionError(
            f"The job's custom_props are a {type(meta['custom_props']).__name__}, and have to be an object: they tell "
            "the job from others when it is looked for."
        )
    return meta


def _content(folder: Path, meta: dict[str, Any], meta_file: str) -> str:
    digest = hashlib.sha256(json.dumps(meta, sort_keys=True).encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != folder / meta_file:
            with path.open("rb") as file:
                digest.update(f"{path.relative_to(folder).as_posix()}\0{sha256_of(file)}\n".encode())
    return digest.hexdigest()
