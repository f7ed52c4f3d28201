"""Functions that look at jobs, for the tests of the sensor."""

from __future__ import annotations

from airflow_provider_dfm.federation.job_meta import JobMeta


def stop_once_running(job_id: str, meta: JobMeta, status: str) -> bool:
    """Ends the wait as soon as the job has a status."""
    assert job_id == meta.job_id
    return meta.status != status
