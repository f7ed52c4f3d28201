"""Jobs of the local target: all sites run in processes of the session host."""

from __future__ import annotations

import importlib
import json
import os
import sys
from dataclasses import dataclass
from typing import Any

from airflow_provider_dfm.remote.bound_pipeline import CUSTOM_PROPERTY, BoundPipeline
from airflow_provider_dfm.remote.failures import NamedError
from airflow_provider_dfm.remote.local_delivery import LocalDelivery
from airflow_provider_dfm.remote.module_package import write_package
from airflow_provider_dfm.remote.runner_words import RunnerWords, logger_of, why_it_died
from airflow_provider_dfm.remote.sent_sets import SentSets
from airflow_provider_dfm.remote.token_store import TokenStore
from airflow_provider_dfm.remote.value_store import VALUES, ValueStore, is_name

DRAIN_SECONDS = 30.0
DRAIN_SECONDS_AFTER_DEATH = 3.0
# A net compares each frame that waits with each value that waits: see frame_feeder.py.
FRAMES_AT_ONCE = 200
# Where a FLARE job's download has its tokens, so that both are read alike.
TOKENS_FOLDER = os.path.join("workspace", "app_server", CUSTOM_PROPERTY)
# What nv_dfm_core/targets/local/_job_execution.py, submit, says of a process that has ended.
DEAD = "is not alive"
SITE_PACKAGE = "airflow_provider_dfm_site"
# DFM's states as FLARE's: nv_dfm_core/session/_job.py. FINISHED says nothing of success here either.
RAISED = "FINISHED:EXECUTION_EXCEPTION"
# What job_components.py calls that file.
FAILURES_FILE = "failures.json"
STATUS = {"SUBMITTED": "SUBMITTED", "RUNNING": "RUNNING", "FINISHED": "FINISHED:COMPLETED"}


@dataclass
class LocalJob:
    """A job that was started here.

    :param job: DFM's.
    :param bound: what it does.
    :param ends_at: when whoever started it gives it up, in seconds since 1970; None: never.
    :param sent_sets: what it was sent since.
    :param tokens: what it has yielded.
    :param words: what DFM's runner says of it.
    :param aborted: whether somebody aborted it.
    """

    job: Any
    bound: BoundPipeline
    ends_at: float | None
    sent_sets: SentSets
    tokens: TokenStore
    words: RunnerWords
    aborted: bool = False

    @property
    def has_died(self) -> bool:
        """Whether DFM calls it aborted, and nobody did that."""
        return self.job.get_status().name == "ABORTED" and not self.aborted

    @property
    def status(self) -> str:
        """FLARE's word for its state."""
        return RAISED if self.has_died else STATUS.get(self.job.get_status().name, "FINISHED:ABORTED")


class LocalJobs:
    """Starts jobs of the local target and keeps their tokens in files.

    :param settings: ``federation`` and ``homesite``.
    :param folder: where the files go, as of a downloaded FLARE job.
    :param site_modules: name to source text of the modules that the site processes import.
    """

    def __init__(self, settings: dict[str, Any], folder: str, site_modules: dict[str, str]) -> None:
        self._settings = settings
        self._folder = folder
        self._site_modules = site_modules
        self._jobs: dict[str, LocalJob] = {}

    def start(self, bound: BoundPipeline, job_id: str, ends_at: float | None = None, force_modgen: bool = False) -> str:
        """Start a job, in a DFM session of its own: a shared one stalls when its pool is full.

        :param bound: pipeline and parameter sets.
        :param job_id: the id it gets here; DFM's own is only known to its process.
        :param ends_at: when whoever starts it gives it up, in seconds since 1970; None: never.
        :param force_modgen: generate the sites' code anew.
        :raises NamedError: WorkFailed; SiteDied, where a site's process did not live so long.
        """
        from nv_dfm_core.session import Session

        folder = os.path.join(self._folder, job_id, TOKENS_FOLDER)
        words = RunnerWords(job_id, os.path.join(self._folder, job_id))
        tokens = TokenStore()
        tokens.open(folder)
        self._bring_site_modules()
        try:
            session = Session(
                self._settings["federation"],
                self._settings["homesite"],
                target="local",
                callback_dispatcher=_recording_dispatcher(tokens),
                max_concurrent_jobs=1,
                logger=logger_of(job_id),
            )
            session.connect()
            job = _execute(session, bound, force_modgen)
        except Exception as error:
            said = "".join(f" DFM's runner said: {text}" for text in words.of_runner())
            name = "SiteDied" if DEAD in str(error) else "WorkFailed"
            raise NamedError(name, f"The local job did not start: {type(error).__name__}: {error}.{said}") from error
        sent_sets = SentSets(len(bound.parameter_sets), LocalDelivery(job).deliver)
        sent_sets.open(folder)
        self._jobs[job_id] = LocalJob(job, bound, ends_at, sent_sets, tokens, words)
        return job_id

    def get_job_meta(self, job_id: str) -> dict[str, Any]:
        """The same keys as FLARE's meta of a job, and ``said``: what DFM's runner and its sites say is wrong."""
        local = self._job(job_id)
        return {
            "job_id": job_id,
            "name": local.bound.prepared.pipeline_name or "pipeline",
            "status": local.status,
            "custom_props": local.bound.custom_properties(local.ends_at),
            "said": [
                *(f"site {site}: {text}" for site, text in local.words.of_sites().items()),
                *local.words.of_runner(),
            ],
        }

    def send_input_params(self, job_id: str, request: dict[str, Any]) -> dict[str, Any]:
        """Send to an open pipeline; see ``sent_sets.py``."""
        local = self._job(job_id)
        if local.job.get_status().name not in STATUS or local.job.get_status().name == "FINISHED":
            raise NamedError("JobNotRunning", f"Job {job_id} takes no parameter sets: it has ended.")
        return local.sent_sets.send(request)

    def abort_jobs(self, job_ids: list[str]) -> dict[str, list[str]]:
        """See :meth:`FlareSession.abort_jobs`."""
        refusals = {}
        for job_id in job_ids:
            try:
                local = self._job(job_id)
                # One that has died stays so.
                local.aborted = local.aborted or not local.has_died
                local.job.cancel()
            except NamedError as error:
                refusals[job_id] = [error.error_name, str(error)]
        return refusals

    def download_job_result(self, job_id: str) -> dict[str, Any]:
        """Where the tokens are, once all have come; of a job that died, with what is known of that.

        :raises NamedError: ResultsIncomplete, where they were brought before.
        """
        local = self._job(job_id)
        folder = os.path.join(self._folder, job_id, TOKENS_FOLDER)
        if not os.path.isdir(folder):
            raise NamedError(
                "ResultsIncomplete",
                f"The results of local job {job_id} were brought before, and are gone from where they were kept. "
                "Nothing else has them: run the job again.",
            )
        # Ends when DFM's thread has handed on the last token; of a job that has died, it hears of no end.
        local.job.wait_until_finished(timeout=DRAIN_SECONDS_AFTER_DEATH if local.has_died else DRAIN_SECONDS)
        if local.has_died:
            reasons = why_it_died(local.words, local.job.job_execution(), self._settings["homesite"])
            with open(os.path.join(folder, FAILURES_FILE), "w", encoding="utf-8") as file:
                json.dump(reasons, file)
        self._bring_values(local.job.job_id, folder)
        return {"location": os.path.join(self._folder, job_id)}

    def read_tokens(self, job_id: str, position: int) -> dict[str, Any]:
        """The tokens from a position on, as the controller of a FLARE job gives them."""
        return self._job(job_id).tokens.read(position)

    def read_value(self, job_id: str, name: str) -> str | None:
        """Where a large value of a running job is; None: not there any more."""
        path = ValueStore(os.path.join(self._folder, VALUES, self._job(job_id).job.job_id)).path(name)
        return path if os.path.exists(path) else None

    def _bring_values(self, dfm_job_id: str, folder: str) -> None:
        """Put the large values of a job, which its sites know by DFM's own id, beside its tokens."""
        came, values = os.path.join(self._folder, VALUES, dfm_job_id), os.path.join(folder, VALUES)
        if os.path.isdir(came) and os.path.isdir(folder):
            os.makedirs(values, exist_ok=True)
            # A site of an aborted job may still write to others.
            for name in filter(is_name, os.listdir(came)):
                os.replace(os.path.join(came, name), os.path.join(values, name))

    def _job(self, job_id: str) -> LocalJob:
        if job_id not in self._jobs:
            raise NamedError(
                "JobNotFound",
                f"This session has no local job {job_id}: such a job lives in the session that started it.",
            )
        return self._jobs[job_id]

    def _bring_site_modules(self) -> None:
        """Write the site modules where the site processes, which have this one's path, can import them."""
        path = os.path.join(self._folder, "path")
        if path in sys.path:
            return
        write_package(path, SITE_PACKAGE, self._site_modules)
        sys.path.append(path)
        importlib.import_module(f"{SITE_PACKAGE}.local_site").use_site_process()


def _execute(session: Any, bound: BoundPipeline, force_modgen: bool) -> Any:
    """As nv_dfm_core/session/_session.py, ``Session.execute``, which numbers all frames from 0 on by itself."""
    from nv_dfm_core.exec import Frame

    runner = session._callback_dispatcher.create_runner(default_callback=None, place_callbacks=None)
    next_frame = Frame.stop_frame() if bound.autostop else Frame.start_frame(num=len(bound.parameter_sets))
    frames = bound.frames()
    job = session._delegate.execute(
        pipeline=bound.prepared,
        next_frame=next_frame,
        input_params=frames[:FRAMES_AT_ONCE],
        callback_runner=runner,
        debug=False,
        options=None,
        force_modgen=force_modgen,
    )
    job._send_input_params_internal(frames[FRAMES_AT_ONCE:])
    return job


def _recording_dispatcher(tokens: TokenStore) -> Any:
    from nv_dfm_core.session import CallbackDispatcher, CallbackRunner

    class Recorder(CallbackRunner):
        # Takes the tokens as they are: DFM's own runners unpickle them.
        def dispatch(self, received: Any) -> None:
            for token in _as_list(received):
                tokens.receive_token_package(token)

    class Dispatcher(CallbackDispatcher):
        def create_runner(self, *args: Any, **kwargs: Any) -> CallbackRunner:
            return Recorder()

    return Dispatcher()


def _as_list(tokens: Any) -> list[Any]:
    if tokens is None:
        return []
    return tokens if isinstance(tokens, list) else [tokens]
