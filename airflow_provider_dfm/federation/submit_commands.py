"""The commands of a session that submit jobs."""

from __future__ import annotations

import logging
import time
import uuid
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Literal

from airflow_provider_dfm.federation.discovery import Discovery, is_good_enough, read_discovery
from airflow_provider_dfm.federation.errors import JobTimedOut, ParameterSetError
from airflow_provider_dfm.federation.flare_commands import FlareCommands
from airflow_provider_dfm.federation.flare_job_folder import copy_job_folder
from airflow_provider_dfm.federation.flare_options import read_options
from airflow_provider_dfm.federation.host_process import Log
from airflow_provider_dfm.federation.job import FederationJob
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.job_results import JobResults
from airflow_provider_dfm.federation.job_source import job_source, meta_file
from airflow_provider_dfm.federation.parameter_sets import (
    ParameterSets,
    normalize_parameter_sets,
    plain_arguments,
)
from airflow_provider_dfm.federation.pipeline import PipelineDefinition
from airflow_provider_dfm.federation.pipeline_commands import PipelineCommands
from airflow_provider_dfm.federation.prepared_pipeline import PreparedPipeline, RestrictToSites, refuse_preparation
from airflow_provider_dfm.federation.required_sites import RequiredSites
from airflow_provider_dfm.federation.result_callbacks import NamedCallback, ResultCallbacks
from airflow_provider_dfm.federation.submit_once import Claim, Submission, submit_once

TRANSFER_SECONDS = 600.0
# Shorter than a task's patience: a reply that gets lost must leave it time to look whether the server has the job.
SUBMIT_SECONDS = 100.0
SUBMIT_BYTES_A_SECOND = 1_000_000
NO_LIMIT = (
    "options: task_timeout_s=%s has no effect, since the target local has no such limit. Give the wait a timeout, or "
    "use the target flare."
)


class SubmitCommands(FlareCommands, PipelineCommands):
    """The methods that submit, and what finds a job again that was submitted before."""

    _log: Log
    _results: JobResults

    @abstractmethod
    def reattach(self, job_id: str, *, found: JobMeta | None = None, ends_at: float | None = None) -> FederationJob:
        """A job by its id; see :meth:`FederationSession.reattach`."""

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
        :raises ValueError: there is no such ``on_error``.
        :raises DiscoveryFailed: see ``on_error``.
        :raises JobTimedOut: the time was over.
        :raises JobFailed, ResultsIncomplete: the job did not do its work.
        """
        if on_error not in ("fail", "list"):
            raise ValueError(f"on_error is {on_error!r}: give fail or list.")
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

        :param pipeline: what :meth:`prepare` gave, in this session, or takes. With what it gave, ``pipeline_arguments``
            and ``restrict_to_sites`` are refused.
        :param input_params: one parameter set, a list of them, or None for none, with ``autostop=False``.
        :param pipeline_arguments: see :meth:`prepare`.
        :param restrict_to_sites: see :meth:`prepare`.
        :param default_callback: see :class:`ResultCallbacks`; the job's :meth:`FederationJob.wait_until_finished`
            calls it.
        :param place_callbacks: see :class:`ResultCallbacks`.
        :param debug: see :meth:`prepare`; DFM's own ``execute`` takes it, and does nothing with it.
        :param options: DFM's FlareOptions as a mapping: ``task_timeout_s``, the seconds after which the federation
            stops the job and fails it; default 0: never. The target ``local`` has none: there the log warns of it.
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
        if task_timeout_s and self._session.settings.target == "local":
            # No error: a pipeline that is tried out here is meant for the federation.
            self._log.log(logging.WARNING, NO_LIMIT, task_timeout_s)
        if input_params is None and autostop:
            # DFM warns, and ends the pipeline at once; the job would be a success that did nothing.
            raise ParameterSetError(
                "input_params is None, so the pipeline would end before it has done anything. Give {} for one set "
                "without parameters, [] where no set is meant, or autostop=False to send sets while it runs."
            )
        sets = normalize_parameter_sets(input_params)
        if isinstance(pipeline, PreparedPipeline):
            refuse_preparation(restrict_to_sites, pipeline_arguments)
        else:
            pipeline = self.prepare(pipeline, restrict_to_sites, debug, pipeline_arguments)
        callbacks.check_places(pipeline.places)
        what = {"reference": pipeline.reference, "input_params": sets, "autostop": autostop}
        content = self._session.ask("pipeline_content", TRANSFER_SECONDS, **what)

        def submit(job_id: str, failed: str | None) -> None:
            self.check_sites(required_sites)
            repeat = self._results.to_repeat(failed, content)
            how: dict[str, Any] = {"ends_at": ends_at, "task_timeout_s": task_timeout_s, "force_modgen": force_modgen}
            if repeat is not None:
                self._log.info(
                    "Only the %s parameter sets that job %s did not answer are done again", len(repeat), failed
                )
                how |= {"set_numbers": repeat, "continues": failed}
            if claim is not None and claim.partial:
                how["accepts_partial"] = True
            self._session.ask("submit_pipeline", SUBMIT_SECONDS, job_id=job_id, **what, **how)

        return self._submit(f"pipeline {pipeline.name!r}", content, submit, claim, ends_at).call_back(callbacks)

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

        :param job_definition_path: the job's folder, which holds ``meta.json`` (or ``meta.conf``, or whatever else
            FLARE reads), or a zip or tar of it: text, a ``pathlib.Path`` or one of its kin, such as Airflow's
            ``ObjectStoragePath``. Or ``"package.module:function"``, which is called in the federation's interpreter
            and returns a ``FedJob`` or a recipe, without running it.
        :param job_arguments: keyword arguments of the function; dates and times become ISO 8601 text.
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
        changes = plain_arguments(meta or {}, "job's meta")
        # In a folder of its own, since its name is in FLARE's refusals and in the paths of a download.
        own = self._session.folder / "jobs" / str(uuid.uuid4())
        folder = copy_job_folder(source, own, lambda copy: meta_file(self._session, copy), changes)
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
            return self.reattach(submission.job_id, ends_at=ends_at)
        self._log.info("Found %s as job %s, which is %s", what, submission.job_id, submission.found.status)
        found = submission.found
        return self.reattach(submission.job_id, found=found, ends_at=found.note.ends_at)

    def _find_own(self, job_id: str, partial: bool) -> JobMeta | None:
        kept = self._results.kept(job_id)
        if kept is None:
            return self.find_job(job_id)
        return kept.outcome.as_meta(failed=not is_good_enough(kept, partial))
