"""One open session with a federation."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from airflow_provider_dfm.federation.answers import read_answer
from airflow_provider_dfm.federation.downloaded_job import DownloadedJob
from airflow_provider_dfm.federation.errors import JobNotFound
from airflow_provider_dfm.federation.host_process import Log
from airflow_provider_dfm.federation.job import FederationJob
from airflow_provider_dfm.federation.job_files import Patterns
from airflow_provider_dfm.federation.job_meta import JobMeta, read_job_meta
from airflow_provider_dfm.federation.job_results import JobResults
from airflow_provider_dfm.federation.large_values import ValueRead
from airflow_provider_dfm.federation.open_session import OpenSession
from airflow_provider_dfm.federation.parameter_sets import ParameterSets, normalize_parameter_sets
from airflow_provider_dfm.federation.result_callbacks import NamedCallback, ResultCallbacks
from airflow_provider_dfm.federation.results import FederationResults
from airflow_provider_dfm.federation.sending import Sending, job_parameter_schema, send
from airflow_provider_dfm.federation.settings import ConnectionSettings
from airflow_provider_dfm.federation.submit_commands import SubmitCommands
from airflow_provider_dfm.federation.tokens import TokensRead


class FederationSession(SubmitCommands):
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
        :raises JobMetaError: the job's meta was made up.
        :raises JobNotFound: nobody knows the job; of a local job, only the session that started it does.
        :raises JobContentConflict: other sets were sent under this key before.
        :raises CommandTimedOut: the job has not begun, or does not answer; try again with the same key.
        """
        sending = Sending.of(normalize_parameter_sets(input_params), stop, key)
        federation = self._settings.federation
        sent = send(job_id, sending, self.get_job_meta, self._session.ask, self.results, federation)
        self._log.info("Sent %s parameter sets to job %s%s", len(sent), job_id, ", and its end" if stop else "")
        return sent

    def job_parameter_schema(self, job_id: str) -> dict[str, Any]:
        """The JSON schema of the parameter sets that a job's pipeline takes, as ``PreparedPipeline`` has it.

        :param job_id: the job.
        :raises JobNotFound: nobody knows the job.
        :raises JobMetaError: the job's meta was made up.
        """
        return job_parameter_schema(self.get_job_meta(job_id), self._session.ask, self._settings.federation)

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
        clone = FederationJob(self, read_answer(str, self.ask("clone_job", job_id=job_id), "clone_job"))
        self._log.info("Cloned job %s as job %s", job_id, clone.job_id)
        return clone

    def get_job_meta(self, job_id: str) -> JobMeta:
        """All that the federation stores about a job.

        :raises JobNotFound: nobody knows the id.
        """
        try:
            return read_job_meta(self._session.ask("get_job_meta", job_id=job_id), f"get_job_meta of job {job_id}")
        except JobNotFound:
            # A local job is forgotten with the session that ran it, others with the server's store; what is kept
            # of them is in their results.
            kept = self._results.kept(job_id)
            if kept is None:
                raise
            return kept.outcome.as_meta()

    def read_tokens(self, job_id: str, position: int) -> TokensRead:
        """What a running pipeline has given from a position on; reading takes nothing away.

        :param position: where to begin; 0: at the first token.
        """
        answer = self._session.ask("read_tokens", job_id=job_id, position=position)
        return read_answer(TokensRead, answer, f"read_tokens of job {job_id}")

    def read_value(self, job_id: str, name: str) -> ValueRead:
        """Bring a large value of a running pipeline; reading takes nothing away.

        :param name: the file's, as the result has it.
        """
        answer = self._session.transfer("read_value", job_id=job_id, name=name)
        return read_answer(ValueRead, answer, f"read_value of job {job_id}")

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

    def check_job(self, job_id: str, partial: bool | None = None) -> FederationResults | None:
        """Make sure that an ended job did its work; see :meth:`JobResults.check`."""
        return self._results.check(job_id, partial)

    def accept_partial(self, job_id: str) -> None:
        """Note that the task which submitted a job has taken it with some of its parameter sets unanswered."""
        self._results.accept_partial(job_id)
