"""What the end of a wait means to the task: its success, or a named failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_dfm.federation import steps
from airflow_provider_dfm.federation.errors import (
    FederationError,
    JobFailed,
    JobLost,
    JobNotFound,
    JobTimedOut,
    ResultsIncomplete,
    error_from_name,
)
from airflow_provider_dfm.federation.job_logs import shown
from airflow_provider_dfm.hooks.job_report import explain
from airflow_provider_dfm.hooks.patience import patiently
from airflow_provider_dfm.hooks.task_identity import give_up

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.types import Logger

    from airflow_provider_dfm.federation.results import FederationResults
    from airflow_provider_dfm.hooks.dfm import DfmHook

# So much may the server's clock go after this machine's.
CLOCK_SECONDS = 60.0
OnPartialFailure = Literal["fail", "succeed"]


def accepts_partial(on_partial_failure: OnPartialFailure | None) -> bool | None:
    """Whether a job may pass that answered only some of its parameter sets; None: as its submitting task has it."""
    return None if on_partial_failure is None else on_partial_failure == "succeed"


def conclude(
    context: Context,
    hook: DfmHook,
    event: dict[str, Any],
    log: Logger,
    *,
    abort_on_timeout: bool,
    on_partial_failure: OnPartialFailure | None = "fail",
) -> FederationResults | None:
    """Turn the event that ended a wait into the task's success or failure.

    Of a job that failed, the end of its server's log and what each site says of it go into the task's log, and the
    gist of it into the error.

    :param context: the task's context.
    :param hook: the connection's.
    :param event: as a :class:`JobWait` gives it; ``"shown_lines"``: see :func:`explain`.
    :param log: the task's log.
    :param abort_on_timeout: abort the job when its time was over.
    :param on_partial_failure: whether a job that answered only some of its parameter sets is a failure; None: as the
        task that submitted it has it.
    :return: the results of a pipeline; None for a plain FLARE job.
    :raises JobTimedOut: the time was over.
    :raises JobNotFound: nobody knows the job.
    :raises JobFailed, ResultsIncomplete, UnsafeResult: it did not do its work; a :class:`JobLost` among them.
    :raises FederationError: the connection cannot work.
    """
    job_id = event["job_id"]
    steps.reached(steps.CONCLUDING, job_id)
    raise_fault(hook, event)
    if event.get("lost"):
        give_up(context, job_id)
        raise JobLost(
            f"Job {job_id} is lost: the server lists it as {event['status']}, but does not run it any more; it was "
            f"restarted, or the job's process died. {abort(hook, job_id, log)} A retry of this task submits it anew."
        )
    if event.get("timed_out"):
        _fail_unless_ended(hook, event, log, abort_on_timeout)
    try:
        results = patiently(lambda: hook.check_job(job_id, accepts_partial(on_partial_failure)), hook, log)
    except (JobFailed, ResultsIncomplete) as error:
        raise explain(error, hook, job_id, log, event.get("shown_lines")) from None
    _tell(job_id, results, log)
    return results


def raise_fault(hook: DfmHook, event: dict[str, Any]) -> None:
    """Raise what ended a wait without the job's end or the deadline.

    :param hook: the connection's.
    :param event: as a :class:`JobWait` gives it.
    :raises JobNotFound: nobody knows the job.
    :raises JobLost: nobody knows it any more: its server was started anew without it.
    :raises FederationError: the connection cannot work.
    """
    job_id = event["job_id"]
    if event.get("error"):
        raise error_from_name(
            event["error"],
            f"{event['fault']} So job {job_id} cannot be waited for any more. It was left as it is: a "
            "FederationJobSensor can take up the wait by its id; clearing the task that submitted it aborts it.",
        )
    if event["status"] is None and not event.get("timed_out"):
        raise _unknown_job(hook, event)


def abort(hook: DfmHook, job_id: str, log: Logger) -> str:
    """Abort a job; says how that went, and does not raise what a federation can cause.

    :param hook: the connection's; its session is used where it is open.
    """
    try:
        hook.abort_job(job_id)
    except FederationError as error:
        log.error("Could not abort job %s: %s", job_id, error)
        return f"It could not be aborted: {error}"
    log.info("Aborted job %s", job_id)
    return "It was aborted."


def _unknown_job(hook: DfmHook, event: dict[str, Any]) -> FederationError:
    """What it means that nobody knows a job: that depends on whether the wait knew it."""
    job_id, seen, submit_time = event["job_id"], event.get("seen"), event.get("submit_time")
    if not seen:
        return JobNotFound(
            f"The federation of connection {hook.dfm_conn_id!r} knows no job {job_id}. It may have been deleted, or "
            "belong to another federation."
        )
    gone = f"The federation of connection {hook.dfm_conn_id!r} no longer knows job {job_id}, which was {seen} before."
    try:
        server_start = hook.get_system_info().server_start_time
    except FederationError as error:
        return JobNotFound(
            f"{gone} It was deleted, or its server came back without it; which, cannot be asked: {error}"
        )
    # Both by the server's own clock. One that was seen there since has outlived that.
    began = server_start.timestamp()
    if submit_time is not None and submit_time < began and (event.get("seen_at") or 0.0) < began + CLOCK_SECONDS:
        return JobLost(
            f"{gone} Its server was started at {server_start:%Y-%m-%d %H:%M:%S %Z}, after the job was submitted, and "
            "came back without it: its store was not kept, or another server has taken its place. A retry of the task "
            "that submitted it submits it anew; ask the federation's administrator where the server keeps its jobs."
        )
    return JobNotFound(
        f"{gone} Somebody has deleted it, or its server lost it; that was started at "
        f"{server_start:%Y-%m-%d %H:%M:%S %Z}. Clear the task that submitted it to have it submitted anew."
    )


def _fail_unless_ended(hook: DfmHook, event: dict[str, Any], log: Logger, abort_it: bool) -> None:
    """Raise, unless the job has ended by now: an outage can hide that till after the deadline."""
    job_id = event["job_id"]
    message = f"Job {job_id} did not end in time; it was last seen as {event['status'] or 'nothing'}."
    if event.get("fault"):
        message += f" The federation could not be asked: {event['fault']}"
    try:
        meta = hook.find_job(job_id)
    except FederationError as error:
        raise JobTimedOut(f"{message} It was left as it is: {error}") from error
    if meta is not None and meta.has_ended:
        return
    if meta is not None and meta.why_it_waits:
        message += f" The server has not started it: {shown(meta.why_it_waits)}."
    raise JobTimedOut(f"{message} {abort(hook, job_id, log) if abort_it else 'It was left running.'}")


def _tell(job_id: str, results: FederationResults | None, log: Logger) -> None:
    if results is None:
        log.info("Job %s has completed", job_id)
        return
    outcome = results.outcome
    failed = outcome.failed_sets()
    for index, reason in failed.items():
        log.warning("Job %s: parameter set %s failed: %s", job_id, index, reason)
    sets = outcome.parameter_sets
    if outcome.acceptance():
        log.warning("%s", outcome.acceptance())
    answered = f"{sets - len(failed)} of" if failed else "all"
    log.info("Job %s answered %s %s parameter sets with %s results", job_id, answered, sets, len(results))
