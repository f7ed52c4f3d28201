"""What a job that failed tells of itself: for the task's log, and in short for its error."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow_provider_dfm.federation.answers import read_answer
from airflow_provider_dfm.federation.errors import CommandTimedOut, FederationError
from airflow_provider_dfm.federation.job_logs import JobLogs, last_error, lines_of, shown, with_levels
from airflow_provider_dfm.federation.job_sites import SERVER, SiteState, job_sites

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
    error: FederationError, hook: DfmHook, job_id: str, log: Logger, log_shown: bool = False
) -> FederationError:
    """Log what the federation knows of a job that failed, and put the gist of it into the error.

    :param error: says that it failed.
    :param hook: the connection's.
    :param job_id: the job.
    :param log: the task's.
    :param log_shown: whether the task's log has the server's log already.
    :return: an error of the same class; the one that was given, where nothing more can be found out.
    """
    try:
        if hook.settings.target != "flare":
            return error
        meta = hook.get_job_meta(job_id)
        server_log = _server_log(hook, meta)
        sites = job_sites(hook, meta, ERROR_LINES, server_log)
    except Exception as fault:  # the job's own failure is what counts
        log.warning("Why job %s failed cannot be asked now: %s: %s", job_id, type(fault).__name__, fault)
        return error
    _tell(meta, sites, None if log_shown else server_log, log)
    reasons = _reasons(sites, str(error))
    if not reasons:
        return error
    return type(error)(f"{error} From the federation: {'; '.join(reasons)}.").with_traceback(error.__traceback__)


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


def _tell(meta: JobMeta, sites: dict[str, SiteState], server_log: JobLogs | None, log: Logger) -> None:
    """Log where the job was brought, the end of the server's log, and the errors of each site."""
    for name, detail in meta.deploy_detail.items():
        log.log(logging.INFO if detail == "OK" else logging.ERROR, "%s | deployed: %s", shown(name), shown(detail))
    if server_log is not None:
        _tell_lines(SERVER, lines_of(server_log.logs.get(SERVER, ""))[-LOG_LINES:], log)
    for name, site in sites.items():
        # The server's own errors are in its log.
        if name != SERVER:
            _tell_lines(name, site.errors, log)
        if site.unread:
            log.warning("%s | its log cannot be read: %s", name, shown(site.unread))


def _tell_lines(name: str, lines: list[str], log: Logger) -> None:
    for level, line in with_levels(lines):
        if line.strip():
            log.log(level, "%s | %s", name, shown(line))


def _reasons(sites: dict[str, SiteState], message: str) -> list[str]:
    """What each site and the server raised last, in short; nothing where the message has a site's reason already."""
    if any(f"site {name}:" in message for name in sites):
        return []
    # What a site says comes first: the server's errors mostly follow from it.
    names = sorted(sites, key=lambda name: name == SERVER)
    said = {name: last_error(sites[name].errors) for name in names}
    reasons = [
        f"{'the server' if name == SERVER else f'site {name}'}: {shown(error, SHOWN_CHARACTERS)}"
        for name, error in said.items()
        if error
    ]
    more = [f"and {len(reasons) - SHOWN_REASONS} more"] if len(reasons) > SHOWN_REASONS else []
    return reasons[:SHOWN_REASONS] + more
