"""What all operators that submit a job have in common: once submitted, waited for, and aborted with the task."""

from __future__ import annotations

import contextlib
import math
import time
from typing import TYPE_CHECKING, Any

from airflow_provider_dfm.federation import steps
from airflow_provider_dfm.federation.errors import (
    FederationError,
    JobAborted,
    JobFailed,
    ResultsIncomplete,
)
from airflow_provider_dfm.federation.job_identity import JobIdentity
from airflow_provider_dfm.federation.required_sites import RequiredSites
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.former_jobs import abort_former_jobs
from airflow_provider_dfm.hooks.job_end import OnPartialFailure, abort, conclude
from airflow_provider_dfm.hooks.job_wait import JobWait, run_here, wait_for_job
from airflow_provider_dfm.hooks.job_watch import JobWatch
from airflow_provider_dfm.hooks.log_follower import LogFollower
from airflow_provider_dfm.hooks.no_retry import fails_for_good
from airflow_provider_dfm.hooks.patience import patiently
from airflow_provider_dfm.hooks.task_callbacks import TaskCallbacks
from airflow_provider_dfm.hooks.task_identity import TaskIdentity, forget_former_jobs, task_identity
from airflow_provider_dfm.hooks.xcom_size import MAX_XCOM_BYTES
from airflow_provider_dfm.operators.arguments import read_arguments
from airflow_provider_dfm.operators.deadlines import patience_of, within_execution_timeout
from airflow_provider_dfm.operators.outage_wait import Outage, OutageWait
from airflow_provider_dfm.operators.submit_arguments import SubmitArguments
from airflow_provider_dfm.triggers.job import FederationJobTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_dfm.federation.job import FederationJob
    from airflow_provider_dfm.federation.results import FederationResults

FAILED_SETS = "failed_parameter_sets"


class SubmittingOperator(SubmitArguments):
    """Submits a job once over all tries of its task, and waits for it.

    A try of the task finds the job that an earlier one submitted: it goes on waiting for one that is active, takes
    the results of one that has succeeded, and submits another in the place of one that has failed. Clearing the
    task starts anew, and so does deleting its instance, where Airflow makes another.

    While it waits in its own process (not deferred), the task's log shows the server's log of the job as it grows. Of
    a job that failed, deferred or not, it shows the end of that log and the last errors of each site, and the task's
    error names them.

    Its parameters are those of :class:`SubmitArguments`.
    """

    ui_color = "#e5f5e0"
    on_partial_failure: OnPartialFailure = "fail"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._hook: DfmHook | None = None
        self._task: TaskIdentity | None = None
        self._callbacks: TaskCallbacks | None = None
        self._outage: Outage | None = None
        self._killed = False

    def submit(self, hook: DfmHook, **once: Any) -> FederationJob:
        """Submit the job, or find it.

        :param hook: the connection's.
        :param once: ``claim``, ``ends_at`` and ``required_sites``, as the session's methods take them.
        """
        raise NotImplementedError

    def replaces_former(self) -> bool:
        """Whether the task, once it is cleared, aborts its former job: not one that it left to itself on purpose."""
        return self.wait_for_completion

    def callbacks(self, context: Context, hook: DfmHook, job_id: str) -> TaskCallbacks | None:
        """What is to be called with the job's results; None: nothing.

        :param context: the task's context.
        :param hook: the connection's.
        :param job_id: the job.
        """
        return None

    def active_jobs(self, hook: DfmHook, identity: JobIdentity) -> list[str]:
        """The ids of the task's jobs that have not ended.

        :param hook: the connection's.
        :param identity: the task's, in one of its cycles.
        """
        return hook.active_jobs(identity)

    def execute_after_outage(self, context: Context, event: dict[str, Any]) -> Any:
        """Try again to submit the job. What a class of one's own does in ``execute`` before that, it does again.

        :param event: as :class:`FederationOutageTrigger` fires it.
        """
        self._outage = Outage(**event["outage"])
        # The lines of this trigger are gone once the job's trigger begins: triggerer_job_runner.py, "wb".
        why = event["fault"] or "the federation answers"
        self.log.info(
            "Trying again, %.0f s after this try of the task began: %s", time.time() - self._outage.started, why
        )
        return self.execute(context)

    @fails_for_good
    def execute(self, context: Context) -> str:
        outage, self._outage = self._outage or Outage(started=time.time()), None
        read_arguments(self)
        self._task = task_identity(context, self.dfm_conn_id)
        self._hook = hook = DfmHook(self.dfm_conn_id)
        with contextlib.closing(hook):
            ends_at = time.time() + self.timeout
            steps.reached(steps.OPENING, self._task.job.job_id(0))
            through_outages = self._outage_wait(hook, outage)
            through_outages.do(lambda: self._abort_former_jobs(hook), hook, self.log)
            forget_former_jobs(context)
            job = through_outages.do(lambda: self._submit(hook, ends_at), hook, self.log)
            # A person or a task that looks while this one waits finds the job by it.
            context["ti"].xcom_push(key="job_id", value=job.job_id)
            ends_at = job.ends_at or ends_at
            self._callbacks = self.callbacks(context, hook, job.job_id)
            if not self.wait_for_completion and hook.settings.target == "flare":
                return job.job_id
            try:
                return self._wait(context, hook, job, self._within_execution_timeout(ends_at, outage.started, hook))
            finally:
                if self._callbacks is not None:
                    self._callbacks.close()

    def _outage_wait(self, hook: DfmHook, outage: Outage) -> OutageWait:
        return OutageWait(
            outage,
            patience_of(self.outage_timeout, self.outage_interval, self.timeout),
            self._within_execution_timeout(math.inf, outage.started, hook),
            self._defers(hook),
            self.waiting_jobs,
            lambda: self._killed,
        )

    def waiting_jobs(self) -> list[JobIdentity | str]:
        """What a person who ends the task during an outage wants to have aborted; see :class:`OutageWait`.

        Its former jobs, too: the trigger that waited for one leaves it alone once the cleared task is deferred again.
        """
        assert self._task is not None
        return [self._task.job, *self._former()]

    def _former(self) -> tuple[JobIdentity, ...]:
        assert self._task is not None
        return self._task.former if self.replaces_former() else ()

    @fails_for_good
    def execute_complete(self, context: Context, event: dict[str, Any]) -> str:
        """Take up again where the wait ended.

        :param event: as :class:`FederationJobTrigger` fires it.
        """
        read_arguments(self)
        hook = self._hook or DfmHook(self.dfm_conn_id)
        with contextlib.closing(hook):
            try:
                results = conclude(
                    context,
                    hook,
                    event,
                    self.log,
                    abort_on_timeout=self.on_timeout == "abort",
                    on_partial_failure=self.on_partial_failure,
                )
            except (JobFailed, ResultsIncomplete):
                self._tell_callbacks(context, hook, event["job_id"])
                raise
            if results is not None and results.outcome.failed_sets():
                # Whoever reads the results later need not be told again.
                patiently(lambda: hook.accept_partial(event["job_id"]), hook, self.log)
                self._tell_failed_sets(context, results, str(hook.results_path / event["job_id"]))
            callbacks = self._callbacks or self.callbacks(context, hook, event["job_id"])
            if callbacks is not None:
                with contextlib.closing(callbacks):
                    callbacks.finish()
        return str(event["job_id"])

    def _tell_callbacks(self, context: Context, hook: DfmHook, job_id: str) -> None:
        # That the job failed matters more than that nobody could be told.
        with contextlib.suppress(FederationError):
            callbacks = self._callbacks or self.callbacks(context, hook, job_id)
            if callbacks is not None:
                with contextlib.closing(callbacks):
                    callbacks.job_failed()

    def _tell_failed_sets(self, context: Context, results: FederationResults, uri: str) -> None:
        from airflow_provider_dfm.hooks.result_rows import ResultRows

        rows = ResultRows(results, uri, MAX_XCOM_BYTES)
        context["ti"].xcom_push(key=FAILED_SETS, value=rows.failed())
        if rows.left_out:
            self.log.warning(
                "Too large for the XCom %s, which has a reference instead: %s. Read them with "
                "airflow_provider_dfm.results.whole(xcom).",
                FAILED_SETS,
                ", ".join(rows.left_out),
            )

    def on_kill(self) -> None:
        """Abort the job. Airflow calls this inside of whatever the task is doing, and gives it five seconds."""
        self._killed = True
        if self._hook is None or self._task is None:
            return
        self._hook.hold_settings()
        try:
            if self._hook.settings.target == "local":
                # A local job ends with its session.
                self._hook.close()
                return
            self._abort_jobs(self._hook, self._task.job)
        except FederationError as error:
            self.log.error("The task was ended, but its job could not be aborted: %s", error)

    def _abort_jobs(self, hook: DfmHook, identity: JobIdentity) -> None:
        for job_id in self.active_jobs(hook, identity):
            abort(hook, job_id, self.log)

    def _abort_former_jobs(self, hook: DfmHook) -> None:
        """Abort them here: Airflow does not tell a trigger that has not started yet that its task was cleared.

        One whose task instance was deleted hears of it later than the new instance starts.
        """
        assert self._task is not None
        self._go_on_unless_killed()
        for former in self._former():
            abort_former_jobs(hook, self.active_jobs(hook, former), self._task.given_up, self.log)

    def _submit(self, hook: DfmHook, ends_at: float) -> FederationJob:
        assert self._task is not None
        self._go_on_unless_killed()
        claim = self._task.claim(partial=self.on_partial_failure == "succeed")
        required = RequiredSites(min_sites=self.min_sites, sites=tuple(self.sites))
        try:
            job = self.submit(hook, claim=claim, ends_at=ends_at, required_sites=required)
        except FederationError:
            if self._killed:
                # The server may have it all the same.
                self._abort_jobs(hook, self._task.job)
            raise
        if self._killed:
            # While it was submitted, on_kill found nothing to abort.
            abort(hook, job.job_id, self.log)
        self._go_on_unless_killed()
        return job

    def _wait(self, context: Context, hook: DfmHook, job: FederationJob, ends_at: float) -> str:
        seen = "SUBMITTED" if job.found is None else job.found.status
        if job.found is not None and job.found.has_ended:
            event: dict[str, Any] = {"job_id": job.job_id, "status": job.found.status}
        elif hook.settings.target == "local":
            event = run_here(job, ends_at, self.poll_interval, self._callbacks)
        elif self._defers(hook):
            steps.reached(steps.DEFERRING, job.job_id)
            trigger = FederationJobTrigger(self.dfm_conn_id, job.job_id, self.poll_interval, ends_at, seen=seen)
            self.defer(trigger=trigger, method_name="execute_complete")
        else:
            steps.reached(steps.WAITING, job.job_id)
            follower = LogFollower(hook, job.job_id, self.log)
            wait = JobWait(job.job_id, ends_at, self.log, seen=seen)
            event = wait_for_job(JobWatch(hook), wait, self.poll_interval, follower, self._callbacks)
            event["shown_lines"] = follower.shown_lines
        return self.execute_complete(context, event)

    def _defers(self, hook: DfmHook) -> bool:
        # A local job ends with its session, so its task stays.
        return self.deferrable and hook.settings.target == "flare"

    def _within_execution_timeout(self, ends_at: float, started: float, hook: DfmHook) -> float:
        return within_execution_timeout(ends_at, started, self.execution_timeout, defers=self._defers(hook))

    def _go_on_unless_killed(self) -> None:
        if self._killed:
            raise JobAborted("The task was ended, and its job aborted.")
