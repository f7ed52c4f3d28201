"""A FLARE job's folder, as a DAG author gives it and as it is submitted."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_dfm.federation.errors import JobDefinitionError
from airflow_provider_dfm.federation.folder_copy import copy_folder
from airflow_provider_dfm.federation.job_meta import CUSTOM_PROPERTY

META = "meta.json"
# The client library leaves these in every folder that it submits: nvflare/lighter/tool_consts.py.
SIGNATURES = (".__nvfl_sig.json", ".__nvfl_submitter.crt")


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
        meta = self.meta | {"job_id": job_id, "custom_props": self.meta.get("custom_props", {}) | properties}
        (self.path / META).write_text(json.dumps(meta, indent=2), encoding="utf-8")
        return self.path


def copy_job_folder(source: Any, target: Path) -> JobFolder:
    """Copy a job's folder, because the client library writes into what it submits.

    :param source: the job's folder: a ``pathlib.Path`` or one of its kin, such as Airflow's ``ObjectStoragePath``.
    :param target: where to; it must not exist yet.
    :raises JobDefinitionError: it is no job's folder.
    """
    try:
        if not (source / META).is_file():
            raise JobDefinitionError(
                f"There is no FLARE job at {source}: a job is a folder that holds {META} and the folders of its apps."
            )
        copy_folder(source, target, leave_out=SIGNATURES)
        meta = json.loads((target / META).read_text(encoding="utf-8"))
    except JobDefinitionError:
        raise
    except Exception as error:  # object stores pass on whatever their libraries raise
        raise JobDefinitionError(f"Cannot read the FLARE job at {source}: {type(error).__name__}: {error}") from error
    if not isinstance(meta, dict):
        raise JobDefinitionError(f"{source / META} holds no JSON object.")
    return JobFolder(target, meta, _content(target, meta))


def _content(folder: Path, meta: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(meta, sort_keys=True).encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != folder / META:
            digest.update(f"{path.relative_to(folder).as_posix()}\0{_sha256(path)}\n".encode())
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
