"""A task's callbacks for what comes of a job: each result once over all tries of the task."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk.execution_time.context import NEVER_EXPIRE

from airflow_provider_dfm.federation.callback_loop import CallbackLoop
from airflow_provider_dfm.federation.errors import CallbackFailed, FederationError, TransientFederationError
from airflow_provider_dfm.hooks.patience import patiently
from airflow_provider_dfm.hooks.task_identity import task_identity

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.types import Logger

    from airflow_provider_dfm.federation.job import FederationJob
    from airflow_provider_dfm.federation.job_meta import JobMeta
    from airflow_provider_dfm.federation.result_callbacks import CallbackRun, NamedCallback
    from airflow_provider_dfm.hooks.dfm import DfmHook

STATE_KEY = "airflow_provider_dfm_callbacks"
NOTE_SECONDS = 1.0


class Progress:
    """How far a task has come with a job, noted in the task's state store: a retry goes on there.

    A cleared task starts anew. It is written about once a second: a process that is killed leaves a note that late,
    and the next try hands on again what is missing in it. A callback that raises is noted exactly.

    A job that does only those parameter sets again which an earlier one did not answer has the results of both. What
    was handed on of the earlier one's answered sets comes first among them, and is not handed on again; the set that
    failed is, from its first result on.

    :param context: the task's context.
    :param dfm_conn_id: the connection.
    :param job_id: the job.
    :param of: what is counted: ``results``, ``sets`` or ``results and statuses``.
    :param look_up: gives the job's meta, or None; asked where another job was noted.
    """

    def __init__(
        self, context: Context, dfm_conn_id: str, job_id: str, of: str, look_up: Callable[[str], JobMeta | None]
    ) -> None:
        self._store = context["task_state_store"]
        cycle = task_identity(context, dfm_conn_id).job.cycle
        self._of: dict[str, Any] = {"job_id": job_id, "cycle": cycle, "of": of}
        noted: Any = self._store.get(STATE_KEY) or {}
        self._parameter_set: int | None = noted.get("parameter_set")
        self._begun: int = noted.get("begun", 0)
        #: How many were handed on.
        self.position = 0
        if self._is_noted(noted, job_id):
            self.position = noted["position"]
        elif noted and self._is_noted(noted, noted["job_id"]):
            self.position = self._position_in_both(noted, look_up(job_id))
        if not self.position:
            self._parameter_set, self._begun = None, 0
        self._noted: dict[str, Any] = noted
        self._noted_at = time.monotonic()

    def _is_noted(self, noted: Mapping[str, Any], job_id: str) -> bool:
        of = self._of | {"job_id": job_id}
        return {name: noted.get(name) for name in of} == of

    def _position_in_both(self, noted: Mapping[str, Any], meta: JobMeta | None) -> int:
        note = None if meta is None else meta.note
        if note is None or note.set_numbers is None or note.continues != noted["job_id"]:
            return 0
        position: int = noted["begun"] if noted["parameter_set"] in note.set_numbers else noted["position"]
        return position

    def given(self, parameter_set: int, position: int) -> None:
        """Take in that something was handed on.

        :param parameter_set: whose it was.
        :param position: how many that makes.
        """
        if parameter_set != self._parameter_set:
            self._parameter_set, self._begun = parameter_set, position - 1
        self.position = position

    def is_old(self) -> bool:
        """Whether it is time to write it."""
        return time.monotonic() - self._noted_at >= NOTE_SECONDS

    def keep(self) -> None:
        """Write it, where it has changed, or is another job's from here on."""
        where = {"position": self.position, "parameter_set": self._parameter_set, "begun": self._begun}
        note = self._of | where
        if self.position and note != self._noted:
            self._store.set(STATE_KEY, note, retention=NEVER_EXPIRE)
            self._noted = note
        self._noted_at = time.monotonic()


class TaskCallbacks:
    """Calls back while the job runs, as far as results have come, and with the rest once it has ended.

    :param hook: the connection's.
    :param log: the task's.
    :param run: hands on; it began at the noted position.
    :param progress: what is noted.
    :param hears_failures: whether a callback is called with what failed of a job, too.
    """

    def __init__(
        self,
        hook: DfmHook,
        log: Logger,
        run: CallbackRun[Any],
        progress: Progress,
        hears_failures: bool = False,
    ) -> None:
        self._hears_failures = hears_failures
        self._hook = hook
        self._log = log
        self._run = run
        self._progress = progress
        self._loop = CallbackLoop()
        # A job of the target local ends with the task, and its next try runs another: what was handed on counts once
        # the results are kept.
        self._job_may_be_lost = hook.settings.target == "local"
        self._failure: CallbackFailed | None = None
        run.note = self._note
        if not self._job_may_be_lost:
            # The job that this one continues may be noted, and the next one will continue this one.
            progress.keep()

    def follow(self, ends_at: float | None = None) -> None:
        """Call back with what has come; that the job has failed, or cannot be asked, is left to who waits for it.

        :param ends_at: when to stop, in seconds since 1970.
        :raises CallbackFailed: a callback raised something; a job that would be lost for it ends first.
        """
        if self._failure is not None:
            return
        ends = None if ends_at is None else time.monotonic() + ends_at - time.time()
        try:
            self._run.process(self._loop, ends)
        except CallbackFailed as error:
            if not self._job_may_be_lost:
                raise
            self._log.warning("%s The job goes on to its end first, so that its results are kept.", error)
            self._failure = error
        except FederationError as error:
            self._log.debug("Cannot read the results yet: %s", error)
            if isinstance(error, TransientFederationError) and not self._job_may_be_lost:
                # A session whose host had to be ended opens anew.
                self._hook.close()

    def job_is_kept(self) -> None:
        """Take in that the job has ended, and its results are kept, whatever they are."""
        self._job_may_be_lost = False
        self._progress.keep()

    def finish(self) -> None:
        """Call back with all that is left of a job that has ended, and whose results are kept.

        :raises CallbackFailed: a callback raised something.
        """
        self.job_is_kept()
        if self._failure is not None:
            raise self._failure
        patiently(lambda: self._run.process(self._loop), self._hook, self._log)
        self._log.info("The callbacks have all %s", self._run.pending.position)

    def job_failed(self) -> None:
        """Call back with what failed of a job that has ended; that it did is left to who waits for it."""
        if not self._hears_failures or self._failure is not None:
            return
        try:
            self._run.process(self._loop)
        except CallbackFailed as error:
            self._log.warning("The status callback did not hear of all that failed: %s", error)
        except FederationError as error:
            self._log.debug("The status callback has heard of it: %s", error)

    def close(self) -> None:
        """Note how far it came, and end what async callbacks left behind."""
        if not self._job_may_be_lost:
            self._progress.keep()
        self._loop.close()

    def _note(self, item: Any, position: int) -> None:
        self._progress.given(item.parameter_set, position)
        if self._progress.is_old() and not self._job_may_be_lost:
            self._progress.keep()


def result_callbacks(
    context: Context,
    hook: DfmHook,
    job_id: str,
    default_callback: NamedCallback | None,
    place_callbacks: Mapping[str, NamedCallback] | None,
    partial: bool | None = None,
) -> TaskCallbacks | None:
    """A task's callbacks for each result of a job; None where there are none.

    :param context: the task's context.
    :param hook: the connection's.
    :param job_id: the job.
    :param default_callback: see :class:`ResultCallbacks`.
    :param place_callbacks: see :class:`ResultCallbacks`.
    :param partial: let a job pass that answered some of its parameter sets; None: where its submitting task does.
    """
    from airflow_provider_dfm.federation.live_statuses import LiveStatuses
    from airflow_provider_dfm.federation.result_callbacks import CallbackRun, ResultCallbacks, describe_result

    callbacks = ResultCallbacks(default_callback, place_callbacks)
    if not callbacks:
        return None
    of = "results and statuses" if callbacks.want_statuses else "results"
    progress = Progress(context, hook.dfm_conn_id, job_id, of, _find_job(hook))
    job = _job(hook, job_id)
    if callbacks.want_statuses:
        statuses = LiveStatuses(job.live_results(partial=partial), lambda: job.results().outcome, progress.position)
        return TaskCallbacks(hook, hook.log, CallbackRun(statuses, callbacks, describe_result), progress, True)
    live = job.live_results(progress.position, partial)
    return TaskCallbacks(hook, hook.log, CallbackRun(live, callbacks, describe_result), progress)


def set_callbacks(
    context: Context,
    hook: DfmHook,
    job_id: str,
    callback: str | Callable[[dict[str, Any]], Any],
    partial: bool | None = None,
) -> TaskCallbacks:
    """A task's callback for each parameter set of a job.

    :param context: the task's context.
    :param hook: the connection's.
    :param job_id: the job.
    :param callback: a function, or ``"package.module:function"``, called with :class:`SetAnswer` as a dict.
    :param partial: see :func:`result_callbacks`.
    """
    from airflow_provider_dfm.federation.result_callbacks import CallbackRun, import_callback
    from airflow_provider_dfm.federation.set_answers import LiveSets, describe_set

    function = import_callback(callback) if isinstance(callback, str) else callback
    progress = Progress(context, hook.dfm_conn_id, job_id, "sets", _find_job(hook))
    job = _job(hook, job_id)
    live = LiveSets(job.live_results(partial=partial), lambda: job.results().outcome, progress.position)
    run = CallbackRun(live, lambda answer: function(dict(answer)), describe_set)
    return TaskCallbacks(hook, hook.log, run, progress)


def _find_job(hook: DfmHook) -> Callable[[str], JobMeta | None]:
    # The job is submitted by now: an outage must not end the try.
    return lambda job_id: patiently(lambda: hook.find_job(job_id), hook, hook.log)


def _job(hook: DfmHook, job_id: str) -> FederationJob:
    """A job whose faults are left to who waits for it, and knows until when."""
    from airflow_provider_dfm.federation.job import FederationJob

    return FederationJob(None, job_id).seen_through(hook.get_conn)
