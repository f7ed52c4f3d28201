"""One open session with a federation."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from airflow_provider_dfm.federation.discovery import Discovery, read_discovery
from airflow_provider_dfm.federation.downloaded_job import DownloadedJob
from airflow_provider_dfm.federation.errors import JobNotFound, JobTimedOut, ParameterSetError
from airflow_provider_dfm.federation.flare_commands import FlareCommands
from airflow_provider_dfm.federation.flare_job_folder import copy_job_folder
from airflow_provider_dfm.federation.flare_options import read_options
from airflow_provider_dfm.federation.host_process import Log
from airflow_provider_dfm.federation.job import FederationJob
from airflow_provider_dfm.federation.job_files import Patterns
from airflow_provider_dfm.federation.job_identity import JobIdentity
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.job_results import JobResults
from airflow_provider_dfm.federation.job_source import job_source
from airflow_provider_dfm.federation.job_status import JobStatus
from airflow_provider_dfm.federation.open_session import OpenSession
from airflow_provider_dfm.federation.parameter_sets import ParameterSets, normalize_parameter_sets
from airflow_provider_dfm.federation.pipeline import PipelineDefinition
from airflow_provider_dfm.federation.pipeline_commands import PipelineCommands
from airflow_provider_dfm.federation.prepared_pipeline import PreparedPipeline, RestrictToSites
from airflow_provider_dfm.federation.required_sites import RequiredSites
from airflow_provider_dfm.federation.result_callbacks import NamedCallback, ResultCallbacks
from airflow_provider_dfm.federation.results import FederationResults
from airflow_provider_dfm.federation.sending import Sending, send
from airflow_provider_dfm.federation.settings import ConnectionSettings
from airflow_provider_dfm.federation.submit_once import Claim, Submission, active_jobs, submit_once

TRANSFER_SECONDS = 600.0
# Shorter than a task's patience: a reply that gets lost must leave it time to look whether the server has the job.
SUBMIT_SECONDS = 100.0
SUBMIT_BYTES_A_SECOND = 1_000_000


class FederationSession(FlareCommands, PipelineCommands):
    """A session with a federation, in an interpreter of the federation's own; use it in a ``with``.

    :param settings: which federation, as whom, and how.
    :param log: gets the session's log lines; default: this module's logger.
    :param results_path: folder that keeps the results of jobs, a ``pathlib.Path`` or one of its kin such as
        Airflow's ``ObjectStoragePath``; default: the settings' ``results_path``; where there is none, results
        can be read until the session is closed.
    :param startup_kit: the kit's folder, zip or tar, of the same kinds; default: the settings' ``startup_kit``.
    :param log_in: False for a session that only describes the federation and prepares pipelines: it needs no server,
        and leaves the startup kit alone.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        log: Log | None = None,
        results_path: Any = None,
        startup_kit: Any = None,
        log_in: bool = True,
    ) -> None:
        self._settings = settings
        self._log: Log = log or logging.getLogger(__name__)
        if results_path is None and settings.results_path:
            results_path = Path(settings.results_path)
        super().__init__(OpenSession(settings, self._log, startup_kit, log_in), results_path)
        self._results = JobResults(self._session, self.get_job_meta, results_path, self._log)

    def __enter__(self) -> FederationSession:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def settings(self) -> ConnectionSettings:
        return self._settings

    @property
    def about(self) -> dict[str, Any]:
        """What the session found when it was opened: versions, and the federation's package."""
        return self._session.about

    def open(self) -> None:
        """Start the session host and log in.

        :raises FederationError: says what is wrong with the interpreter, the kit, the user or the server.
        """
        self._session.open()

    def close(self) -> None:
        """End the session host and remove the copy of the startup kit. Does nothing the second time."""
        self._session.close()

    def ask(self, method: str, **arguments: Any) -> Any:
        return self._session.ask(method, **arguments)

    def discover(
        self,
        pipeline: PipelineDefinition,
        restrict_to_sites: RestrictToSites = None,
        *,
        pipeline_arguments: Mapping[str, Any] | None = None,
        on_error: Literal["fail", "list"] = "fail",
        timeout: float | None = None,
        poll_interval: float = 1.0,
    ) -> Discovery:
        """Ask the sites which values the parameters of a pipeline's operations may have.

        :param pipeline: see :meth:`prepare_discovery`.
        :param restrict_to_sites: see :meth:`prepare`.
        :param pipeline_arguments: see :meth:`prepare`.
        :param on_error: ``fail`` when an advisor failed or a site gave no advice, or ``list`` it in the answer.
        :param timeout: seconds the job may take; then it is aborted. None: no limit.
        :param poll_interval: seconds between two looks.
        :raises DiscoveryFailed: see ``on_error``.
        :raises JobTimedOut: the time was over.
        :raises JobFailed, ResultsIncomplete: the job did not do its work.
        """
        ends_at = None if timeout is None else time.time() + timeout
        job = self.execute(self.prepare_discovery(pipeline, restrict_to_sites, pipeline_arguments), ends_at=ends_at)
        if not job.wait_until_finished(timeout, poll_interval):
            job.cancel()
            raise JobTimedOut(f"Job {job.job_id} did not end in time, {timeout:g} s. It was aborted.")
        discovery = read_discovery(job.results())
        if on_error == "fail":
            discovery.check()
        return discovery

    def execute(
        self,
        pipeline: PreparedPipeline | PipelineDefinition,
        input_params: ParameterSets = {},  # noqa: B006 - never changed; None means no set at all, as in DFM
        *,
        pipeline_arguments: Mapping[str, Any] | None = None,
        restrict_to_sites: RestrictToSites = None,
        default_callback: NamedCallback | None = None,
        place_callbacks: Mapping[str, NamedCallback] | None = None,
        debug: bool = False,
        options: Mapping[str, Any] | None = None,
        force_modgen: bool = False,
        required_sites: RequiredSites | None = None,
        ends_at: float | None = None,
        claim: Claim | None = None,
        autostop: bool = True,
    ) -> FederationJob:
        """Start a pipeline, once for each parameter set.

        :param pipeline: what :meth:`prepare` gave or takes.
        :param input_params: one parameter set, a list of them, or None for none, with ``autostop=False``.
        :param pipeline_arguments: see :meth:`prepare`.
        :param restrict_to_sites: see :meth:`prepare`.
        :param default_callback: see :class:`ResultCallbacks`; the job's :meth:`FederationJob.wait_until_finished`
            calls it.
        :param place_callbacks: see :class:`ResultCallbacks`.
        :param debug: see :meth:`prepare`; DFM's own ``execute`` takes it, and does nothing with it.
        :param options: DFM's FlareOptions as a mapping: ``task_timeout_s``, the seconds after which the federation
            stops the job and fails it; default 0: never. The target ``local`` has none.
        :param force_modgen: have each site generate its code anew, though its cache has that of this pipeline.
        :param required_sites: which sites have to be connected; looked at before the submit.
        :param ends_at: when the caller gives the job up, in seconds since 1970; kept in the job's meta.
        :param claim: whose job it is: with one, a job that was submitted for it before is found instead. Where that
            has failed, with some of its sets answered, the new one does the others only; its results are those of both.
        :param autostop: end the pipeline after these sets; otherwise it runs on, takes further ones
            (:meth:`send_input_params`), and has to be stopped (:meth:`send_stop_frame`).
        :raises PipelineError: the pipeline cannot be read, built or prepared.
        :raises ParameterSetError: a parameter set does not fit the pipeline; nothing was submitted.
        :raises CallbackFailed: a callback cannot be imported, or is for no place of the pipeline's; nothing was
            submitted.
        :raises SitesMissing: sites that are required are not connected; nothing was submitted.
        :raises JobContentConflict: the claimed job does something else.
        """
        callbacks = ResultCallbacks(default_callback, place_callbacks)
        task_timeout_s = read_options(options).get("task_timeout_s", 0)
        if input_params is None and autostop:
            # DFM warns, and ends the pipeline at once; the job would be a success that did nothing.
            raise ParameterSetError(
                "input_params is None, so the pipeline would end before it has done anything. Give {} for one set "
                "without parameters, [] where no set is meant, or autostop=False to send sets while it runs."
            )
        sets = normalize_parameter_sets(input_params)
        if not isinstance(pipeline, PreparedPipeline):
            pipeline = self.prepare(pipeline, restrict_to_sites, debug, pipeline_arguments)
        callbacks.check_places(pipeline.places)
        content = self._session.ask(
            "bind", TRANSFER_SECONDS, reference=pipeline.reference, input_params=sets, autostop=autostop
        )

        def submit(job_id: str, failed: str | None) -> None:
            self.check_sites(required_sites)
            repeat = self._results.to_repeat(failed, content)
            how: dict[str, Any] = {"ends_at": ends_at, "task_timeout_s": task_timeout_s, "force_modgen": force_modgen}
            if repeat is not None:
                self._log.info(
                    "Only the %s parameter sets that job %s did not answer are done again", len(repeat), failed
                )
                how |= {"set_numbers": repeat, "continues": failed}
            self._session.ask("submit_pipeline", SUBMIT_SECONDS, job_id=job_id, **how)

        return self._submit(f"pipeline {pipeline.name!r}", content, submit, claim, ends_at).call_back(callbacks)

    def send_input_params(
        self, job_id: str, input_params: ParameterSets, key: str | None = None, stop: bool = False
    ) -> list[int]:
        """Send more parameter sets to a pipeline that was started with ``autostop=False``, from any session.

        What this returns is safe with the job: it is brought to each site, or the job fails.

        :param job_id: the job. One that has not begun is waited for, about 40 seconds.
        :param input_params: one parameter set, or a list of them; checked before they are sent.
        :param key: names what is sent: the same key and sets are sent once, however often they are tried; default:
            a new one.
        :param stop: stop the pipeline after them.
        :return: the indices that these sets have among all of the job's.
        :raises ParameterSetError: a set does not fit the pipeline; nothing was sent.
        :raises JobNotRunning: the pipeline was stopped, or the job has ended.
        :raises PipelineError: the job is no pipeline that takes further sets.
        :raises JobNotFound: nobody knows the job; of a local job, only the session that started it does.
        :raises JobContentConflict: other sets were sent under this key before.
        :raises CommandTimedOut: the job has not begun, or does not answer; try again with the same key.
        """
        sending = Sending.of(normalize_parameter_sets(input_params), stop, key)
        sent = send(job_id, sending, self.get_job_meta, self._session.ask, self.results)
        self._log.info("Sent %s parameter sets to job %s%s", len(sent), job_id, ", and its end" if stop else "")
        return sent

    def send_stop_frame(self, job_id: str, key: str | None = None) -> None:
        """Let a pipeline end that was started with ``autostop=False``, once it has done all its sets.

        One that was stopped before stays so.

        :param job_id: the job.
        :param key: see :meth:`send_input_params`, which says what is raised, too.
        """
        self.send_input_params(job_id, [], key, stop=True)

    def submit_job(
        self,
        job_definition_path: Any,
        *,
        job_arguments: Mapping[str, Any] | None = None,
        meta: Mapping[str, Any] | None = None,
        required_sites: RequiredSites | None = None,
        ends_at: float | None = None,
        claim: Claim | None = None,
    ) -> FederationJob:
        """Submit a FLARE job; where it comes from is left as it is.

        :param job_definition_path: the job's folder, which holds ``meta.json``, or a zip or tar of it: text, a
            ``pathlib.Path`` or one of its kin, such as Airflow's ``ObjectStoragePath``. Or
            ``"package.module:function"``, which is called in the federation's interpreter and returns a ``FedJob``
            or a recipe.
        :param job_arguments: keyword arguments of the function.
        :param meta: what is to be otherwise in the job's ``meta.json``, such as ``name``, ``min_clients``,
            ``mandatory_clients``, ``resource_spec`` or ``custom_props``.
        :param required_sites: see :meth:`execute`.
        :param ends_at: see :meth:`execute`.
        :param claim: see :meth:`execute`.
        :raises JobDefinitionError: it is no job, or the federation refuses it.
        :raises SitesMissing: sites that are required are not connected; nothing was submitted.
        :raises JobContentConflict: the claimed job does something else.
        """
        source = job_source(self._session, job_definition_path, job_arguments)
        folder = copy_job_folder(source, self._session.folder / "jobs" / str(uuid.uuid4()), meta)
        timeout = SUBMIT_SECONDS + folder.size / SUBMIT_BYTES_A_SECOND

        def submit(job_id: str, failed: str | None) -> None:
            self.check_sites(required_sites)
            self._session.ask("submit_job", timeout, folder=str(folder.named(job_id, ends_at)), job_id=job_id)

        return self._submit(f"job {folder.name!r}", folder.content, submit, claim, ends_at)

    def _submit(
        self,
        what: str,
        content: str,
        submit: Callable[[str, str | None], None],
        claim: Claim | None,
        ends_at: float | None,
    ) -> FederationJob:
        if claim is None:
            submission = Submission(str(uuid.uuid4()))
            submit(submission.job_id, None)
        else:
            submission = submit_once(claim, content, lambda job_id: self._find_own(job_id, claim.partial), submit)
        if submission.found is None:
            self._log.info("Submitted %s as job %s", what, submission.job_id)
            return FederationJob(self, submission.job_id, ends_at=ends_at)
        self._log.info("Found %s as job %s, which is %s", what, submission.job_id, submission.found.status)
        return FederationJob(self, submission.job_id, submission.found, submission.found.own.get("ends_at"))

    def _find_own(self, job_id: str, partial: bool) -> JobMeta | None:
        kept = self._results.kept(job_id)
        if kept is None:
            return self.find_job(job_id)
        return kept.outcome.as_meta(failed=kept.outcome.failure(partial) is not None)

    def active_jobs(self, identity: JobIdentity) -> list[str]:
        """The ids of an identity's jobs that have not ended."""
        return active_jobs(identity, self.find_job)

    def reattach(
        self,
        job_id: str,
        default_callback: NamedCallback | None = None,
        place_callbacks: Mapping[str, NamedCallback] | None = None,
        *,
        found: JobMeta | None = None,
        ends_at: float | None = None,
    ) -> FederationJob:
        """A job by its id, whoever submitted it, while it runs and after; any number of these at once.

        Looking at it takes nothing away from anybody; without callbacks, no result is even read. An id that nobody
        knows has the status UNKNOWN, and ``was_found`` is False.

        :param job_id: the job.
        :param default_callback: see :class:`ResultCallbacks`; called with all of the job's results, from the first one
            on, by :meth:`FederationJob.wait_until_finished`.
        :param place_callbacks: see :class:`ResultCallbacks`.
        :param found: see :class:`FederationJob`.
        :param ends_at: see :class:`FederationJob`.
        :raises CallbackFailed: a callback cannot be imported.
        """
        callbacks = ResultCallbacks(default_callback, place_callbacks)
        return FederationJob(self, job_id, found, ends_at).call_back(callbacks)

    def clone_job(self, job_id: str) -> FederationJob:
        """Submit a job once more, as another one; that works while it runs, too.

        :param job_id: the job.
        :return: the new job, whose meta says ``cloned_from``. The server chooses its id, and leaves out
            ``custom_props``: the results of a pipeline's clone can be read as long as the original is stored.
        :raises JobNotFound: nobody knows the job.
        """
        clone = FederationJob(self, str(self.ask("clone_job", job_id=job_id)))
        self._log.info("Cloned job %s as job %s", job_id, clone.job_id)
        return clone

    def get_job_meta(self, job_id: str) -> JobMeta:
        """All that the federation stores about a job.

        :raises JobNotFound: nobody knows the id.
        """
        try:
            return JobMeta.model_validate(self._session.ask("get_job_meta", job_id=job_id))
        except JobNotFound:
            # A local job is forgotten with the session that ran it, others with the server's store; what is kept
            # of them is in their results.
            kept = self._results.kept(job_id)
            if kept is None:
                raise
            return kept.outcome.as_meta()

    def find_job(self, job_id: str) -> JobMeta | None:
        """As :meth:`get_job_meta`, but None for an id that nobody knows."""
        try:
            return self.get_job_meta(job_id)
        except JobNotFound:
            return None

    def get_status(self, job_id: str) -> JobStatus:
        """A job's state; UNKNOWN for an id that nobody knows."""
        meta = self.find_job(job_id)
        return JobStatus.UNKNOWN if meta is None else meta.state

    def read_tokens(self, job_id: str, position: int) -> dict[str, Any]:
        """What a running pipeline has given from a position on; reading takes nothing away.

        :param position: where to begin; 0: at the first token.
        :return: ``text``, one token a line, empty when there is no more now, and the ``position`` to go on from.
        """
        tokens: dict[str, Any] = self._session.ask("read_tokens", job_id=job_id, position=position)
        return tokens

    def job_ended(self, job_id: str) -> None:
        """Keep what would be lost with the session: the results of a local job."""
        self._results.keep_ended(job_id)

    def results(self, job_id: str) -> FederationResults:
        """What a job's pipeline yielded; see :meth:`FederationJob.results`."""
        return self._results.of(job_id)

    def download_job_result(self, job_id: str, destination: Any = None, paths: Patterns = None) -> DownloadedJob:
        """Keep the files of a job that has ended, as FLARE lays them out: ``meta.json``, ``job/…``, ``workspace/…``.

        :param job_id: the job.
        :param destination: the folder, as text, a ``pathlib.Path`` or one of its kin such as Airflow's
            ``ObjectStoragePath``; default: ``<results_path>/<job_id>/download``.
        :param paths: which files, as glob patterns: see :func:`job_files.wanted_files`; None: all.
        :return: what was wanted. The folder's ``manifest.json`` names that and what was downloaded before; it is
            written last. What is there already is not sent again, and what a manifest has is not even brought from
            the federation; whose own transfer always begins anew.
        :raises ResultsIncomplete: the job has not ended, or has no such file.
        :raises DestinationConflict: the folder holds another job, or something else.
        :raises UnsafeResult: there is a link among the job's files.
        """
        return self._results.download(job_id, destination, paths)

    def check_job(self, job_id: str, partial: bool = False) -> FederationResults | None:
        """Make sure that an ended job did its work; see :meth:`JobResults.check`."""
        return self._results.check(job_id, partial)
