"""Which error each end of a job is, and in which branch of the errors."""

from __future__ import annotations

import pytest
from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from airflow_provider_dfm.federation import errors
from airflow_provider_dfm.federation.errors import PermanentFederationError, TransientFederationError
from airflow_provider_dfm.federation.job_ends import check_status
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.results import read_downloaded_job

from .tokens import end, error, meta, write_job

STOP = end("stop")
DIED = "died, or went away, before it had finished"
NOT_REACHED = (
    "EXECUTION_EXCEPTION: RuntimeError: a token for place 'a' did not reach san_francisco: COMMUNICATION_ERROR"
)
NOT_SENT = "parameter sets that were sent did not reach it: COMMUNICATION_ERROR"
LATE = "did not finish within 60 s"
BROKEN = "EXECUTION_EXCEPTION: ImportError: no such library"

PIPELINES = [
    ("ABORTED", {}, "JobAborted"),
    ("ABORTED", {"seattle": DIED}, "JobAborted"),
    ("CAN_NOT_SCHEDULE", {}, "JobNotStarted"),
    ("FAILED_TO_RUN", {}, "JobNotStarted"),
    ("ABANDONED", {}, "JobLost"),
    ("ABNORMAL", {}, "SiteDied"),
    ("EXECUTION_EXCEPTION", {}, "SiteDied"),
    ("EXECUTION_EXCEPTION", {"seattle": DIED}, "SiteDied"),
    ("EXECUTION_EXCEPTION", {"seattle": NOT_REACHED}, "SiteDied"),
    ("EXECUTION_EXCEPTION", {"seattle": NOT_SENT}, "SiteDied"),
    ("EXECUTION_EXCEPTION", {"seattle": LATE}, "SiteTimedOut"),
    ("EXECUTION_EXCEPTION", {"seattle": LATE, "san_francisco": DIED}, "SiteDied"),
    ("EXECUTION_EXCEPTION", {"seattle": BROKEN}, "WorkFailed"),
    ("EXECUTION_EXCEPTION", {"seattle": BROKEN, "san_francisco": DIED}, "WorkFailed"),
    ("COMPLETED", {"seattle": BROKEN}, "WorkFailed"),
    ("COMPLETED", {"seattle": DIED}, "SiteDied"),
]
TRANSIENT = ("JobNotStarted", "JobLost", "SiteDied", "SiteTimedOut")


@pytest.mark.parametrize(("status", "failures", "name"), PIPELINES)
def test_the_end_of_a_pipeline(tmp_path, status, failures, name):
    outcome = read_downloaded_job(write_job(tmp_path, failures=failures), meta(f"FINISHED:{status}")).outcome
    failure = outcome.failure()
    assert type(failure).__name__ == name
    assert isinstance(failure, TransientFederationError if name in TRANSIENT else PermanentFederationError)
    assert isinstance(failure, errors.JobFailed)


@pytest.mark.parametrize("status", ["COMPLETED", "EXECUTION_EXCEPTION"])
def test_an_operation_that_raised_is_permanent_whatever_else_happened(tmp_path, status):
    folder = write_job(tmp_path, error("no data"), STOP, failures={"seattle": DIED})
    failure = read_downloaded_job(folder, meta(f"FINISHED:{status}")).outcome.failure()
    assert type(failure) is errors.WorkFailed


@pytest.mark.parametrize(
    ("detail", "kind"),
    [
        ("seattle: BYOC not permitted", errors.JobRefused),
        ("seattle: not authorized", errors.JobRefused),
        ("seattle: exception_occurred: disk is full", errors.JobNotStarted),
    ],
)
def test_a_job_that_could_not_be_brought_to_its_sites(detail, kind):
    job = JobMeta(job_id="1", name="fedavg", status="FINISHED:FAILED_TO_RUN", job_deploy_detail=["server: OK", detail])
    with pytest.raises(kind, match=f"^{detail}. Job 1 .fedavg. ended as FINISHED:FAILED_TO_RUN"):
        check_status(job)


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (
            "ABORTED",
            errors.JobAborted,
            "somebody aborted it, or the federation did. Job 1 (a) ended as FINISHED:ABORTED.",
        ),
        ("EXECUTION_EXCEPTION", errors.WorkFailed, "Job 1 (a) ended as FINISHED:EXECUTION_EXCEPTION."),
        ("ABNORMAL", errors.SiteDied, "Job 1 (a) ended as FINISHED:ABNORMAL."),
        ("ABANDONED", errors.JobLost, "Job 1 (a) ended as FINISHED:ABANDONED."),
    ],
)
def test_the_end_of_a_plain_job(status, kind, message):
    with pytest.raises(kind) as caught:
        check_status(JobMeta(job_id="1", name="a", status=f"FINISHED:{status}"))
    assert str(caught.value) == message


def test_an_errors_first_words_are_its_reason(tmp_path):
    folder = write_job(tmp_path, error("no data"), STOP)
    assert str(read_downloaded_job(folder, meta()).outcome.failure()) == (
        "parameter set 0, site seattle: RuntimeError: no data. Job 1 (trial) did not do its work, although FLARE calls "
        "it completed: 0 results came of 1 parameter sets."
    )


def test_what_only_follows_from_an_abort_is_no_reason(tmp_path):
    noise = "Event loop stopped before Future completed."
    failures = {"seattle": f"EXECUTION_EXCEPTION: PanicError(error=RuntimeError('{noise}'))"}
    folder = write_job(tmp_path, error("no data"), error(noise, [1]), STOP, failures=failures)
    failure = read_downloaded_job(folder, meta("FINISHED:ABORTED", sets=2)).outcome.failure()
    assert str(failure) == (
        "somebody aborted it, or the federation did; parameter set 0, site seattle: RuntimeError: no data. Job 1 "
        "(trial) ended as FINISHED:ABORTED: 0 results came of 2 parameter sets."
    )


@pytest.mark.parametrize(("status", "failures", "name"), PIPELINES)
def test_a_retry_policy_by_branch_retries_what_may_pass(tmp_path, status, failures, name):
    policy = ExceptionRetryPolicy(
        [
            RetryRule(errors.TransientFederationError, RetryAction.RETRY),
            RetryRule(errors.PermanentFederationError, RetryAction.FAIL),
        ]
    )
    failure = read_downloaded_job(write_job(tmp_path, failures=failures), meta(f"FINISHED:{status}")).outcome.failure()
    decision = policy.evaluate(failure, try_number=1, max_tries=3)
    assert decision.action is (RetryAction.RETRY if name in TRANSIENT else RetryAction.FAIL)
