"""What a poll saw, in short."""

from __future__ import annotations

from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.hooks.job_watch import Snapshot


def jobs_of(statuses: dict[str, str | None], **meta) -> dict[str, JobMeta | None]:
    """Jobs by their statuses; None for one that nobody knows."""
    return {
        job_id: None if status is None else JobMeta(job_id=job_id, status=status, **meta)
        for job_id, status in statuses.items()
    }


def snapshot(statuses: dict[str, str | None], lost: frozenset[str] = frozenset(), **meta) -> Snapshot:
    """A poll that saw jobs in these states."""
    return Snapshot(jobs_of(statuses, **meta), lost)


def statuses(snapshot: Snapshot) -> dict[str, str | None]:
    """The jobs' statuses in a snapshot."""
    return {job_id: meta and meta.status for job_id, meta in snapshot.jobs.items()}
