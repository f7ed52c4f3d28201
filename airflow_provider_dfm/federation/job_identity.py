"""Jobs' ids: whose job it is, from which its id follows before anything is submitted, and what is no id."""

from __future__ import annotations

import contextlib
import hashlib
import json
import uuid
from dataclasses import astuple, dataclass, replace
from typing import Any

from airflow_provider_dfm.federation.errors import JobNotFound


@dataclass(frozen=True)
class JobIdentity:
    """One task's claim to a job. Every try of the task has the same one, so it finds the job of the try before.

    :param connection: the connection's id.
    :param dag_id: the DAG.
    :param run_id: the DAG run.
    :param task_id: the task.
    :param map_index: index of a mapped task; -1: not mapped.
    :param salt: tells apart what has the same names: the same DAG in two Airflows, a run that was deleted and
        made again.
    :param cycle: another number each time that the task begins anew: it was cleared, or its instance made again.
    """

    connection: str
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    salt: str
    cycle: int

    def job_id(self, attempt: int) -> str:
        """The id of the job.

        FLARE takes over the id that a job's meta.json names, nvflare/apis/impl/job_def_manager.py, ``create``, but
        later finds only version-4 UUIDs.

        :param attempt: counts from 0; the next one is for a job whose predecessor failed.
        """
        digest = hashlib.sha256(json.dumps([*astuple(self), attempt]).encode()).digest()
        return str(uuid.UUID(bytes=digest[:16], version=4))

    def in_cycle(self, cycle: int) -> JobIdentity:
        """The same task's claim in another cycle."""
        return replace(self, cycle=cycle)


def is_same_content(one: str, other: str) -> bool:
    """Whether two jobs do the same.

    :param one: SHA-256 of what a job does, in hexadecimal; several, with spaces between them, of which one has to be
        the other's too: see ``remote/bound_pipeline.py``, ``content``. ``""``: nobody knows.
    :param other: the same of the other job.
    """
    return not set(one.split()).isdisjoint(other.split())


def check_job_id(job_id: Any) -> str:
    """Make sure that a job's id is one, since folders are named by it.

    :param job_id: what a person or a template gave.
    :return: the same.
    :raises JobNotFound: it is no UUID as FLARE writes it.
    """
    with contextlib.suppress(ValueError):
        if isinstance(job_id, str) and str(uuid.UUID(job_id)) == job_id:
            return job_id
    raise JobNotFound(
        f"{job_id!r} is not the id of a job, which is a UUID such as {uuid.UUID(int=0)}. It is the XCom of the task "
        "that submitted the job."
    )
