"""What the parent can ask for: the requests of the session host, each a public method."""

from __future__ import annotations

import os
from typing import Any

from airflow_provider_dfm.remote.dfm_session import DfmSession
from airflow_provider_dfm.remote.failures import NamedError
from airflow_provider_dfm.remote.federation_api import federation_api
from airflow_provider_dfm.remote.flare_job import write_flare_job
from airflow_provider_dfm.remote.flare_session import FlareSession
from airflow_provider_dfm.remote.job_logs import JobLogReader
from airflow_provider_dfm.remote.job_source import export_job
from airflow_provider_dfm.remote.local_jobs import LocalJobs
from airflow_provider_dfm.remote.meta_file import read_meta_file
from airflow_provider_dfm.remote.parameter_places import check_parameter_sets
from airflow_provider_dfm.remote.parameter_schema import parameter_set_schema


class Session:
    """The FLARE admin session and, where the federation speaks DFM, its DFM session.

    :param folder: the session's private folder.
    :param settings: what the parent read from the connection: ``user``, ``startup_kit`` (the private copy's
        root), ``federation``, ``homesite``, ``target``, ``secure_mode``, ``connect_timeout`` in seconds.
    :param job_modules: name to source text of the modules that each job brings with it.
    :param site_modules: the same of those that the site processes of the local target import.
    """

    def __init__(
        self, folder: str, settings: dict[str, Any], job_modules: dict[str, str], site_modules: dict[str, str]
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._flare = FlareSession(settings)
        self._logs = JobLogReader(self._flare)
        self._dfm = DfmSession(settings)
        self._job_modules = job_modules
        self._local = LocalJobs(settings, os.path.join(folder, "local"), site_modules)

    def connect(self, log_in: bool = True) -> dict[str, Any]:
        """Check the federation's package and log in; says which versions are in use.

        :param log_in: False to leave it at the package.
        """
        about = self._dfm.describe_federation() if self._settings["federation"] else {}
        if self._settings["target"] == "flare" and log_in:
            about.update(self._flare.connect())
        return about

    def get_system_info(self) -> dict[str, Any]:
        return self._flare.get_system_info()

    def flare(self, name: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        """Any method of nvflare's session, by its name."""
        return self._flare.call(name, arguments, keywords)

    def clone_job(self, job_id: str) -> str:
        return self._flare.clone_job(job_id)

    def delete_job(self, job_id: str) -> None:
        self._flare.delete_job(job_id)

    def get_job_meta(self, job_id: str) -> dict[str, Any]:
        if self._settings["target"] == "local":
            return self._local.get_job_meta(job_id)
        return self._flare.get_job_meta(job_id)

    def abort_jobs(self, job_ids: list[str]) -> dict[str, list[str]]:
        """Abort jobs; gives the name and the message of the error for each that could not be aborted."""
        if self._settings["target"] == "local":
            return self._local.abort_jobs(job_ids)
        return self._flare.abort_jobs(job_ids)

    def download_job_result(self, job_id: str) -> dict[str, Any]:
        """Bring a job's files into the private folder and say where they are: ``location``."""
        jobs = self._local if self._settings["target"] == "local" else self._flare
        return jobs.download_job_result(job_id)

    def federation_api(self) -> dict[str, Any]:
        """The sites and operations of the federation's package; see ``federation_api.py``."""
        return federation_api(self._dfm.describe_federation())

    def prepare(self, **arguments: Any) -> dict[str, Any]:
        return self._dfm.prepare(**arguments)

    def prepared(self, reference: str) -> dict[str, Any]:
        return self._dfm.prepared(reference)

    def debug_show_code(self, reference: str) -> dict[str, str]:
        return self._dfm.debug_show_code(reference)

    def pipeline_content(self, reference: str, input_params: list[dict[str, Any]], autostop: bool) -> str:
        """Check parameter sets for a prepared pipeline; returns a SHA-256 of what a job of them would do."""
        return self._dfm.bind(reference, input_params, autostop).content()

    def submit_pipeline(
        self,
        job_id: str,
        reference: str,
        input_params: list[dict[str, Any]],
        autostop: bool,
        ends_at: float | None,
        task_timeout_s: int,
        force_modgen: bool,
        set_numbers: list[int] | None = None,
        continues: str | None = None,
        accepts_partial: bool = False,
    ) -> str:
        """Start a prepared pipeline with parameter sets, under an id; returns the id.

        :param set_numbers: see :class:`BoundPipeline`; None: all.
        :param continues: see there.
        :param accepts_partial: see there.
        """
        bound = self._dfm.bind(reference, input_params, autostop, set_numbers, continues)
        bound.accepts_partial = accepts_partial
        if self._settings["target"] == "local":
            return self._local.start(bound, job_id, ends_at, force_modgen)
        jobs = os.path.join(self._folder, "jobs")
        folder = write_flare_job(bound, jobs, job_id, self._job_modules, ends_at, task_timeout_s, force_modgen)
        return self._flare.submit_job(folder, job_id)

    def export_job(self, function: str, arguments: dict[str, Any], folder: str) -> str:
        """Have a function build a FLARE job; gives its folder."""
        return export_job(function, arguments, folder)

    def read_meta_file(self, folder: str) -> dict[str, Any]:
        """What a job's folder says of the job: ``file``, the name of the file, and ``meta``."""
        return read_meta_file(folder)

    def submit_job(self, folder: str, job_id: str) -> str:
        """Submit a job's folder, whose meta.json names the id; the client library writes into it."""
        return self._flare.submit_job(folder, job_id)

    def read_tokens(self, job_id: str, position: int) -> dict[str, Any]:
        """What a running pipeline has given from a position on: ``text``, one token a line, and ``position``."""
        if self._settings["target"] == "local":
            return self._local.read_tokens(job_id, position)
        return self._flare.read_tokens(job_id, position)

    def read_value(self, job_id: str, name: str) -> dict[str, Any]:
        """Bring a large value of a running pipeline into the private folder: ``path``; and ``is_copy``, to be removed.

        :param name: the file's, as the result has it.
        :return: no path where there is no such value any more: the job has ended, or its process is no more.
        """
        is_local = self._settings["target"] == "local"
        jobs = self._local if is_local else self._flare
        return {"path": jobs.read_value(job_id, name), "is_copy": not is_local}

    def send_input_params(self, job_id: str, parameters: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
        """Check parameter sets and send them to an open pipeline; see ``sent_sets.py``.

        :param parameters: where the value of each parameter place goes, as the job's meta has it.
        """
        request = request | {"sets": check_parameter_sets(request["sets"], parameters)}
        jobs = self._local if self._settings["target"] == "local" else self._flare
        answer = jobs.send_input_params(job_id, request)
        if "error" in answer:
            raise NamedError(answer["error"], f"Nothing was sent to job {job_id}: {answer['message']}")
        return answer

    def parameter_schema(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """The JSON schema of parameter sets.

        :param parameters: see :meth:`send_input_params`.
        """
        return parameter_set_schema(parameters)

    def list_jobs(self, **options: Any) -> list[dict[str, Any]]:
        return self._flare.list_jobs(**options)

    def get_job_logs(self, **arguments: Any) -> dict[str, dict[str, str]]:
        """Logs of a job's server and sites."""
        return self._logs.get(**arguments)

    def tail_job_log(self, job_id: str, lines: int) -> dict[str, str]:
        """The end of the server's log of a job."""
        return self._logs.tail(job_id, lines)

    def get_error_logs(self, **arguments: Any) -> dict[str, dict[str, str]]:
        """The ends of the error logs of a job's sites."""
        return self._logs.errors(**arguments)
