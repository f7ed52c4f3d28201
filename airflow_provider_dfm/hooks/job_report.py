"""What a job that failed tells of itself: for the task's log, and in short for its error."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import TYPE_CHECKING

from airflow_provider_dfm.federation.answers import read_answer
from airflow_provider_dfm.federation.errors import CommandTimedOut, FederationError, JobAborted
from airflow_provider_dfm.federation.job_logs import JobLogs, last_error, lines_of, shown, with_levels
from airflow_provider_dfm.federation.job_sites import SERVER, SiteState, job_sites
from airflow_provider_dfm.federation.results import is_pipeline_job
from airflow_provider_dfm.remote.foreign_text import fit

if TYPE_CHECKING:
    from airflow.sdk.types import Logger

    from airflow_provider_dfm.federation.job_meta import JobMeta
    from airflow_provider_dfm.hooks.dfm import DfmHook

LOG_LINES = 20
ERROR_LINES = 20
# A server of nvflare 2.6 or 2.7 has its log in the stored job only, which may be large.
SERVER_SECONDS = 20.0
SHOWN_REASONS = 5
SHOWN_CHARACTERS = 300


def explain(
    error: FederationError, hook: DfmHook, job_id: str, log: Logger, shown_lines: Collection[str] | None = None
) -> FederationError:
    """Log what the federation knows of a job that failed, and put the gist of it into the error.

    What failed comes first: the traceback of each operation that raised something, then each site's errors, then the
    warnings and errors of the server, which mostly follow from them. Of a job that was aborted there is nothing to
    tell: all that its sites say follows from that.

    :param error: says that it failed.
    :param hook: the connection's.
    :param job_id: the job.
    :param log: the task's.
    :param shown_lines: the warnings and errors of the server's log that the task's log has already; None: it has
        nothing of it.
    :return: an error of the same class; the one that was given, where nothing more can be found out.
    """
    if isinstance(error, JobAborted):
        return error
    try:
        meta = hook.get_job_meta(job_id)
        told = is_pipeline_job(meta) and _tell_operations(hook, job_id, log)
        if hook.settings.target != "flare":
            return error
        server_log = _server_log(hook, meta)
        sites = job_sites(hook, meta, ERROR_LINES, server_log)
    except Exception as fault:  # the job's own failure is what counts
        log.warning("Why job %s failed cannot be asked now: %s: %s", job_id, type(fault).__name__, fit(str(fault)))
        return error
    told = _tell_sites(meta, sites, log) or told
    _tell_server(lines_of(server_log.logs.get(SERVER, "")), shown_lines, told, log)
    reasons = _reasons(sites, str(error))
    if not reasons:
        return error
    return type(error)(f"{'; '.join(reasons)}. {error}").with_traceback(error.__traceback__)


def _server_log(hook: DfmHook, meta: JobMeta) -> JobLogs:
    if meta.deploy_detail.get(SERVER) != "OK":
        return JobLogs(unavailable={SERVER: "the job did not run there"})
    options = {"targets": [SERVER], "tail_lines": None, "grep_pattern": None}
    try:
        answer = hook.ask("get_job_logs", timeout=SERVER_SECONDS, job_id=meta.job_id, **options)
        return read_answer(JobLogs, answer, f"get_job_logs of job {meta.job_id}")
    except CommandTimedOut as error:
        # The session's host was ended; the sites are asked in another.
        hook.close()
        return JobLogs(unavailable={SERVER: str(error)})


def _tell_operations(hook: DfmHook, job_id: str, log: Logger) -> bool:
    """Log what operations raised; says whether there is something."""
    try:
        errors = hook.results(job_id).outcome.errors
    except FederationError:
        # That is what the job's error says.
        return False
    for error in errors:
        for line in error.trace.splitlines():
            log.error("%s | %s", shown(error.site), shown(line))
    return bool(errors)


def _tell_sites(meta: JobMeta, sites: dict[str, SiteState], log: Logger) -> bool:
    """Log where the job could not be brought, and the errors of each site; says whether there is something."""
    for name, detail in meta.deploy_detail.items():
        if detail != "OK":
            log.error("%s | deployed: %s", shown(name), shown(detail))
    for name, site in sites.items():
        # The server's own errors are in its log.
        if name != SERVER:
            for level, line in with_levels(site.errors):
                log.log(level, "%s | %s", name, shown(line))
        if site.unread:
            log.warning("%s | its log cannot be read: %s", name, shown(site.unread))
    refused = any(detail != "OK" for detail in meta.deploy_detail.values())
    return refused or any(site.errors for name, site in sites.items() if name != SERVER)


def _tell_server(lines: list[str], shown_lines: Collection[str] | None, told: bool, log: Logger) -> None:
    """Log the server's last warnings and errors; the end of its log where nobody says what failed."""
    leveled = [(level, line) for level, line in with_levels(lines) if line.strip()]
    grave = [(level, line) for level, line in leveled if level >= logging.WARNING]
    if not grave and not told and shown_lines is None:
        grave = leveled
    for level, line in [(level, line) for level, line in grave if line not in (shown_lines or ())][-LOG_LINES:]:
        log.log(level, "%s | %s", SERVER, shown(line))


def _reasons(sites: dict[str, SiteState], message: str) -> list[str]:
    """What each site raised last, in short, or else the server; nothing where the message has a site's reason."""
    if any(f"site {name}:" in message for name in sites):
        return []
    said = {name: last_error(site.errors) for name, site in sites.items()}
    reasons = [
        f"site {name}: {shown(error, SHOWN_CHARACTERS)}" for name, error in said.items() if error and name != SERVER
    ]
    if not reasons and said.get(SERVER):
        # Its errors follow from the sites', where these have any.
        reasons = [f"the server: {shown(said[SERVER], SHOWN_CHARACTERS)}"]
    more = [f"and {len(reasons) - SHOWN_REASONS} more"] if len(reasons) > SHOWN_REASONS else []
    return reasons[:SHOWN_REASONS] + more
