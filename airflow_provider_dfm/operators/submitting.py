"""What all operators that submit a job have in common: once submitted, waited for, and aborted with the task."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.sdk import conf

from airflow_provider_dfm.federation import steps
from airflow_provider_dfm.federation.errors import FederationError, JobAborted, JobTimedOut
from airflow_provider_dfm.federation.required_sites import RequiredSites
from airflow_provider_dfm.hooks.dfm import DEFAULT_CONNECTION, DfmHook
from airflow_provider_dfm.hooks.former_jobs import abort_former_jobs
from airflow_provider_dfm.hooks.job_end import OnPartialFailure, abort, conclude
from airflow_provider_dfm.hooks.job_wait import JobWait, wait_for_job
from airflow_provider_dfm.hooks.job_watch import JobWatch
from airflow_provider_dfm.hooks.log_follower import LogFollower
from airflow_provider_dfm.hooks.no_retry import fails_for_good
from airflow_provider_dfm.hooks.patience import patiently
from airflow_provider_dfm.hooks.task_callbacks import TaskCallbacks
from airflow_provider_dfm.hooks.task_identity import TaskIdentity, forget_former_jobs, task_identity
from airflow_provider_dfm.operators import argument_kinds as kinds
from airflow_provider_dfm.operators.argument_kinds import ArgumentKind, Seconds
from airflow_provider_dfm.operators.arguments import TakesArguments, read_arguments, take_arguments
from airflow_provider_dfm.operators.iso_dates import IsoDatesOperator
from airflow_provider_dfm.triggers.job import FederationJobTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_dfm.federation.job import FederationJob
    from airflow_provider_dfm.federation.job_identity import JobIdentity

# As long as Airflow's sensors wait: seven days.
DEFAULT_TIMEOUT = conf.getfloat("sensors", "default_timeout", fallback=7 * 24 * 3600.0)
FAILED_SETS = "failed_parameter_sets"
# Airflow's own timer aborts the job whatever on_timeout says, so the wait ends before it: by this much, or by a tenth
# of a short execution_timeout.
EXECUTION_TIMEOUT_MARGIN_SECONDS = 5.0


class SubmittingOperator(TakesArguments, IsoDatesOperator):
    """Submits a job once over all tries of its task, and waits for it.

    A try of the task finds the job that an earlier one submitted: it goes on waiting for one that is active, takes
    the results of one that has succeeded, and submits another in the place of one that has failed. Clearing the
    task starts anew, and so does deleting its instance, where Airflow makes another.

    While it waits in its own process (not deferred), the task's log shows the server's log of the job as it grows. Of
    a job that failed, deferred or not, it shows the end of that log and the last errors of each site, and the task's
    error names them.

    The parameters here are those that all such operators have.

    :param dfm_conn_id: the connection. Templated.
    :param wait_for_completion: wait for the job's end and check its results; otherwise the task ends once the
        job is submitted.
    :param deferrable: wait in the triggerer, without holding a worker; default: Airflow's
        ``operators.default_deferrable``.
    :param poll_interval: seconds between two looks at the job, or a timedelta; default 5. Templated.
    :param timeout: seconds the job may take, from its submit, or a timedelta; then the task fails. A try that finds the
        job has what is left of them. Default: Airflow's ``sensors.default_timeout``, seven days. ``execution_timeout``,
        counted from the try's start, ends the wait in the same way, and up to five seconds early where it is not
        deferred. Templated.
    :param on_timeout: ``abort`` (default) or ``leave`` the job then. Templated.
    :param min_sites: how many sites have to be connected; looked at before the submit. Templated.
    :param sites: sites that have to be connected, too: a list, or their names with commas between them. Templated.
    :raises ArgumentError: an argument is wrong; docs/arguments.md has what each takes.
    """

    arguments: ClassVar[Mapping[str, ArgumentKind]] = {
        "dfm_conn_id": kinds.TEXT,
        "wait_for_completion": kinds.FLAG,
        "deferrable": kinds.FLAG,
        "poll_interval": kinds.DURATION,
        "timeout": kinds.DURATION,
        "on_timeout": kinds.choice("abort", "leave"),
        "min_sites": kinds.optional(kinds.whole_number(0)),
        "sites": kinds.SITES,
    }
    template_fields: Sequence[str] = ("sites", "min_sites", "timeout", "poll_interval", "on_timeout", "dfm_conn_id")
    ui_color = "#e5f5e0"
    on_partial_failure: OnPartialFailure = "fail"
    dfm_conn_id: str
    wait_for_completion: bool
    deferrable: bool
    poll_interval: float
    timeout: float
    on_timeout: Literal["abort", "leave"]
    min_sites: int | None
    sites: list[str]

    def __init__(
        self,
        *,
        dfm_conn_id: str = DEFAULT_CONNECTION,
        wait_for_completion: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: Seconds = 5.0,
        timeout: Seconds = DEFAULT_TIMEOUT,
        on_timeout: Literal["abort", "leave"] = "abort",
        min_sites: int | None = None,
        sites: str | Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        take_arguments(
            self,
            dfm_conn_id=dfm_conn_id,
            wait_for_completion=wait_for_completion,
            deferrable=deferrable,
            poll_interval=poll_interval,
            timeout=timeout,
            on_timeout=on_timeout,
            min_sites=min_sites,
            sites=sites,
        )
        self._hook: DfmHook | None = None
        self._task: TaskIdentity | None = None
        self._callbacks: TaskCallbacks | None = None
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

    @fails_for_good
    def execute(self, context: Context) -> str:
        started = time.time()
        read_arguments(self)
        self._task = task_identity(context, self.dfm_conn_id)
        self._hook = hook = DfmHook(self.dfm_conn_id)
        with contextlib.closing(hook):
            ends_at = time.time() + self.timeout
            steps.reached(steps.OPENING, self._task.job.job_id(0))
            patiently(lambda: self._abort_former_jobs(hook), hook, self.log, ends_at)
            forget_former_jobs(context)
            job = patiently(lambda: self._submit(hook, ends_at), hook, self.log, ends_at)
            # A person or a task that looks while this one waits finds the job by it.
            context["ti"].xcom_push(key="job_id", value=job.job_id)
            ends_at = job.ends_at or ends_at
            self._callbacks = self.callbacks(context, hook, job.job_id)
            if not self.wait_for_completion and hook.settings.target == "flare":
                return job.job_id
            try:
                return self._wait(context, hook, job, self._within_execution_timeout(ends_at, started, hook))
            finally:
                if self._callbacks is not None:
                    self._callbacks.close()

    @fails_for_good
    def execute_complete(self, context: Context, event: dict[str, Any]) -> str:
        """Take up again where the wait ended.

        :param event: as :class:`FederationJobTrigger` fires it.
        """
        read_arguments(self)
        hook = self._hook or DfmHook(self.dfm_conn_id)
        with contextlib.closing(hook):
            results = conclude(
                context,
                hook,
                event,
                self.log,
                abort_on_timeout=self.on_timeout == "abort",
                on_partial_failure=self.on_partial_failure,
            )
            failed = {} if results is None else results.outcome.failed_sets()
            if failed:
                context["ti"].xcom_push(key=FAILED_SETS, value={str(index): why for index, why in failed.items()})
            callbacks = self._callbacks or self.callbacks(context, hook, event["job_id"])
            if callbacks is not None:
                with contextlib.closing(callbacks):
                    callbacks.finish()
        return str(event["job_id"])

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
        for former in self._task.former if self.replaces_former() else ():
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
        if job.found is not None and job.found.has_ended:
            event: dict[str, Any] = {"job_id": job.job_id, "status": job.found.status}
        elif hook.settings.target == "local":
            event = self._run_here(job, ends_at)
        elif self._defers(hook):
            steps.reached(steps.DEFERRING, job.job_id)
            trigger = FederationJobTrigger(self.dfm_conn_id, job.job_id, self.poll_interval, ends_at)
            self.defer(trigger=trigger, method_name="execute_complete")
        else:
            steps.reached(steps.WAITING, job.job_id)
            follower = LogFollower(hook, job.job_id, self.log)
            wait = JobWait(job.job_id, ends_at, self.log)
            event = wait_for_job(JobWatch(hook), wait, self.poll_interval, follower, self._callbacks)
            event["shown_lines"] = follower.shown_lines
        return self.execute_complete(context, event)

    def _run_here(self, job: FederationJob, ends_at: float) -> dict[str, Any]:
        pause = min(self.poll_interval, 0.5)
        while not job.wait_until_finished(min(pause, ends_at - time.time()), pause):
            if time.time() >= ends_at:
                job.cancel()
                raise JobTimedOut(f"Job {job.job_id} did not end in time. It was aborted.")
            if self._callbacks is not None:
                self._callbacks.follow(ends_at)
        # The results are kept by now, for the session of whoever reads them later.
        if self._callbacks is not None:
            self._callbacks.job_is_kept()
        return {"job_id": job.job_id, "status": job.get_job_meta().status}

    def _defers(self, hook: DfmHook) -> bool:
        # A local job ends with its session, so its task stays.
        return self.deferrable and hook.settings.target == "flare"

    def _within_execution_timeout(self, ends_at: float, started: float, hook: DfmHook) -> float:
        if self.execution_timeout is None:
            return ends_at
        seconds = self.execution_timeout.total_seconds()
        # Airflow itself does not look at it while a task is deferred: task_runner.py, _run_execute_callable.
        margin = 0.0 if self._defers(hook) else min(EXECUTION_TIMEOUT_MARGIN_SECONDS, seconds / 10)
        return min(ends_at, started + seconds - margin)

    def _go_on_unless_killed(self) -> None:
        if self._killed:
            raise JobAborted("The task was ended, and its job aborted.")
