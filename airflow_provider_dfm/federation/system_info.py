"""The state of a federation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, model_validator

from airflow_provider_dfm.federation.plain_json import plain_json


class Site(BaseModel, frozen=True):
    """A site that is connected.

    :param name: its name.
    :param last_connect_time: when the server last heard of it.
    """

    name: str
    last_connect_time: datetime | None = None


class RunningJob(BaseModel, frozen=True):
    """A job that the server runs.

    :param job_id: the job.
    :param app_name: its app at the server.
    """

    job_id: str
    app_name: str = ""


class SystemInfo(BaseModel, frozen=True):
    """What ``get_system_info`` gives; characters that neither JSON nor a database knows are replaced.

    :param server_status: the server's own word for its state; a healthy idle server says ``stopped``.
    :param server_start_time: when it was started.
    :param sites: the connected sites, by name.
    :param running_jobs: the jobs that it runs.
    """

    server_status: str
    server_start_time: datetime
    sites: tuple[Site, ...]
    running_jobs: tuple[RunningJob, ...]

    @model_validator(mode="before")
    @classmethod
    def _make_plain(cls, value: Any) -> Any:
        return plain_json(value)

    @property
    def site_names(self) -> list[str]:
        """The connected sites' names."""
        return [site.name for site in self.sites]
