"""Jobs of the local target: all sites run in processes of the session host."""

from __future__ import annotations

import json
import os
import threading
from typing import Any

from airflow_provider_dfm.remote.bound_pipeline import CUSTOM_PROPERTY, BoundPipeline
from airflow_provider_dfm.remote.failures import NamedError

DRAIN_SECONDS = 30.0
MAX_BYTES_A_READ = 1 << 20
# Where a FLARE job's download has them, so that both are read alike.
TOKENS = os.path.join("workspace", "app_server", CUSTOM_PROPERTY, "tokens.jsonl")
# DFM's states as FLARE's: nv_dfm_core/session/_job.py. FINISHED says nothing of success here either.
STATUS = {"SUBMITTED": "SUBMITTED", "RUNNING": "RUNNING", "FINISHED": "FINISHED:COMPLETED"}


class TokenFile:
    """Writes the tokens of one job to a file, in the order in which they come."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()

    def append(self, tokens: Any) -> None:
        lines = [json.dumps(token.model_dump(mode="json")) + "\n" for token in _as_list(tokens)]
        with self._lock, open(self._path, "a", encoding="utf-8") as file:
            file.writelines(lines)


class LocalJobs:
    """Starts jobs of the local target and keeps their tokens in files.

    :param settings: ``federation`` and ``homesite``.
    :param folder: where the files go, as of a downloaded FLARE job.
    """

    def __init__(self, settings: dict[str, Any], folder: str) -> None:
        self._settings = settings
        self._folder = folder
        self._jobs: dict[str, tuple[Any, BoundPipeline, float | None]] = {}

    def start(self, bound: BoundPipeline, job_id: str, ends_at: float | None = None, force_modgen: bool = False) -> str:
        """Start a job, in a DFM session of its own: a shared one stalls when its pool is full.

        :param bound: pipeline and parameter sets.
        :param job_id: the id it gets here; DFM's own is only known to its process.
        :param ends_at: when whoever starts it gives it up, in seconds since 1970; None: never.
        :param force_modgen: generate the sites' code anew.
        :raises NamedError: JobFailed.
        """
        from nv_dfm_core.session import Session

        os.makedirs(os.path.dirname(self._tokens_path(job_id)), exist_ok=True)
        try:
            session = Session(
                self._settings["federation"],
                self._settings["homesite"],
                target="local",
                callback_dispatcher=_recording_dispatcher(TokenFile(self._tokens_path(job_id))),
                max_concurrent_jobs=1,
            )
            session.connect()
            job = session.execute(bound.prepared, input_params=bound.parameter_sets, force_modgen=force_modgen)
        except Exception as error:
            raise NamedError("JobFailed", f"The local job did not start: {type(error).__name__}: {error}") from error
        self._jobs[job_id] = (job, bound, ends_at)
        return job_id

    def get_job_meta(self, job_id: str) -> dict[str, Any]:
        """The same keys as FLARE's meta of a job."""
        job, bound, ends_at = self._job(job_id)
        return {
            "job_id": job_id,
            "name": bound.prepared.pipeline_name or "pipeline",
            "status": STATUS.get(job.get_status().name, "FINISHED:ABORTED"),
            "custom_props": bound.custom_properties(ends_at),
        }

    def abort_job(self, job_id: str) -> None:
        self._job(job_id)[0].cancel()

    def download_job_result(self, job_id: str) -> dict[str, Any]:
        """Where the tokens are, once all have come."""
        job = self._job(job_id)[0]
        # Ends when DFM's thread has handed on the last token.
        job.wait_until_finished(timeout=DRAIN_SECONDS)
        return {"location": os.path.join(self._folder, job_id)}

    def read_tokens(self, job_id: str, position: int) -> dict[str, Any]:
        """The tokens from a position on, as the controller of a FLARE job gives them."""
        self._job(job_id)
        # The same as in job_components.py, which travels alone.
        path = self._tokens_path(job_id)
        if not os.path.exists(path):
            return {"text": "", "position": position}
        with open(path, "rb") as file:
            file.seek(position)
            text = b"".join(line for line in file.readlines(MAX_BYTES_A_READ) if line.endswith(b"\n"))
        return {"text": text.decode(), "position": position + len(text)}

    def _job(self, job_id: str) -> tuple[Any, BoundPipeline, float | None]:
        if job_id not in self._jobs:
            raise NamedError("JobNotFound", f"This session has no local job {job_id}.")
        return self._jobs[job_id]

    def _tokens_path(self, job_id: str) -> str:
        return os.path.join(self._folder, job_id, TOKENS)


def _recording_dispatcher(tokens: TokenFile) -> Any:
    from nv_dfm_core.session import CallbackDispatcher, CallbackRunner

    class Recorder(CallbackRunner):
        # Takes the tokens as they are: DFM's own runners unpickle them.
        def dispatch(self, received: Any) -> None:
            tokens.append(received)

    class Dispatcher(CallbackDispatcher):
        def create_runner(self, *args: Any, **kwargs: Any) -> CallbackRunner:
            return Recorder()

    return Dispatcher()


def _as_list(tokens: Any) -> list[Any]:
    if tokens is None:
        return []
    return tokens if isinstance(tokens, list) else [tokens]
