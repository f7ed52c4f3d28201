"""One open session with a federation."""

from __future__ import annotations

import logging
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from airflow_provider_dfm.federation.errors import FederationError, JobNotFound, ResultsIncomplete
from airflow_provider_dfm.federation.host_process import HostProcess, Log
from airflow_provider_dfm.federation.interpreter import inspect_interpreter
from airflow_provider_dfm.federation.job import FederationJob, JobStatus
from airflow_provider_dfm.federation.parameter_sets import ParameterSets, normalize_parameter_sets
from airflow_provider_dfm.federation.pipeline import pipeline_source
from airflow_provider_dfm.federation.private_folder import PrivateFolder
from airflow_provider_dfm.federation.results import (
    FederationResults,
    check_status,
    is_pipeline_job,
    read_downloaded_job,
)
from airflow_provider_dfm.federation.results_folder import keep_results, read_kept_results
from airflow_provider_dfm.federation.settings import ConnectionSettings
from airflow_provider_dfm.federation.startup_kit import copy_startup_kit, unpack_startup_kit

COMMAND_SECONDS = 60.0
PREPARE_SECONDS = 120.0
TRANSFER_SECONDS = 600.0

RestrictToSites = Literal["homesite"] | list[str] | None


@dataclass(frozen=True)
class PreparedPipeline:
    """A pipeline that the session has prepared; it can be executed any number of times while that is open.

    :param reference: the session's name for it.
    :param name: the pipeline's name, or ``""``.
    :param api_version: version of the federation's API it was prepared for.
    :param sites: the sites that take part.
    :param parameters: the places of its parameters.
    :param places: the places that every parameter set yields to.
    """

    reference: str
    name: str
    api_version: str
    sites: tuple[str, ...]
    parameters: tuple[str, ...]
    places: tuple[str, ...]


class FederationSession:
    """A session with a federation, in an interpreter of the federation's own; use it in a ``with``.

    :param settings: which federation, as whom, and how.
    :param log: gets the session's log lines; default: this module's logger.
    :param results_path: folder that keeps the results of jobs, a ``pathlib.Path`` or one of its kin such as
        Airflow's ``ObjectStoragePath``; default: the settings' ``results_path``; where there is none, results
        can be read until the session is closed.
    :param startup_kit: the kit's folder, zip or tar, of the same kinds; default: the settings' ``startup_kit``.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        log: Log | None = None,
        results_path: Any = None,
        startup_kit: Any = None,
    ) -> None:
        self.settings = settings
        if results_path is None and settings.results_path:
            results_path = Path(settings.results_path)
        self._results_path = results_path
        self._startup_kit = Path(settings.startup_kit) if startup_kit is None else startup_kit
        self._log: Log = log or logging.getLogger(__name__)
        self._host: HostProcess | None = None
        self._private_folder: PrivateFolder | None = None
        self.about: dict[str, Any] = {}

    def __enter__(self) -> FederationSession:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Start the session host and log in.

        :raises FederationError: says what is wrong with the interpreter, the kit, the user or the server.
        """
        settings = self.settings
        timeout = settings.connect_timeout
        inspect_interpreter(settings.python, needs_dfm=bool(settings.federation), timeout=timeout)
        self._private_folder = PrivateFolder()
        try:
            self._host = HostProcess(
                settings.python, settings.python_path, str(self._folder), self._host_settings(), self._log
            )
            # Importing the libraries takes its own time, so the log-in's limit alone would be too short.
            self.about = self._host.ask("connect", 2 * timeout + COMMAND_SECONDS)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the session host and remove the copy of the startup kit. Does nothing the second time."""
        if self._host is not None:
            self._host.end()
            self._host = None
        if self._private_folder is not None:
            self._private_folder.close()
            self._private_folder = None

    @property
    def _folder(self) -> Path | None:
        return None if self._private_folder is None else self._private_folder.path

    def _host_settings(self) -> dict[str, Any]:
        settings = self.settings
        names = ("user", "federation", "homesite", "target", "secure_mode", "connect_timeout")
        return {name: getattr(settings, name) for name in names} | {"startup_kit": self._private_kit()}

    def _private_kit(self) -> str | None:
        assert self._folder is not None
        if self.settings.target == "local":
            return None
        content = self.settings.startup_kit_content.get_secret_value()
        if content:
            return str(unpack_startup_kit(content, self._folder))
        return str(copy_startup_kit(self._startup_kit, self._folder))

    def _ask(self, method: str, timeout: float = COMMAND_SECONDS, **arguments: Any) -> Any:
        if self._host is None:
            raise FederationError(f"Cannot do {method}: the session is not open. Use it in a with statement.")
        return self._host.ask(method, timeout, **arguments)

    def prepare(
        self,
        pipeline: str | Mapping[str, Any],
        restrict_to_sites: RestrictToSites = None,
        debug: bool = False,
        pipeline_arguments: Mapping[str, Any] | None = None,
    ) -> PreparedPipeline:
        """Prepare a pipeline.

        :param pipeline: path of a pipeline's JSON file, its JSON as text or dict, or
            ``"package.module:function"``, which is called in the federation's interpreter.
        :param restrict_to_sites: ``"homesite"`` or a list of sites it may use; None: all.
        :param debug: have DFM tell its steps in the log.
        :param pipeline_arguments: keyword arguments of the function.
        :raises PipelineError: it cannot be read, built or prepared.
        """
        answer = self._ask(
            "prepare",
            PREPARE_SECONDS,
            source=pipeline_source(pipeline, pipeline_arguments),
            restrict_to_sites=restrict_to_sites,
            debug=debug,
        )
        for name in ("sites", "parameters", "places"):
            answer[name] = tuple(answer[name])
        return PreparedPipeline(**answer)

    def debug_show_code(self, pipeline: PreparedPipeline) -> dict[str, str]:
        """The Python code that each site will run, by site."""
        code: dict[str, str] = self._ask("debug_show_code", PREPARE_SECONDS, reference=pipeline.reference)
        return code

    def execute(
        self,
        pipeline: PreparedPipeline | str | Mapping[str, Any],
        input_params: ParameterSets = {},  # noqa: B006 - never changed; None means no set at all, as in DFM
        *,
        pipeline_arguments: Mapping[str, Any] | None = None,
        restrict_to_sites: RestrictToSites = None,
        task_timeout_s: int = 0,
        job_id: str | None = None,
    ) -> FederationJob:
        """Start a pipeline, once for each parameter set.

        :param pipeline: what :meth:`prepare` gave or takes.
        :param input_params: one parameter set, a list of them, or None for none.
        :param pipeline_arguments: see :meth:`prepare`.
        :param restrict_to_sites: see :meth:`prepare`.
        :param task_timeout_s: seconds after which the federation stops the job and fails it; 0: never.
        :param job_id: the id the job gets, a version-4 UUID; default: a new one.
        :raises PipelineError: the pipeline cannot be read, built or prepared.
        :raises ParameterSetError: a parameter set does not fit the pipeline; nothing was submitted.
        """
        sets = normalize_parameter_sets(input_params)
        if not isinstance(pipeline, PreparedPipeline):
            pipeline = self.prepare(pipeline, restrict_to_sites, pipeline_arguments=pipeline_arguments)
        options = {} if self.settings.target == "local" else {"task_timeout_s": task_timeout_s}
        submitted = self._ask(
            "execute",
            TRANSFER_SECONDS,
            reference=pipeline.reference,
            input_params=sets,
            job_id=job_id or str(uuid.uuid4()),
            **options,
        )
        self._log.info("Submitted pipeline %r as job %s", pipeline.name, submitted)
        return FederationJob(self, submitted)

    def reattach(self, job_id: str) -> FederationJob:
        """A job by its id, whoever submitted it. Looking at it takes nothing away from anybody."""
        return FederationJob(self, job_id)

    def get_system_info(self) -> dict[str, Any]:
        """``server_status``, ``server_start_time``, the connected ``sites`` and the ``running_jobs``' ids."""
        info: dict[str, Any] = self._ask("get_system_info")
        return info

    def get_job_meta(self, job_id: str) -> dict[str, Any]:
        """All that the federation stores about a job.

        :raises JobNotFound: nobody knows the id.
        """
        try:
            meta: dict[str, Any] = self._ask("get_job_meta", job_id=job_id)
        except JobNotFound:
            # A local job is forgotten with the session that ran it; what is kept of it is in its results.
            kept = self._kept_results(job_id) if self.settings.target == "local" else None
            if kept is None:
                raise
            return {"job_id": job_id, "name": kept.outcome.name, "status": kept.outcome.status}
        return meta

    def get_status(self, job_id: str) -> JobStatus:
        """A job's state; UNKNOWN for an id that nobody knows."""
        try:
            return JobStatus.of(self.get_job_meta(job_id)["status"])
        except JobNotFound:
            return JobStatus.UNKNOWN

    def abort_job(self, job_id: str) -> None:
        """Abort a job; one that has ended stays as it is."""
        self._ask("abort_job", job_id=job_id)

    def job_ended(self, job_id: str) -> None:
        """Keep what would be lost with the session: the results of a local job."""
        if self.settings.target == "local" and self._results_path is not None:
            self.results(job_id)

    def results(self, job_id: str) -> FederationResults:
        """What a job's pipeline yielded; see :meth:`FederationJob.results`."""
        kept = self._kept_results(job_id)
        return self._bring_results(self.get_job_meta(job_id)) if kept is None else kept

    def check_job(self, job_id: str) -> FederationResults | None:
        """Make sure that an ended job did its work: see :meth:`JobOutcome.check`.

        :return: the results; None for a job that is no pipeline of this provider's, of which FLARE's status is
            all that can be said.
        :raises JobFailed, ResultsIncomplete, UnsafeResult: it did not.
        """
        results = self._kept_results(job_id)
        if results is None:
            meta = self.get_job_meta(job_id)
            if not is_pipeline_job(meta):
                check_status(meta)
                return None
            results = self._bring_results(meta)
        results.outcome.check()
        return results

    def _kept_results(self, job_id: str) -> FederationResults | None:
        return None if self._results_path is None else read_kept_results(self._results_path / job_id)

    def _bring_results(self, meta: dict[str, Any]) -> FederationResults:
        """Download a job's results, and keep them where there is a place for them."""
        job_id = meta["job_id"]
        if not JobStatus.of(meta["status"]).has_ended:
            raise ResultsIncomplete(f"Job {job_id} is {meta['status']}: wait until it has finished.")
        location = Path(self._ask("download_job_result", TRANSFER_SECONDS, job_id=job_id)["location"])
        results = read_downloaded_job(location, meta)
        if self._results_path is None:
            return results
        kept = keep_results(results, self._results_path / job_id)
        shutil.rmtree(location, ignore_errors=True)
        return kept
