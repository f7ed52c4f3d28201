"""How a job fares at each site of its federation."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from airflow_provider_dfm.federation.answers import read_answer
from airflow_provider_dfm.federation.errors import FederationError, PermanentFederationError, SitesMissing
from airflow_provider_dfm.federation.job_logs import JobLogs, error_lines, lines_of

if TYPE_CHECKING:
    from airflow_provider_dfm.federation.flare_commands import FlareCommands
    from airflow_provider_dfm.federation.job_meta import JobMeta

SERVER = "server"
STARTED = "started"
# A site that does not answer holds up the others this long at most.
ERROR_SECONDS = 10.0


class SiteState(BaseModel, frozen=True):
    """A job at the server or at a site.

    :param deploy: ``OK``; why the job could not be brought there; ``""``: that was not tried.
    :param state: FLARE's word for what the job's process does there, such as ``started``; ``""``: nothing runs there.
    :param errors: the last lines of its errors.
    :param unread: why its errors could not be read, or ``""``.
    """

    deploy: str = ""
    state: str = ""
    errors: list[str] = []
    unread: str = ""


def job_sites(
    commands: FlareCommands, meta: JobMeta, lines: int, server_log: JobLogs | None = None
) -> dict[str, SiteState]:
    """The state of a job at the server and at each site.

    :param commands: the open session.
    :param meta: the job's meta.
    :param lines: the last so many lines of each one's errors.
    :param server_log: the server's log, where it is known.
    """
    names = meta.site_names
    states = {} if meta.has_ended else _states(commands, meta.job_id)
    logs, unread = _errors(commands, meta, lines, server_log)
    if any(state == STARTED for name, state in states.items() if name != SERVER):
        noted = _noted(commands, meta.job_id)
        logs |= {name: texts for name, texts in noted.items() if not logs.get(name)}
        unread = {name: reason for name, reason in unread.items() if not noted.get(name)}
    return {
        name: SiteState(
            deploy=meta.deploy_detail.get(name, ""),
            state=states.get(name, ""),
            errors=logs.get(name, [])[-lines:] if lines else [],
            unread=unread.get(name, ""),
        )
        for name in names
    }


def _states(commands: FlareCommands, job_id: str) -> dict[str, str]:
    states = {}
    with contextlib.suppress(PermanentFederationError, SitesMissing):
        for job in commands.get_client_job_status():
            if job.get("job_id") == job_id:
                states[str(job.get("client_name"))] = str(job.get("status", ""))
    with contextlib.suppress(PermanentFederationError):
        if job_id in [job.job_id for job in commands.get_system_info().running_jobs]:
            states[SERVER] = STARTED
    return states


def _errors(
    commands: FlareCommands, meta: JobMeta, lines: int, server_log: JobLogs | None
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """The errors of the server and of each site the job was brought to, and why some cannot be read."""
    job_id = meta.job_id
    # Of what never was there, nobody needs to be asked.
    asked = [name for name in meta.site_names if meta.deploy_detail.get(name) == "OK"]
    from_server = [name for name in asked if name == SERVER and meta.has_ended]
    sites = [name for name in asked if name not in from_server]
    found = JobLogs()
    if sites:
        options = {"sites": sites, "lines": lines, "seconds": ERROR_SECONDS}
        answer = commands.ask("get_error_logs", job_id=job_id, **options)
        found = read_answer(JobLogs, answer, f"get_error_logs of job {job_id}")
    errors = {name: [line for line in lines_of(text) if line.strip()] for name, text in found.logs.items()}
    unread = dict(found.unavailable)
    if from_server:
        # The server moves its error log away at the end.
        known = server_log or commands.get_job_logs(job_id)
        errors |= {name: [line for line in error_lines(text) if line.strip()] for name, text in known.logs.items()}
        unread |= known.unavailable
    return errors, unread


def _noted(commands: FlareCommands, job_id: str) -> dict[str, list[str]]:
    """The errors and warnings that the parts of a running job have noted.

    Not to be asked before a site has started: the job's process at the server answers commands before it has an engine,
    and an exception of nvflare's own goes into the job's error log
    (``nvflare/private/fed/server/server_commands.py``, ``GetErrorsCommand``).
    """
    try:
        noted = read_answer(dict[str, Any], commands.show_errors(job_id) or {}, f"show_errors of job {job_id}")
    except FederationError:
        # While its process starts and ends, a running job counts as unknown.
        return {}
    return {
        name: [
            f"{part}: {kind}: {text}"
            for part, kinds in parts.items()
            if isinstance(kinds, dict)
            for kind, text in kinds.items()
        ]
        for name, parts in noted.items()
        if isinstance(parts, dict)
    }
