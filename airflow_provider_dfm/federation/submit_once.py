"""Submits a job once, however often it is tried, and whatever dies between two tries.

No state is needed for that but the federation's own: the job's id is known before the submit, so whoever comes
later looks for it first.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow_provider_dfm.federation import steps
from airflow_provider_dfm.federation.errors import (
    FederationError,
    JobContentConflict,
    is_unnamed,
)
from airflow_provider_dfm.federation.job_identity import JobIdentity, is_same_content
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.job_status import JobStatus

LookUp = Callable[[str], JobMeta | None]


@dataclass(frozen=True)
class Claim:
    """Which job somebody wants to have submitted once.

    :param identity: whose job it is.
    :param given_up: ids of jobs that are called active, but will never end.
    :param partial: whether a job that answered some of its parameter sets is good enough, or some of the advisors that
        it asked.
    """

    identity: JobIdentity
    given_up: tuple[str, ...] = ()
    partial: bool = False


@dataclass(frozen=True)
class Submission:
    """A job that was submitted, or found.

    :param job_id: the job.
    :param found: the meta of a job that was there already; None for a new one.
    """

    job_id: str
    found: JobMeta | None = None


def submit_once(claim: Claim, content: str, look_up: LookUp, submit: Callable[[str, str | None], Any]) -> Submission:
    """Find the claimed job, or submit it.

    A job that is active or has succeeded is the one. One that failed, or was given up, makes room for the next.

    :param claim: which job.
    :param content: SHA-256 of what it is to do, see :func:`is_same_content`.
    :param look_up: gives a job's meta, or None where nobody knows such a job; its ``failed`` counts as well as
        its status.
    :param submit: submits it under an id; gets the id of the last job that failed, too, or None.
    :raises JobContentConflict: the job that is there does something else.
    :raises FederationError: what kept it from being submitted; trying again is safe.
    """
    identity = claim.identity
    refused: FederationError | None = None
    failed: str | None = None
    for attempt in itertools.count():
        job_id = identity.job_id(attempt)
        steps.reached(steps.LOOKING, job_id)
        meta = look_up(job_id)
        # Somebody may have deleted a failed job that has a successor already.
        if meta is None and look_up(identity.job_id(attempt + 1)) is None:
            steps.reached(steps.SUBMITTING, job_id)
            try:
                submit(job_id, failed)
            except FederationError as error:
                meta = look_up(job_id)
                if meta is None and (refused or not _refuses_the_id(error)):
                    raise
                refused = error
            else:
                steps.reached(steps.SUBMITTED, job_id)
                return Submission(job_id)
        if meta is not None and job_id not in claim.given_up and is_wanted(meta):
            _check_content(meta, content)
            return Submission(job_id, meta)
        if meta is not None:
            failed = job_id
    raise AssertionError("unreachable")


def active_jobs(identity: JobIdentity, look_up: LookUp) -> list[str]:
    """The identity's jobs that have not ended."""
    active = []
    for attempt in itertools.count():
        meta = look_up(identity.job_id(attempt))
        if meta is None and look_up(identity.job_id(attempt + 1)) is None:
            break
        if meta is not None and not meta.has_ended:
            active.append(identity.job_id(attempt))
    return active


def _refuses_the_id(error: FederationError) -> bool:
    # A server that died while it stored a job takes no other under its id, and knows none ("nonempty directory":
    # nvflare/app_common/storages/filesystem_storage.py, create_object). nvflare has no error of its own for that.
    return is_unnamed(error)


def is_wanted(meta: JobMeta) -> bool:
    """Whether a job is active or has done its work."""
    return not meta.failed and (meta.state is JobStatus.FINISHED or not meta.has_ended)


def _check_content(meta: JobMeta, content: str) -> None:
    if not is_same_content(meta.note.content, content):
        raise JobContentConflict(
            f"Job {meta.job_id} ({meta.name}, {meta.status}) was submitted by an earlier try of this task, "
            "with another content: the pipeline, its parameter sets, the job's files or the federation's API are "
            "not the same any more. A parameter that is rendered anew at each try, such as the current time, does "
            "that. Clear the task to submit the new content, or put back the old one to take over the job."
        )
