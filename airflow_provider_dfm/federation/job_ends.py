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
from collections.abc import Collection, Mapping

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
from airflow_provider_dfm.federation.job_status import SUCCESS

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


def error_of_status(
    status: str, refusals: Collection[str] = (), otherwise: type[JobFailed] = WorkFailed
) -> type[JobFailed]:
    """The error that FLARE's status of an ended job alone is.

    :param status: FLARE's.
    :param refusals: why the federation could not run it.
    :param otherwise: for a status that says no more than that it failed.
    """
    if status == "FINISHED:FAILED_TO_RUN" and any(sign in refusal for refusal in refusals for sign in _REFUSALS):
        return JobRefused
    return _BY_STATUS.get(status, otherwise)


def error_of_pipeline(
    status: str, raised: bool, failed_sites: Mapping[str, str], refusals: Collection[str]
) -> type[JobFailed]:
    """The error that the end of a pipeline's job is.

    :param status: FLARE's.
    :param raised: whether an operation raised something.
    :param failed_sites: site to the reason that its part of the job failed.
    :param refusals: why the federation could not run it.
    """
    died = [site for site, reason in failed_sites.items() if _DIED.search(reason)]
    late = [site for site, reason in failed_sites.items() if _OUT_OF_TIME.search(reason)]
    if raised or len(died) + len(late) < len(failed_sites):
        otherwise: type[JobFailed] = WorkFailed
    elif late and not died:
        otherwise = SiteTimedOut
    else:
        otherwise = SiteDied if died or status == RAISED else WorkFailed
    return error_of_status(status, refusals, otherwise)


def follows_from_abort(reason: str) -> bool:
    """Whether what an operation or a site says is only that it was stopped."""
    return _OF_THE_ABORT in reason


def in_words(status: str, came: str) -> str:
    """How a job ended, for its error.

    :param status: FLARE's.
    :param came: what came of it, or ``""``.
    """
    if status == SUCCESS:
        return f"did not do its work, although FLARE calls it completed{f': {came}' if came else ''}"
    return f"ended as {status}{f': {came}' if came else ''}"
