"""What a federation stores about a job."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator

from airflow_provider_dfm.federation.job_status import JobStatus

# What this provider puts into a job's custom_props.
CUSTOM_PROPERTY = "airflow_provider_dfm"


class JobMeta(BaseModel):
    """A job's meta, as ``get_job_meta`` and ``list_jobs`` give it; what has no field here is an attribute too.

    A list that is not detailed has ``job_id``, ``name``, ``status``, ``submit_time`` and ``duration`` only.

    :param job_id: the job.
    :param name: its name.
    :param status: FLARE's status, such as ``RUNNING`` or ``FINISHED:COMPLETED``.
    :param submit_time: when the server took it.
    :param last_schedule_time: when the server last gave it to its sites; None: it was not yet.
    :param start_time: when it started, in the server's own form and time zone; ``""``: it did not.
    :param duration: how long it ran; None: it has not ended.
    :param deploy_detail: ``server`` or site to ``OK``, or to why the job could not be brought there.
    :param deploy_map: app to the sites that it is meant for.
    :param schedule_history: what came of each try to schedule it, after the time of the try.
    :param min_clients: how many sites have to take part.
    :param mandatory_clients: sites that have to.
    :param custom_props: what whoever submitted it put there.
    :param submitter_name: the FLARE user who submitted it.
    :param cloned_from: the job it is a clone of, or None.
    :param failed: whether it is known not to have done its work, whatever its status.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    job_id: str
    name: str = Field("", validation_alias=AliasChoices("name", "job_name"))
    status: str
    submit_time: datetime | None = None
    last_schedule_time: datetime | None = None
    start_time: str = ""
    duration: timedelta | None = None
    deploy_detail: dict[str, str] = Field({}, validation_alias="job_deploy_detail")
    deploy_map: dict[str, Any] = {}
    schedule_history: tuple[str, ...] = ()
    min_clients: int | None = None
    mandatory_clients: list[str] | None = None
    custom_props: dict[str, Any] = {}
    submitter_name: str = ""
    cloned_from: str | None = None
    failed: bool = False

    @field_validator("duration", mode="before")
    @classmethod
    def _read_duration(cls, value: Any) -> Any:
        return None if value == "N/A" else value

    @field_validator("custom_props", "deploy_map", mode="before")
    @classmethod
    def _read_dict(cls, value: Any) -> Any:
        return value or {}

    @field_validator("schedule_history", mode="before")
    @classmethod
    def _read_schedule_history(cls, value: Any) -> Any:
        return value or ()

    @field_validator("deploy_detail", mode="before")
    @classmethod
    def _read_deploy_detail(cls, value: Any) -> Any:
        """The server's own form is a list of ``site: what became of it``: nvflare/private/fed/server/job_runner.py."""
        if isinstance(value, dict):
            return value
        parts = [str(line).partition(":") for line in value or []]
        return {site.strip(): detail.strip() for site, _, detail in parts}

    @property
    def state(self) -> JobStatus:
        """What the status stands for."""
        return JobStatus.of(self.status)

    @property
    def has_ended(self) -> bool:
        """Whether the job has ended, well or not."""
        return self.state.has_ended

    @property
    def own(self) -> dict[str, Any]:
        """What this provider put into ``custom_props``; empty for a job of somebody else's."""
        own: dict[str, Any] = self.custom_props.get(CUSTOM_PROPERTY, {})
        return own

    @property
    def why_it_could_not_run(self) -> tuple[str, ...]:
        """What the server noted of a job that it could not start: which sites refused it, or why none took it."""
        refusals = [f"{site}: {why}" if why else site for site, why in self.deploy_detail.items() if why != "OK"]
        # "2026-11-24 18:33:09: what came of it"
        tries = [line.partition(": ")[2] for line in self.schedule_history]
        if tries[-1:] != ["scheduled"]:
            refusals += dict.fromkeys(tries)
        return tuple(refusals)

    @property
    def site_names(self) -> list[str]:
        """``server`` and the sites that the job was brought to, or was meant for by name."""
        # Some lines of the server's speak of no site: "num_ok_sites 0 < required_min_sites 1".
        deployed = [site for site, detail in self.deploy_detail.items() if detail and site != "invalid_clients"]
        meant = [site for sites in self.deploy_map.values() if isinstance(sites, list) for site in sites]
        names = ["server", *deployed, *(site for site in meant if isinstance(site, str) and not site.startswith("@"))]
        return list(dict.fromkeys(names))
