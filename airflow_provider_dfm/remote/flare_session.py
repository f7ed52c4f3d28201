"""The FLARE admin session, in the federation's interpreter."""

from __future__ import annotations

import base64
import os
import re
import tempfile
import time
from operator import itemgetter
from typing import Any

from airflow_provider_dfm.remote.failed_login import explain_failed_login, refuse_unreachable
from airflow_provider_dfm.remote.failures import NamedError, flare_errors
from airflow_provider_dfm.remote.file_names import refuse_paths
from airflow_provider_dfm.remote.job_aborts import abort_jobs
from airflow_provider_dfm.remote.kit_check import check_kit
from airflow_provider_dfm.remote.library_version import installed_version
from airflow_provider_dfm.remote.signed_files import restore_signed_form
from airflow_provider_dfm.remote.time_limit import within

READ_TOKENS = "airflow_provider_dfm.read_tokens"
READ_VALUE = "airflow_provider_dfm.read_value"
SEND = "airflow_provider_dfm.send"
# Before the job's process answers, and after its end: nvflare/fuel/flare_api/api_spec.py
NOT_THERE = ("JobNotRunning", "NoReply")
# Before its controller has started: nvflare/private/fed/server/server_commands.py, AppCommandProcessor
NOT_LISTENING = "no app command func"
# nvflare 2.6 and 2.7 write a prefix into a command line as it is, where a blank ends it, and every version takes one
# that begins with a dash for an option: nvflare/fuel/hci/cmd_arg_utils.py
PLAIN_WORD = re.compile(r"([\w.][\w.-]*)?", re.ASCII)

# What a server of nvflare 2.8 or later says of every list while it stores a job whose name is no text: job_cmds.py,
# _job_match.
ODD_NAME = "object has no attribute 'lower'"

# Less than the parent waits for a command.
SEND_SECONDS = 40.0

# What is left of the time for a log-in to find out why it failed.
PROBE_SECONDS = 5.0
# From nvflare 2.7 on, each 5 MB of a download have to come within this time, which is 5 s by default:
# nvflare/fuel/hci/client/api.py, download_file. Four times it is less than the parent waits for anything to come.
PART_SECONDS = 30.0


class FlareSession:
    """The admin session of one user.

    :param settings: ``user``, ``startup_kit``, ``secure_mode``, ``connect_timeout`` in seconds.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._session: Any = None

    def connect(self) -> dict[str, Any]:
        """Log in.

        :return: ``nvflare``: the client's version; ``login_seconds``.
        :raises NamedError: says whether the kit, the user, the server or the versions are at fault.
        """
        version = _version()
        kit, user, secure = (self._settings[name] for name in ("startup_kit", "user", "secure_mode"))
        restore_signed_form(kit)
        # An insecure session has no user: nvflare/fuel/flare_api/flare_api.py, new_insecure_session
        check_kit(kit, user if secure else None, version)
        started = time.monotonic()
        timeout = self._settings["connect_timeout"]
        probe = min(PROBE_SECONDS, timeout / 4)
        refuse_unreachable(kit, user, version, probe)
        left = max(probe, timeout - probe - (time.monotonic() - started))
        try:
            self._session = within(left, self._log_in, kit, user)
            api = self._session.api
            # A kit can have a longer one.
            seconds = max(PART_SECONDS, getattr(api, "file_download_progress_timeout", 0.0))
            api.file_download_progress_timeout = seconds
        except Exception as error:
            raise explain_failed_login(kit, user, version, secure, error, probe) from error
        return {"nvflare": version, "login_seconds": round(time.monotonic() - started, 3)}

    def _log_in(self, kit: str, user: str) -> Any:
        from nvflare.fuel.flare_api import flare_api

        refuse_paths()
        timeout = self._settings["connect_timeout"]
        if self._settings["secure_mode"]:
            return flare_api.new_secure_session(user, kit, timeout=timeout)
        return flare_api.new_insecure_session(kit, timeout=timeout)

    @property
    def session(self) -> Any:
        if self._session is None:
            raise NamedError(
                "FederationError",
                "There is no FLARE session: the connection's target is not flare, or nobody logged in.",
            )
        return self._session

    def get_system_info(self) -> dict[str, Any]:
        """The server's state, the connected sites and the running jobs."""
        with flare_errors("asking for its system info"):
            info = self.session.get_system_info()
        return {
            "server_status": info.server_info.status,
            "server_start_time": info.server_info.start_time,
            "sites": sorted(
                ({"name": site.name, "last_connect_time": site.last_connect_time} for site in info.client_info),
                key=itemgetter("name"),
            ),
            "running_jobs": [{"job_id": job.job_id, "app_name": job.app_name} for job in info.job_info],
        }

    def get_job_meta(self, job_id: str) -> dict[str, Any]:
        """All that the server stores about a job, its ``status`` and ``custom_props`` included."""
        with flare_errors(f"asking for job {job_id}"):
            return dict(self.session.get_job_meta(job_id))

    def list_jobs(
        self,
        detailed: bool = False,
        limit: int | None = None,
        id_prefix: str | None = None,
        name_prefix: str | None = None,
        reverse: bool = False,
    ) -> list[dict[str, Any]]:
        """The jobs that the server stores; see nvflare's ``list_jobs``."""
        # A job whose name is a number breaks a server's own look for names: job_cmds.py, _job_match.
        if PLAIN_WORD.fullmatch(id_prefix or "") and not name_prefix:
            return self._list_jobs(detailed, limit, id_prefix or "", "", reverse)
        jobs = self._list_jobs(detailed, None, None, None, reverse)
        return _latest([job for job in jobs if _matches(job, id_prefix or "", name_prefix or "")], limit, reverse)

    def _list_jobs(self, *options: Any) -> list[dict[str, Any]]:
        with flare_errors("listing its jobs"):
            try:
                return [dict(job) for job in self.session.list_jobs(*options)]
            except Exception as error:
                if ODD_NAME not in str(error):
                    raise
                raise NamedError(
                    "FederationError",
                    "The federation's server cannot list its jobs: somebody has submitted one whose name is no text, "
                    f"which breaks every list of its version ({error}). It can be asked for single jobs still. Have "
                    "the server's administrator look for that job in the job store, and delete it.",
                ) from error

    def submit_job(self, folder: str, job_id: str) -> str:
        """Submit a job folder, which is written to by the client library, and return the job's id.

        The submit token of nvflare 2.8 and later is not used: with one, the server chooses an id of its own.

        :param folder: the folder; its meta.json names the id.
        :param job_id: the id.
        """
        with flare_errors(f"submitting job {job_id}"):
            return str(self.session.submit_job(folder))

    def call(self, name: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        """Call any public method of nvflare's session.

        :return: its answer as plain data.
        """
        method = None if name.startswith("_") else getattr(self.session, name, None)
        if not callable(method):
            raise NamedError("VersionMismatch", f"nvflare {_version()} has no admin command {name}.")
        with flare_errors(f"{name} {arguments[0]}" if arguments else name):
            return _plain(method(*arguments, **keywords))

    def clone_job(self, job_id: str) -> str:
        """Submit a job once more; returns the id that the server gave the new one."""
        with flare_errors(f"cloning job {job_id}"):
            return str(self.session.clone_job(job_id))

    def delete_job(self, job_id: str) -> None:
        """Delete a job that does not run."""
        with flare_errors(f"deleting job {job_id}"):
            self.session.delete_job(job_id)

    def abort_jobs(self, job_ids: list[str]) -> dict[str, list[str]]:
        """Abort jobs; see :func:`job_aborts.abort_jobs`."""
        return abort_jobs(self.session, job_ids)

    def read_tokens(self, job_id: str, position: int) -> dict[str, Any]:
        """What a running pipeline's controller has kept from a position on; see ``job_components.py``.

        :return: ``text`` and ``position``; no text while the job's process is not up, or is no more.
        """
        with flare_errors(f"reading the results of job {job_id}"):
            try:
                # The data has to be truthy to be sent: flare_api.py, do_app_command.
                return dict(self.session.do_app_command(job_id, READ_TOKENS, {"position": position}))
            except Exception as error:
                if _is_not_there(error):
                    return {"text": "", "position": position}
                raise

    def read_value(self, job_id: str, name: str) -> str | None:
        """Bring a large value of a running job, piece by piece, into a file of its own beside the kit's ``transfer``.

        :return: the file's path; None while the job's process is not up, or is no more.
        """
        descriptor, path = tempfile.mkstemp(prefix="value-", dir=self._settings["startup_kit"])
        with flare_errors(f"reading a value of job {job_id}"), open(descriptor, "wb") as file:
            try:
                while piece := self._read_piece(job_id, name, file.tell()):
                    file.write(piece)
            except BaseException as error:
                os.unlink(path)
                if isinstance(error, Exception) and _is_not_there(error):
                    return None
                raise
        return path

    def _read_piece(self, job_id: str, name: str, position: int) -> bytes:
        answer = self.session.do_app_command(job_id, READ_VALUE, {"name": name, "position": position})
        return base64.b64decode(answer["data"])

    def send_input_params(self, job_id: str, request: dict[str, Any]) -> dict[str, Any]:
        """Send to an open pipeline, once its controller listens; see ``sent_sets.py``.

        A send whose reply is lost is asked for again: its key tells the controller that it is the same.

        :raises NamedError: JobNotRunning, once the job has ended; CommandTimedOut, while it has not begun.
        """
        with flare_errors(f"sending parameter sets to job {job_id}"):
            ends = time.monotonic() + SEND_SECONDS
            while True:
                try:
                    answer = dict(self.session.do_app_command(job_id, SEND, request))
                    if "word" not in answer:
                        return answer
                    # Shows that we got the controller's answer, which no site does: job_components.py.
                    return dict(self.session.do_app_command(job_id, SEND, request | answer))
                except Exception as error:
                    if not _is_not_there(error):
                        raise
                status = self.session.get_job_meta(job_id)["status"]
                if status.startswith("FINISHED"):
                    raise NamedError("JobNotRunning", f"Job {job_id} takes no parameter sets: it is {status}.")
                if time.monotonic() > ends:
                    raise NamedError(
                        "CommandTimedOut",
                        f"Job {job_id} is {status}, but takes no parameter sets yet. They may be sent again under the "
                        "same key.",
                    )
                time.sleep(1.0)

    def download_job_result(self, job_id: str) -> dict[str, Any]:
        """Bring a job's definition, workspace and meta into a folder of their own, beside the kit's ``transfer``.

        :return: ``location``: the folder, which holds ``job/`` and ``workspace/``.
        """
        with flare_errors(f"downloading the result of job {job_id}"):
            came = self.session.download_job_result(job_id)
        # Another thread may read the same job's files, and remove them, while this one's come to the same place.
        location = tempfile.mkdtemp(prefix="job-", dir=self._settings["startup_kit"])
        os.rename(came, location)
        return {"location": location}


def _version() -> str:
    return installed_version("nvflare", "nvflare")


def _is_not_there(error: Exception) -> bool:
    return type(error).__name__ in NOT_THERE or NOT_LISTENING in str(error)


def _matches(job: dict[str, Any], id_prefix: str, name_prefix: str) -> bool:
    """As nvflare/private/fed/server/job_cmds.py, _job_match."""
    # A list that is not detailed calls it job_name.
    name = str(job.get("name") or job.get("job_name") or "")
    return job["job_id"].lower().startswith(id_prefix.lower()) and name.lower().startswith(name_prefix.lower())


def _latest(jobs: list[dict[str, Any]], limit: int | None, reverse: bool) -> list[dict[str, Any]]:
    if not limit:
        return jobs
    return jobs[:limit] if reverse else jobs[-limit:]


def _plain(value: Any) -> Any:
    """What JSON knows of an answer."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return _plain(vars(value)) if hasattr(value, "__dict__") else value
