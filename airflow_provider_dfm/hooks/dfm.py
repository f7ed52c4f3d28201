"""The hook: an open session with a federation, configured by an Airflow connection."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook, ObjectStoragePath

from airflow_provider_dfm.federation.errors import (
    ConnectionNotFound,
    FederationError,
    ResultsIncomplete,
    StorageFailed,
)
from airflow_provider_dfm.federation.fixed_locations import is_uri
from airflow_provider_dfm.federation.flare_commands import FlareCommands
from airflow_provider_dfm.federation.job_identity import check_job_id
from airflow_provider_dfm.federation.named_function import is_function
from airflow_provider_dfm.federation.settings import ConnectionSettings, read_settings
from airflow_provider_dfm.hooks.airflow_connection import connection_fields, find_connection
from airflow_provider_dfm.hooks.locations import airflow_home, at_uri, read_pipeline
from airflow_provider_dfm.hooks.shared_session import SharedSession

if TYPE_CHECKING:
    from airflow_provider_dfm.federation.discovery import Discovery
    from airflow_provider_dfm.federation.downloaded_job import DownloadedJob
    from airflow_provider_dfm.federation.federation_api import FederationApi
    from airflow_provider_dfm.federation.job import FederationJob
    from airflow_provider_dfm.federation.job_files import Patterns
    from airflow_provider_dfm.federation.job_meta import JobMeta
    from airflow_provider_dfm.federation.parameter_sets import ParameterSets
    from airflow_provider_dfm.federation.pipeline import PipelineDefinition
    from airflow_provider_dfm.federation.prepared_pipeline import PreparedPipeline, RestrictToSites
    from airflow_provider_dfm.federation.result_callbacks import NamedCallback
    from airflow_provider_dfm.federation.results import FederationResults
    from airflow_provider_dfm.federation.session import FederationSession
    from airflow_provider_dfm.federation.tokens import Result
    from airflow_provider_dfm.hooks.job_monitor import MonitorReturnCode

DEFAULT_CONNECTION = "dfm_default"


class DfmHook(FlareCommands, BaseHook):
    """A session with a federation, open inside a ``with``. Threads can share it.

    .. code-block:: python

        with DfmHook("weather") as hook:
            job = hook.execute("pipelines:compare", [{"start": "2010-01-01", "end": "2010-01-31"}])
            job.wait_until_finished(timeout=600)
            for result in job.results():
                print(result.parameter_set, result.place, result.value)

    :param dfm_conn_id: the Airflow connection, of type ``dfm``.
    """

    conn_name_attr = "dfm_conn_id"
    default_conn_name = DEFAULT_CONNECTION
    conn_type = "dfm"
    hook_name = "DFM / FLARE federation"

    def __init__(self, dfm_conn_id: str = DEFAULT_CONNECTION, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dfm_conn_id = dfm_conn_id
        self._shared = SharedSession(self._from_connection)
        self._last_settings: ConnectionSettings | None = None

    def __enter__(self) -> DfmHook:
        self.get_conn()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @cached_property
    def settings(self) -> ConnectionSettings:
        """What the connection says; what it said last, where Airflow gives it no more.

        :raises ConnectionNotFound: Airflow gives no such connection, and has given none to this hook.
        :raises ConnectionSettingsError: names the wrong field.
        """
        source = f"Connection {self.dfm_conn_id!r}"
        try:
            fields = connection_fields(find_connection(self.get_connection, self.dfm_conn_id), source)
        except ConnectionNotFound:
            if self._last_settings is None:
                raise
            self.log.warning("Airflow gives no connection %r now: going by what it said before", self.dfm_conn_id)
            return self._last_settings
        self._last_settings = read_settings(fields, source)
        return self._last_settings

    def hold_settings(self) -> None:
        """Go by what the connection said last, and do not ask Airflow again, where it has said something.

        A signal handler must not ask it: the request that it interrupts may hold the lock for that
        (airflow/sdk/execution_time/comms.py, ``CommsDecoder``).
        """
        if self._last_settings is not None:
            self.__dict__["settings"] = self._last_settings

    @property
    def results_path(self) -> ObjectStoragePath:
        """Where the results of jobs are kept: the connection's, or a folder below Airflow's home."""
        return at_uri("results_path", self.settings.results_path or f"file://{airflow_home()}/dfm_results")

    def get_conn(self) -> FederationSession:
        """The open session; opens it where it is not.

        :raises FederationError: says what is wrong with the connection, the interpreter, the kit or the server.
        """
        return self._shared.get()

    def _from_connection(self) -> FederationSession:
        kit = self.settings.startup_kit
        return self._new_session(startup_kit=at_uri("startup_kit", kit) if is_uri(kit) else None)

    def _new_session(self, **options: Any) -> FederationSession:
        # execnet has no place in a process that only parses DAGs.
        from airflow_provider_dfm.federation.session import FederationSession

        return FederationSession(self.settings, self.log, self.results_path, **options)

    def unconnected(self) -> FederationSession:
        """A session of its own that logs in nowhere, for a ``with``: it prepares pipelines and describes the API.

        It needs the federation's package and interpreter, and neither server nor startup kit.
        """
        return self._new_session(log_in=False)

    def parameter_schema(
        self, pipeline: PipelineDefinition, pipeline_arguments: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The JSON schema of a pipeline's parameter sets, without a log-in.

        :param pipeline: see :meth:`prepare`.
        :param pipeline_arguments: see :meth:`prepare`.
        """
        with self.unconnected() as session:
            prepared = session.prepare(read_pipeline(pipeline), pipeline_arguments=pipeline_arguments)
            return prepared.parameter_schema

    def describe_federation(self) -> FederationApi:
        """The federation's API, without a log-in; see :meth:`FederationSession.describe_federation`."""
        session = self._shared.current
        if session is not None:
            return session.describe_federation()
        with self.unconnected() as session:
            return session.describe_federation()

    def close(self) -> None:
        """End the session. Does nothing the second time."""
        # Whoever opens another, after an error too, wants what the connection says then.
        self.__dict__.pop("settings", None)
        self._shared.close()

    def close_failed(self) -> None:
        """As :meth:`close`, unless another thread has opened a session in the place of the one this one had."""
        self.__dict__.pop("settings", None)
        self._shared.close_failed()

    def ask(self, method: str, **arguments: Any) -> Any:
        return self.get_conn().ask(method, **arguments)

    def prepare(
        self,
        pipeline: PipelineDefinition,
        restrict_to_sites: RestrictToSites = None,
        debug: bool = False,
        pipeline_arguments: Mapping[str, Any] | None = None,
    ) -> PreparedPipeline:
        """Prepare a pipeline; see :meth:`FederationSession.prepare`. Its file may be at any URI."""
        return self.get_conn().prepare(read_pipeline(pipeline), restrict_to_sites, debug, pipeline_arguments)

    def prepare_discovery(
        self,
        pipeline: PipelineDefinition,
        restrict_to_sites: RestrictToSites = None,
        pipeline_arguments: Mapping[str, Any] | None = None,
    ) -> PreparedPipeline:
        """Prepare a pipeline of mode discovery; see :meth:`FederationSession.prepare_discovery`."""
        return self.get_conn().prepare_discovery(read_pipeline(pipeline), restrict_to_sites, pipeline_arguments)

    def discover(
        self, pipeline: PipelineDefinition, restrict_to_sites: RestrictToSites = None, **options: Any
    ) -> Discovery:
        """Ask which values a pipeline's parameters may have; see :meth:`FederationSession.discover`."""
        return self.get_conn().discover(read_pipeline(pipeline), restrict_to_sites, **options)

    def execute(
        self,
        pipeline: PreparedPipeline | PipelineDefinition,
        input_params: ParameterSets = {},  # noqa: B006 - never changed; None means no set at all, as in DFM
        **options: Any,
    ) -> FederationJob:
        """Start a pipeline; see :meth:`FederationSession.execute`. Its file may be at any URI.

        The job waits for a lost connection, and its results and callbacks go on where they were.
        """
        return self._patient(self.get_conn().execute(read_pipeline(pipeline), input_params, **options))

    def send_input_params(
        self, job_id: str, input_params: ParameterSets, key: str | None = None, stop: bool = False
    ) -> list[int]:
        """Send more parameter sets to a running pipeline; see :meth:`FederationSession.send_input_params`.

        A lost connection or reply is waited for, and no set is sent twice. So is a pipeline that has not begun, up to
        five minutes; ``DfmSendParamsOperator`` waits longer.
        """
        from airflow_provider_dfm.hooks.patience import patiently

        key = key or uuid.uuid4().hex
        return patiently(lambda: self.get_conn().send_input_params(job_id, input_params, key, stop), self, self.log)

    def job_parameter_schema(self, job_id: str) -> dict[str, Any]:
        """The schema of what a job's pipeline takes; see :meth:`FederationSession.job_parameter_schema`."""
        return self.get_conn().job_parameter_schema(job_id)

    def submit_job(self, job_definition_path: str, **options: Any) -> FederationJob:
        """Submit a FLARE job; see :meth:`FederationSession.submit_job`. Its folder or archive may be at any URI."""
        source: Any = job_definition_path
        if not is_function(source):
            source = at_uri("job_definition_path", source)
        return self.get_conn().submit_job(source, **options)

    def reattach(
        self,
        job_id: str,
        default_callback: NamedCallback | None = None,
        place_callbacks: Mapping[str, NamedCallback] | None = None,
        *,
        found: JobMeta | None = None,
        ends_at: float | None = None,
    ) -> FederationJob:
        """A job by its id; see :meth:`FederationSession.reattach`. The session is opened once something is asked of it.

        The job waits for a lost connection, and its results and callbacks go on where they were.
        """
        from airflow_provider_dfm.federation.job import FederationJob
        from airflow_provider_dfm.federation.result_callbacks import ResultCallbacks

        job = FederationJob(None, job_id, found, ends_at)
        return self._patient(job.call_back(ResultCallbacks(default_callback, place_callbacks)))

    def _patient(self, job: FederationJob) -> FederationJob:
        from airflow_provider_dfm.hooks.patience import patiently

        return job.seen_through(self.get_conn, lambda action, ends_at: patiently(action, self, self.log, ends_at))

    def monitor_job(
        self,
        job_id: str,
        timeout: float = 0.0,
        poll_interval: float = 2.0,
        cb: Callable[..., Any] | None = None,
        *cb_args: Any,
        **cb_kwargs: Any,
    ) -> MonitorReturnCode:
        """Wait for a job's end, as nvflare's ``monitor_job`` does, and through outages of the federation.

        :param job_id: the job.
        :param timeout: seconds; 0: no limit.
        :param poll_interval: seconds between two looks.
        :param cb: is called after each look with this hook, the job's id, its meta and the rest of the arguments;
            False ends the wait.
        :return: why it ended; whether the job did its work, :meth:`check_job` tells.
        :raises JobNotFound: nobody knows the job.
        :raises JobLost: it is lost: the server lists it as running, but does not run it.
        :raises CallbackFailed: ``cb`` raised something.
        """
        from airflow_provider_dfm.hooks.job_monitor import monitor_job

        callback = None if cb is None else lambda job_id, meta: cb(self, job_id, meta, *cb_args, **cb_kwargs)
        return monitor_job(self, job_id, timeout, poll_interval, callback)

    def follow_results(
        self, job_id: str, position: int = 0, poll_interval: float = 5.0, timeout: float | None = None
    ) -> Iterator[Result]:
        """What a job's pipeline yields, as it comes and after; see :meth:`FederationJob.follow_results`.

        A lost connection is waited for, and the results go on where they were.
        """
        return self.reattach(job_id).follow_results(position, poll_interval, timeout)

    def keep_pipeline(self, pipeline: PreparedPipeline) -> str:
        """Keep a prepared pipeline; see :meth:`FederationSession.keep_pipeline`.

        :return: the file's URI, which is a pipeline to all that take one.
        """
        return str(self.get_conn().keep_pipeline(pipeline))

    def results(self, job_id: str) -> FederationResults:
        """What a job's pipeline yielded; see :meth:`FederationJob.results`. A lost connection is waited for.

        Where the results are kept already, no session is opened: mapped tasks read each its own set by
        :meth:`FederationResults.of_set`, without a log-in.

        The log says where some sets were not answered, and the task that submitted the job accepts that: a loop over
        the results leaves them out, then.
        """
        results = self._results(job_id)
        if results.outcome.acceptance():
            self.log.warning("%s", results.outcome.acceptance())
        return results

    def _results(self, job_id: str) -> FederationResults:
        from airflow_provider_dfm.federation.results_folder import read_kept_results
        from airflow_provider_dfm.hooks.patience import patiently

        # What is damaged, the session brings anew; it waits for a store, too.
        with contextlib.suppress(ResultsIncomplete, StorageFailed):
            kept = read_kept_results(self.results_path / check_job_id(job_id))
            if kept is not None:
                return kept
        return patiently(lambda: self.get_conn().results(job_id), self, self.log)

    def debug_show_code(self, pipeline: PreparedPipeline) -> dict[str, str]:
        """The Python code that each site will run, by site."""
        return self.get_conn().debug_show_code(pipeline)

    def clone_job(self, job_id: str) -> FederationJob:
        """Submit a job once more, as another one; see :meth:`FederationSession.clone_job`."""
        return self.get_conn().clone_job(job_id)

    def get_job_meta(self, job_id: str) -> JobMeta:
        """All that the federation stores about a job; see :meth:`FederationSession.get_job_meta`."""
        return self.get_conn().get_job_meta(job_id)

    def check_job(self, job_id: str, partial: bool | None = None) -> FederationResults | None:
        """Make sure that an ended job did its work; see :meth:`FederationSession.check_job`."""
        return self.get_conn().check_job(job_id, partial)

    def accept_partial(self, job_id: str) -> None:
        """See :meth:`FederationSession.accept_partial`."""
        self.get_conn().accept_partial(job_id)

    def download_job_result(self, job_id: str, destination: str | None = None, paths: Patterns = None) -> DownloadedJob:
        """Keep the files of a job that has ended; see :meth:`FederationSession.download_job_result`.

        Where all that is wanted is there already, no session is opened.

        :param destination: path or URI of the folder; default: ``<results_path>/<job_id>/download``.
        """
        from airflow_provider_dfm.federation.downloaded_job import DOWNLOAD, find_download

        folder = self.results_path / check_job_id(job_id) / DOWNLOAD
        if destination is not None:
            folder = at_uri("destination", destination)
        there = find_download(folder, job_id, paths)
        return self.get_conn().download_job_result(job_id, folder, paths) if there is None else there

    def test_connection(self) -> tuple[bool, str]:
        """Log in and say where that led; the Test button of the connection's form."""
        try:
            with self:
                return True, self._describe()
        except FederationError as error:
            return False, str(error)

    def _describe(self) -> str:
        settings, about = self.settings, self.get_conn().about
        parts = []
        if settings.federation:
            parts.append(
                f"DFM federation {settings.federation} (API {about['api_version']}, nv_dfm_core "
                f"{about['nv_dfm_core']}) from home site {settings.homesite}"
            )
        if settings.target == "flare":
            info = self.get_system_info()
            parts.append(
                f"FLARE server answers (nvflare {about['nvflare']}), sites: "
                f"{', '.join(info.site_names) or 'none connected'}; log-in took {about['login_seconds']:.1f} s"
            )
        else:
            parts.append("local target: all sites run in the task")
        return "; ".join(parts)
