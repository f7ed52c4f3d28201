"""Aborts the jobs of tasks that were ended while they were deferred, however many at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from typing import Any, TypeAlias

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_exponential

from airflow_provider_dfm.federation.errors import (
    CommandTimedOut,
    FederationError,
    FederationUnreachable,
    JobNotFound,
    PermanentFederationError,
)
from airflow_provider_dfm.federation.job_identity import JobIdentity
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.federation_watch import FederationWatch

Job: TypeAlias = str | JobIdentity
# Nothing else would abort the job of a task that is no longer there.
PATIENCE_SECONDS = 900.0
MAX_PAUSE_SECONDS = 30.0
# As many as the session host aborts well within the time that a command has.
JOBS_A_REQUEST = 100


class JobAborts:
    """Aborts jobs of one connection, in one session: those that are waiting at a time go into one request.

    A job whose id is not known, since its submit got no answer, is found by whose it is.

    :param watch: gives the watch whose session is used.
    """

    def __init__(self, watch: Callable[[], FederationWatch]) -> None:
        self._watch = watch
        self._changing = threading.Lock()
        self._waiting: dict[Job, Future[None]] = {}
        self._is_working = False

    def abort(self, job: Job) -> None:
        """Abort a job; one that has ended stays as it is. Blocks until that was tried once.

        :param job: its id, or whose it is: then all the jobs of that identity which have not ended.
        :raises JobNotFound: nobody knows it, it is no job's id, or there is none of that identity.
        :raises FederationError: it could not be aborted.
        """
        with self._changing:
            future = self._waiting.setdefault(job, Future())
            if not self._is_working:
                threading.Thread(target=self._work, name="job-aborts", daemon=True).start()
                self._is_working = True
        future.result()

    def _work(self) -> None:
        while batch := self._next():
            try:
                errors = self._try(batch)
            except Exception as error:  # whatever it is, the tasks wait to be told
                errors = dict.fromkeys(batch, error)
            for job, future in batch.items():
                if job in errors:
                    future.set_exception(errors[job])
                else:
                    future.set_result(None)

    def _next(self) -> dict[Job, Future[None]]:
        with self._changing:
            batch = {job: self._waiting.pop(job) for job in list(self._waiting)[:JOBS_A_REQUEST]}
            self._is_working = bool(batch)
        return batch

    def _try(self, batch: Mapping[Job, Future[None]]) -> Mapping[Job, Exception]:
        with self._watch().session() as hook:
            try:
                ids, errors = _ids_of(batch, hook)
                asked = [job_id for found in ids.values() for job_id in found]
                refusals = hook.abort_jobs(asked) if asked else {}
                refused = {job: refusals[job_id] for job in ids for job_id in ids[job] if job_id in refusals}
                return errors | refused
            except FederationError:
                hook.close_failed()
                raise


def _ids_of(batch: Collection[Job], hook: DfmHook) -> tuple[dict[Job, list[str]], dict[Job, Exception]]:
    """The ids of each job that is to be aborted, and why there are none of it: that is no other's trouble."""
    ids: dict[Job, list[str]] = {}
    errors: dict[Job, Exception] = {}
    for job in batch:
        try:
            ids[job] = [job] if isinstance(job, str) else hook.active_jobs(job)
            if not ids[job]:
                errors[job] = JobNotFound("the task has no job that has not ended.")
        except (FederationUnreachable, CommandTimedOut):
            raise
        except FederationError as error:
            errors[job] = error
    return ids, errors


def abort_patiently(action: Callable[[], Any], job_id: str, dfm_conn_id: str, log: Any) -> None:
    """Do what aborts a job, and again until that has succeeded or cannot.

    :param action: aborts it; doing it twice has to be safe.
    :param job_id: the job.
    :param dfm_conn_id: its connection.
    :param log: the task's; it is told of each failure, and nothing is raised.
    """

    def again(state: RetryCallState) -> None:
        assert state.outcome is not None
        assert state.next_action is not None
        log.warning(
            "Could not abort job %s, trying again in %.0f s: %s",
            job_id,
            state.next_action.sleep,
            state.outcome.exception(),
        )

    retrying = Retrying(
        retry=retry_if_exception(lambda error: not isinstance(error, PermanentFederationError)),
        wait=wait_exponential(max=MAX_PAUSE_SECONDS),
        stop=stop_after_delay(PATIENCE_SECONDS),
        before_sleep=again,
        reraise=True,
    )
    try:
        retrying(action)
    except Exception as error:  # whatever it is, somebody has to be told of the job
        log.error(
            "Job %s of connection %r could not be aborted, and may run on: %s: %s. Abort it with a "
            "FlareAbortJobOperator, or in nvflare's admin console.",
            job_id,
            dfm_conn_id,
            type(error).__name__,
            error,
        )
