"""What a federation stores about a job."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from typing import Any

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from airflow_provider_dfm.federation.answers import read_answer
from airflow_provider_dfm.federation.errors import UnreadableAnswer
from airflow_provider_dfm.federation.job_note import JobNote, read_note
from airflow_provider_dfm.federation.job_status import JobStatus
from airflow_provider_dfm.federation.plain_json import plain_json

logger = logging.getLogger(__name__)

# What has not been given to any site yet.
WAITING = ("SUBMITTED", "APPROVED")
# A server that runs as many jobs as it may leaves the others alone, and notes nothing of that:
# nvflare/app_common/job_schedulers/job_scheduler.py, _exceed_max_jobs.
NOT_TRIED = "it has not tried to yet, as while it runs as many jobs at once as it may"


class JobMeta(BaseModel):
    """A job's meta, as ``get_job_meta`` and ``list_jobs`` give it; what has no field here is an attribute too.

    Whoever submits a job writes most of it, and FLARE takes nearly anything: what does not fit a field leaves it at its
    default, except the id and the status. Characters that neither JSON nor a database knows are replaced.

    A list that is not detailed has ``job_id``, ``name``, ``status``, ``submit_time`` and ``duration`` only.

    :param job_id: the job.
    :param name: its name; a number as its text.
    :param status: FLARE's status, such as ``RUNNING`` or ``FINISHED:COMPLETED``.
    :param submit_time: when the server took it; one that names no zone is taken for one in UTC, as all times here.
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
    :param failed: whether it is known not to have done its work, whatever its status; never read from a federation.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    job_id: str = Field(min_length=1)
    name: str = Field("", validation_alias=AliasChoices("name", "job_name"), coerce_numbers_to_str=True)
    status: str = Field(min_length=1)
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

    @model_validator(mode="before")
    @classmethod
    def _make_plain(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {plain_json(key): plain_json(part) for key, part in value.items()}

    @field_validator("submit_time", "last_schedule_time")
    @classmethod
    def _read_time(cls, value: datetime | None) -> datetime | None:
        return value.replace(tzinfo=timezone.utc) if value is not None and value.tzinfo is None else value

    @field_validator("deploy_detail", mode="before")
    @classmethod
    def _read_deploy_detail(cls, value: Any) -> Any:
        """The server's own form is a list of ``site: what became of it``: nvflare/private/fed/server/job_runner.py."""
        if not isinstance(value, list):
            return value
        parts = [str(line).partition(":") for line in value]
        return {site.strip(): detail.strip() for site, _, detail in parts}

    # The last one is the outermost, and so sees what the others do not take.
    @field_validator("*", mode="wrap")
    @classmethod
    def _leave_at_default(cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        try:
            return handler(value)
        except ValueError:
            field = cls.model_fields[str(info.field_name)]
            if field.is_required():
                raise
            return field.get_default(call_default_factory=True)

    @property
    def state(self) -> JobStatus:
        """What the status stands for."""
        return JobStatus.of(self.status)

    @property
    def has_ended(self) -> bool:
        """Whether the job has ended, well or not."""
        return self.state.has_ended

    @property
    def note(self) -> JobNote:
        """What this provider put into ``custom_props``; an empty one for a job of somebody else's.

        :raises JobMetaError: there is something else in its place.
        """
        return read_note(self.custom_props, f"job {self.job_id} ({self.name})")

    @property
    def why_it_could_not_run(self) -> tuple[str, ...]:
        """What the server noted of a job that it could not start: which sites refused it, or why none took it."""
        tries = self._tries
        return (*self._refusals, *(dict.fromkeys(tries) if tries[-1:] != ["scheduled"] else ()))

    @property
    def why_it_waits(self) -> str:
        """Why the server has not started the job yet, by its last try; ``""`` for a job that has been started.

        Of a list that is not detailed, nothing can be told: it is ``""`` there, too.
        """
        if self.status not in WAITING:
            return ""
        said = [*self._refusals, *(line for line in self._tries[-1:] if line != "scheduled")]
        # Every job's whole meta has a deploy_map.
        return "; ".join(said) or (NOT_TRIED if self.deploy_map else "")

    @property
    def _refusals(self) -> list[str]:
        return [f"{site}: {why}" if why else site for site, why in self.deploy_detail.items() if why != "OK"]

    @property
    def _tries(self) -> list[str]:
        # "2026-11-24 18:33:09: what came of it"
        return [line.partition(": ")[2] for line in self.schedule_history]

    @property
    def site_names(self) -> list[str]:
        """``server`` and the sites that the job was brought to, or was meant for by name."""
        # Some lines of the server's speak of no site: "num_ok_sites 0 < required_min_sites 1".
        deployed = [site for site, detail in self.deploy_detail.items() if detail and site != "invalid_clients"]
        meant = [site for sites in self.deploy_map.values() if isinstance(sites, list) for site in sites]
        names = ["server", *deployed, *(site for site in meant if isinstance(site, str) and not site.startswith("@"))]
        return list(dict.fromkeys(names))


def read_job_meta(answer: Any, request: str) -> JobMeta:
    """A job's meta as the federation gave it.

    :param answer: as it came.
    :param request: what was asked.
    :raises UnreadableAnswer: it names no job, or no status.
    """
    if isinstance(answer, dict):
        answer = {key: value for key, value in answer.items() if key != "failed"}
    return read_answer(JobMeta, answer, request)


def read_job_list(answer: Any, request: str) -> list[JobMeta]:
    """The jobs of a list. An entry without an id or a status is logged and left out: it is not the others' trouble.

    :param answer: as it came.
    :param request: what was asked.
    :raises UnreadableAnswer: it is no list.
    """
    jobs = []
    for entry in read_answer(list[Any], answer, request):
        try:
            jobs.append(read_job_meta(entry, request))
        except UnreadableAnswer as error:
            name = {key: entry.get(key) for key in ("job_id", "name")} if isinstance(entry, dict) else type(entry)
            logger.warning("A job is left out of the list, %.200r: %s", name, error)
    return jobs
