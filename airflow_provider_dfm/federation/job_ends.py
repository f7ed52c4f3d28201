"""Which error the end of a job is: what a retry policy goes by.

| FLARE's status, ``FINISHED:…`` | and | error | branch |
|---|---|---|---|
| ABORTED | | ``JobAborted`` | permanent |
| CAN_NOT_SCHEDULE | | ``JobNotStarted`` | transient |
| FAILED_TO_RUN | a site does not allow the job | ``JobRefused`` | permanent |
| FAILED_TO_RUN | anything else kept it from being brought to its sites | ``JobNotStarted`` | transient |
| ABANDONED | | ``JobLost`` | transient |
| RUNNING, says the server, which does not run it | | ``JobLost`` | transient |
| ABNORMAL | | ``SiteDied`` | transient |
| any other | an operation, a site or the server raised something | ``WorkFailed`` | permanent |
| any other | sites died or could not be reached any more, and nothing else went wrong | ``SiteDied`` | transient |
| any other | sites were out of the federation's time for the job | ``SiteTimedOut`` | transient |
| EXECUTION_EXCEPTION | a pipeline, of which nobody noted a reason: the job's process at the server died | ``SiteDied`` | transient |
| EXECUTION_EXCEPTION | a plain FLARE job: FLARE does not tell a death from an exception | ``WorkFailed`` | permanent |
| COMPLETED | results are missing, or hold pickles | ``ResultsIncomplete``, ``UnsafeResult`` | permanent |
"""  # noqa: E501

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from airflow_provider_dfm.federation.errors import (
    JobAborted,
    JobFailed,
    JobLost,
    JobNotStarted,
    JobRefused,
    SiteDied,
    SiteTimedOut,
    WorkFailed,
)
from airflow_provider_dfm.federation.job_logs import in_one_line
from airflow_provider_dfm.federation.job_status import SUCCESS

if TYPE_CHECKING:
    from airflow_provider_dfm.federation.job_meta import JobMeta
    from airflow_provider_dfm.federation.tokens import AdapterError

SHOWN = 5
REASON_CHARACTERS = 5000
BY_SOMEBODY = "somebody aborted it, or the federation did"
ABORTED = "FINISHED:ABORTED"
RAISED = "FINISHED:EXECUTION_EXCEPTION"
_BY_STATUS: dict[str, type[JobFailed]] = {
    ABORTED: JobAborted,
    "FINISHED:CAN_NOT_SCHEDULE": JobNotStarted,
    "FINISHED:FAILED_TO_RUN": JobNotStarted,
    "FINISHED:ABANDONED": JobLost,
    "FINISHED:ABNORMAL": SiteDied,
}
# nvflare/private/fed/utils/app_deployer.py and app_authz.py
_REFUSALS = ("not authorized", "BYOC not permitted", "unauthorized")
# What the job's own parts write of a site: remote/job_components.py and frame_feeder.py.
_OUT_OF_TIME = re.compile(r"did not finish within \d+ s$")
_DIED = re.compile(r"^died, or went away|(^|: )(a token for place .*|parameter sets that were sent) did not reach ")
# What an event loop that is stopped under an operation says: nv_dfm_core notes that as the operation's own error.
_OF_THE_ABORT = "Event loop stopped before Future completed"


def check_status(meta: JobMeta) -> None:
    """Make sure that FLARE calls a job completed.

    :param meta: the job's meta, as the server has it.
    :raises JobFailed: it has another status.
    """
    if meta.status == SUCCESS:
        return
    reasons = [*([BY_SOMEBODY] if meta.status == ABORTED else []), *meta.why_it_could_not_run]
    ended = f"Job {meta.job_id} ({meta.name}) {in_words(meta.status)}."
    raise _error(meta.status, meta.why_it_could_not_run, WorkFailed)(_reason_first(reasons, ended))


def failed_pipeline(
    job: str,
    status: str,
    raised: Collection[AdapterError],
    failed_sites: Mapping[str, str],
    refusals: Collection[str],
    came: str,
) -> JobFailed:
    """The error of a pipeline's job that failed.

    :param job: names it.
    :param status: FLARE's.
    :param raised: what operations raised.
    :param failed_sites: site to the reason that its part of the job failed.
    :param refusals: why the federation could not run it.
    :param came: what came of it, in words.
    """
    reasons = [f"site {site}: {reason}" for site, reason in failed_sites.items()] + [str(error) for error in raised]
    if status == ABORTED:
        reasons = [BY_SOMEBODY, *(reason for reason in reasons if _OF_THE_ABORT not in reason)]
    kind = _error(status, refusals, WorkFailed if raised else _error_of_sites(status, failed_sites))
    return kind(_reason_first([*reasons, *refusals], f"{job} {in_words(status)}: {came}."))


def first_of(parts: Sequence[str]) -> str:
    """The first few of many, for a message."""
    more = f"; and {len(parts) - SHOWN} more" if len(parts) > SHOWN else ""
    return "; ".join(parts[:SHOWN]) + more


def in_words(status: str) -> str:
    """How a job ended that did not do its work.

    :param status: FLARE's.
    """
    return "did not do its work, although FLARE calls it completed" if status == SUCCESS else f"ended as {status}"


def _error(status: str, refusals: Collection[str], otherwise: type[JobFailed]) -> type[JobFailed]:
    """The error that a status is; ``otherwise`` for one that says no more than that the job failed."""
    if status == "FINISHED:FAILED_TO_RUN" and any(sign in refusal for refusal in refusals for sign in _REFUSALS):
        return JobRefused
    return _BY_STATUS.get(status, otherwise)


def _error_of_sites(status: str, failed_sites: Mapping[str, str]) -> type[JobFailed]:
    died = sum(1 for reason in failed_sites.values() if _DIED.search(reason))
    late = sum(1 for reason in failed_sites.values() if _OUT_OF_TIME.search(reason))
    if died + late < len(failed_sites):
        return WorkFailed
    if late and not died:
        return SiteTimedOut
    return SiteDied if died or status == RAISED else WorkFailed


def _reason_first(reasons: Sequence[str], ended: str) -> str:
    # Other people's sites gave them.
    reasons = [in_one_line(reason, REASON_CHARACTERS) for reason in reasons]
    return f"{first_of(reasons)}. {ended}" if reasons else ended
