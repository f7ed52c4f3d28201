"""The commands of a FLARE admin session that ask or do one thing, for the session and for Airflow's hook."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

from airflow_provider_dfm.federation.answers import read_answer
from airflow_provider_dfm.federation.errors import FederationError, JobNotFound, error_from_name
from airflow_provider_dfm.federation.job_commands import JobCommands
from airflow_provider_dfm.federation.job_identity import check_job_id
from airflow_provider_dfm.federation.job_logs import JobLogs
from airflow_provider_dfm.federation.job_meta import JobMeta, read_job_list
from airflow_provider_dfm.federation.job_sites import SiteState, job_sites
from airflow_provider_dfm.federation.required_sites import RequiredSites
from airflow_provider_dfm.federation.settings import ConnectionSettings
from airflow_provider_dfm.federation.system_info import SystemInfo

# A stored job is brought whole where nothing else holds the server's log.
LOG_SECONDS = 600.0

TargetType = Literal["all", "server", "client"]


class FlareCommands(JobCommands):
    """The methods of nvflare's ``Session``, under their own names."""

    @property
    @abstractmethod
    def settings(self) -> ConnectionSettings:
        """Which federation, as whom, and how."""

    @abstractmethod
    def ask(self, method: str, **arguments: Any) -> Any:
        """Have the session host do something.

        :param method: name of a public method of ``remote/session.py``.
        """

    def flare(self, method: str, *arguments: Any, **keywords: Any) -> Any:
        """Call any method of nvflare's ``Session`` that has no counterpart here: ``flare("report_version", "all")``.

        :param method: its name, in the federation's own nvflare.
        :param arguments: what JSON knows.
        :return: its answer as plain data.
        :raises VersionMismatch: the federation's nvflare has no such method.
        """
        return self.ask("flare", name=method, arguments=arguments, keywords=keywords)

    def get_system_info(self) -> SystemInfo:
        """The server's state, the connected sites and the running jobs."""
        return read_answer(SystemInfo, self.ask("get_system_info"), "get_system_info")

    def check_sites(self, required: RequiredSites | None) -> None:
        """Make sure that sites are connected; with the target ``local`` they always are.

        :param required: which ones; None: none.
        :raises SitesMissing: names those that are not.
        """
        if required and self.settings.target == "flare":
            required.check(self.get_system_info().site_names)

    def list_jobs(
        self,
        detailed: bool = False,
        limit: int | None = None,
        id_prefix: str | None = None,
        name_prefix: str | None = None,
        reverse: bool = False,
    ) -> list[JobMeta]:
        """The jobs that the federation stores, in the order of their submits.

        :param detailed: with each job's whole meta; otherwise ``job_id``, ``name``, ``status``, ``submit_time`` and
            ``duration`` only.
        :param limit: how many at most, the latest; None: all.
        :param id_prefix: only those whose id begins so.
        :param name_prefix: only those whose name begins so, in upper or lower case.
        :param reverse: the latest first.
        :return: all whose entry names an id and a status; the log says which has none.
        """
        options = {"limit": limit, "id_prefix": id_prefix, "name_prefix": name_prefix, "reverse": reverse}
        return read_job_list(self.ask("list_jobs", detailed=detailed, **options), "list_jobs")

    def abort_job(self, job_id: str) -> None:
        """Abort a job; one that has ended stays as it is.

        :raises FederationError: it could not be aborted.
        """
        for error in self.abort_jobs([job_id]).values():
            raise error

    def abort_jobs(self, job_ids: Sequence[str]) -> dict[str, FederationError]:
        """Abort jobs, several at once; those that have ended stay as they are.

        :param job_ids: the jobs.
        :return: the error of each that could not be aborted.
        :raises FederationError: none could be.
        """
        errors: dict[str, FederationError] = {}
        asked = []
        for job_id in job_ids:
            try:
                asked.append(check_job_id(job_id))
            except JobNotFound as error:
                errors[job_id] = error
        answer = self.ask("abort_jobs", job_ids=asked) if asked else {}
        refusals = read_answer(dict[str, tuple[str, str]], answer, "abort_jobs")
        return errors | {job_id: error_from_name(name, message) for job_id, (name, message) in refusals.items()}

    def delete_job(self, job_id: str) -> bool:
        """Delete a job from the federation's store, with its results there.

        :return: False where it was not there.
        :raises JobNotDone: it runs still.
        """
        try:
            self.ask("delete_job", job_id=job_id)
        except JobNotFound:
            return False
        return True

    def get_client_job_status(self, client_names: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """What runs at each site.

        :param client_names: the sites; None: all.
        :return: ``client_name`` and ``status``, and of a job ``job_id`` and ``app_name``.
        """
        answer = self.flare("get_client_job_status", client_names and list(client_names))
        return read_answer(list[dict[str, Any]], answer or [], "get_client_job_status")

    def show_stats(self, job_id: str, target_type: TargetType = "all", targets: Sequence[str] | None = None) -> Any:
        """What the parts of a running job say of themselves, by target.

        :param job_id: the job.
        :param target_type: ``server``, ``client`` or ``all``.
        :param targets: names of sites, with ``client``; None: all.
        :raises JobNotRunning: it is not running.
        """
        return self.flare("show_stats", job_id, target_type, targets and list(targets))

    def show_errors(self, job_id: str, target_type: TargetType = "all", targets: Sequence[str] | None = None) -> Any:
        """The errors that the parts of a running job noted, by target; see :meth:`show_stats`."""
        return self.flare("show_errors", job_id, target_type, targets and list(targets))

    def reset_errors(self, job_id: str) -> None:
        """Forget the errors of a running job."""
        self.flare("reset_errors", job_id)

    def get_job_logs(
        self, job_id: str, target: str = "server", tail_lines: int | None = None, grep_pattern: str | None = None
    ) -> JobLogs:
        """The logs of a job, while it runs and after; as nvflare 2.9 gives them, with all versions.

        A site's log is read at the site, where it does not stream it to the server: the FLARE user needs the right
        ``shell_commands`` there.

        :param job_id: the job.
        :param target: ``server``, a site, or ``all``.
        :param tail_lines: the last so many lines of each; None: all.
        :param grep_pattern: of these only the lines that have this text in them.
        :raises JobNotFound: nobody knows the job.
        """
        if tail_lines is not None and tail_lines < 0:
            raise ValueError(f"tail_lines is {tail_lines}: give a number of lines.")
        targets = self.get_job_meta(job_id).site_names if target.lower() == "all" else [target]
        choice = {"targets": targets, "tail_lines": tail_lines, "grep_pattern": grep_pattern}
        answer = self.ask("get_job_logs", timeout=LOG_SECONDS, job_id=job_id, **choice)
        return read_answer(JobLogs, answer, f"get_job_logs of job {job_id}")

    def get_job_sites(self, job_id: str, error_lines: int = 20) -> dict[str, SiteState]:
        """How a job fares, or fared, at the server and at each site.

        :param job_id: the job.
        :param error_lines: the last so many lines of each one's errors.
        :return: by ``server`` and site.
        :raises JobNotFound: nobody knows the job.
        """
        return job_sites(self, self.get_job_meta(job_id), error_lines)

    def do_app_command(self, job_id: str, topic: str, cmd_data: Any = None) -> Any:
        """Have a running job's server process do something that it has registered.

        :param job_id: the job.
        :param topic: the command's name.
        :param cmd_data: what JSON knows; only sent where it is true.
        :return: the answer.
        :raises JobNotRunning: it is not running.
        :raises CommandTimedOut: its process does not answer (yet).
        """
        return self.flare("do_app_command", job_id, topic, cmd_data)

    def ls_target(self, target: str, options: str | None = None, path: str | None = None) -> str:
        """List files of the server or a site, below its own folder.

        :param target: ``server`` or a site.
        :param options: such as ``-l``.
        :param path: where; a job's files are in a folder of its id, the server's as long as it runs.
        """
        return str(self.flare("ls_target", target, options, path))

    def cat_target(self, target: str, options: str | None = None, file: str | None = None) -> str:
        """A text file of the server or a site; see :meth:`ls_target`."""
        return str(self.flare("cat_target", target, options, file))

    def head_target(self, target: str, options: str | None = None, file: str | None = None) -> str:
        """The beginning of a text file of the server or a site, ``options`` such as ``-n 20``."""
        return str(self.flare("head_target", target, options, file))

    def tail_target(self, target: str, options: str | None = None, file: str | None = None) -> str:
        """The end of a text file of the server or a site, ``options`` such as ``-n 20``."""
        return str(self.flare("tail_target", target, options, file))

    def grep_target(
        self, target: str, options: str | None = None, pattern: str | None = None, file: str | None = None
    ) -> str:
        """The lines of a text file of the server or a site in which a pattern is."""
        return str(self.flare("grep_target", target, options, pattern, file))

    def get_working_directory(self, target: str) -> str:
        """The folder of the server or a site, on its own machine."""
        return str(self.flare("get_working_directory", target))
