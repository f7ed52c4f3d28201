"""Reads the logs of a job's server and sites, by whichever way the federation's nvflare and its user's rights have.

nvflare 2.8 and later gives them itself, those of sites only where these stream them to the server. Otherwise they are
read where they are written, by the shell commands of an admin; the server moves its own into the stored job at the end.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from typing import Any

from airflow_provider_dfm.remote.failures import NamedError
from airflow_provider_dfm.remote.flare_session import FlareSession

SERVER = "server"
LOG = "log.txt"
# As written from 2.8 on, and before: nvflare/fuel/utils/log_config.json. Sites bring their own configuration.
ERROR_LOGS = ("error_log.txt", "log_error.txt")
# As much as nvflare's own command gives: nvflare/private/fed/server/job_cmds.py, MAX_RETURNED_JOB_LOG_BYTES
MAX_BYTES = 5 * 1024 * 1024
CUT = "... output truncated after"
# A log that can only be read whole is followed up to this size.
MAX_FOLLOWED_BYTES = 1 << 20
# A server of 2.6 or 2.7 calls a job ended before it has stored it.
STORING_SECONDS = 5.0

ABSENT, DENIED, FAULT = "absent", "denied", "fault"
# nvflare/fuel/sec/authz.py and nvflare/private/fed/client/admin.py; a site's comes as if it were the file's text.
NOT_AUTHORIZED = "not authorized"
SITE_REFUSAL = re.compile(r"not authorized|user '.*' is not authorized for '\w+'")


class Unavailable(Exception):
    """A log that cannot be read.

    :param reason: why.
    :param kind: ``absent``: it is not there; ``denied``: the user may not; ``fault``: it may be there later.
    """

    def __init__(self, reason: str, kind: str) -> None:
        super().__init__(reason)
        self.kind = kind


class JobLogReader:
    """Reads the logs of jobs.

    :param flare: the open session.
    """

    def __init__(self, flare: FlareSession) -> None:
        self._flare = flare
        self._denied: dict[str, Unavailable] = {}

    def get(
        self, job_id: str, targets: list[str], tail_lines: int | None, grep_pattern: str | None
    ) -> dict[str, dict[str, str]]:
        """The logs of a job, of each at most the last :data:`MAX_BYTES`.

        :param job_id: the job.
        :param targets: ``server`` and sites.
        :param tail_lines: the last so many lines of each; None: all.
        :param grep_pattern: of these only the lines that have this text in them.
        :return: ``logs`` by target, and ``unavailable``: why there is none.
        """
        logs: dict[str, str] = {}
        unavailable: dict[str, str] = {}
        if not self._gives_logs:
            # Files of a job that nobody knows are only absent.
            self._flare.get_job_meta(job_id)
        for target in targets:
            try:
                logs[target] = _choose(self._log(job_id, target, tail_lines), tail_lines, grep_pattern)
            except Unavailable as error:
                unavailable[target] = str(error)
        return {"logs": logs, "unavailable": unavailable}

    def tail(self, job_id: str, lines: int) -> dict[str, str]:
        """The end of the server's log of a job that runs, or has just ended.

        :param job_id: the job.
        :param lines: how many lines.
        :return: ``text``; or ``unavailable``, why there is none, and its ``kind``, as of :class:`Unavailable`.
        """
        try:
            try:
                return {"text": self._tail(SERVER, f"-n {lines}", f"{job_id}/{LOG}")}
            except Unavailable as error:
                if error.kind == FAULT or not self._gives_logs:
                    raise
                text = self._given(job_id, SERVER)
            if len(text) > MAX_FOLLOWED_BYTES:
                raise Unavailable("it has grown too large to be read whole again and again", DENIED)
            return {"text": _choose(text, lines, None)}
        except Unavailable as error:
            return {"unavailable": str(error), "kind": error.kind}

    def errors(self, job_id: str, sites: list[str], lines: int, seconds: float) -> dict[str, dict[str, str]]:
        """The ends of the error logs that sites keep of a job.

        :param job_id: the job.
        :param sites: their names.
        :param lines: how many lines of each.
        :param seconds: after these no more site is asked.
        :return: as :meth:`get`.
        """
        logs: dict[str, str] = {}
        unavailable: dict[str, str] = {}
        ends = time.monotonic() + seconds
        for site in sites:
            if time.monotonic() > ends:
                unavailable[site] = "there was no time to ask"
                continue
            try:
                logs[site] = self._error_log(job_id, site, lines)
            except Unavailable as error:
                unavailable[site] = str(error)
        if unavailable and self._gives_logs and time.monotonic() < ends:
            stored = self._stored_error_logs(job_id)
            for site in stored.keys() & unavailable.keys():
                del unavailable[site]
                logs[site] = _choose(stored[site], lines, None)
        return {"logs": logs, "unavailable": unavailable}

    @property
    def _gives_logs(self) -> bool:
        return hasattr(self._flare.session, "get_job_logs")

    def _log(self, job_id: str, target: str, tail_lines: int | None) -> str:
        reasons = []
        if self._gives_logs:
            try:
                text = self._given(job_id, target)
                # Of a log that is too long it gives the beginning.
                if tail_lines is None or CUT not in text[-100:]:
                    return text
            except Unavailable as error:
                reasons.append(error)
        try:
            options = f"-c {MAX_BYTES}" if tail_lines is None else f"-n {tail_lines}"
            return _whole_lines(self._tail(target, options, f"{job_id}/{LOG}"))
        except Unavailable as error:
            reasons.append(error)
        # Who may not read it there may still download it, with the job that he submitted.
        if target == SERVER and (reasons[0].kind == DENIED or not self._gives_logs):
            try:
                return self._stored_log(job_id)
            except Unavailable as error:
                reasons.append(error)
        raise Unavailable("; ".join(map(str, reasons)), reasons[-1].kind)

    def _given(self, job_id: str, target: str) -> str:
        """What nvflare's own command gives, from 2.8 on."""
        answer = self._call("get_job_logs", job_id, target)
        if target not in answer["logs"]:
            raise Unavailable(answer.get("unavailable", {}).get(target, "there is no log"), ABSENT)
        return str(answer["logs"][target])

    def _call(self, name: str, *arguments: str) -> Any:
        try:
            return self._flare.call(name, list(arguments), {})
        except NamedError as error:
            if error.error_name == "AuthenticationFailed":
                raise Unavailable(f"the FLARE user has no right to {name} at the server", DENIED) from error
            raise

    def _tail(self, target: str, options: str, file: str) -> str:
        """The end of a file of the server's or a site's."""
        if target in self._denied:
            raise self._denied[target]
        if not re.fullmatch(r"[A-Za-z0-9._-]+", target):
            raise Unavailable("there is no site of this name", ABSENT)
        # Not tail_target: it takes a log that has words such as "not authorized" in it for a refusal,
        # nvflare/fuel/hci/client/api.py, _determine_api_status.
        reply = self._flare.session.api.do_command(f"tail {target} {options} {file}")
        items = reply.get("data") or []
        faults = [str(item["data"]) for item in items if item.get("type") == "error"]
        texts = [str(item["data"]) for item in items if item.get("type") == "string"]
        if faults or not texts:
            reason = "; ".join(faults) or str(reply.get("details") or reply.get("status"))
            raise self._refusal(target) if NOT_AUTHORIZED in reason else Unavailable(reason, FAULT)
        text = "".join(texts)
        if SITE_REFUSAL.fullmatch(text.strip()):
            raise self._refusal(target)
        if text.startswith("tail: cannot open"):
            raise Unavailable(text.strip(), ABSENT)
        return text

    def _refusal(self, target: str) -> Unavailable:
        self._denied[target] = Unavailable(f"the FLARE user has no right to shell_commands at {target}", DENIED)
        return self._denied[target]

    def _error_log(self, job_id: str, site: str, lines: int) -> str:
        names = ERROR_LOGS if self._gives_logs else ERROR_LOGS[::-1]
        for name in names:
            try:
                return _whole_lines(self._tail(site, f"-n {lines}", f"{job_id}/{name}"))
            except Unavailable as error:
                if error.kind != ABSENT:
                    raise
        raise Unavailable(f"there is no {names[0]} of the job", ABSENT)

    def _stored_error_logs(self, job_id: str) -> dict[str, str]:
        """The error logs that sites of 2.8 and later have sent to the server: it has those that are not empty."""
        try:
            names = self._call("list_job_components", job_id)
            sites = {name: site for name in names for kind, _, site in [name.partition("_")] if kind == "ERRORLOG"}
            if not sites:
                return {}
            folder = self._call("download_job_components", job_id)
        except (NamedError, Unavailable):
            return {}
        try:
            return {site: _read(os.path.join(folder, name)) for name, site in sites.items()}
        except Unavailable:
            return {}
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _stored_log(self, job_id: str) -> str:
        """The server's log in the job as it is stored after its end."""
        ends = time.monotonic() + STORING_SECONDS
        while True:
            if not str(self._flare.get_job_meta(job_id)["status"]).startswith("FINISHED"):
                raise Unavailable("the job is not stored yet", ABSENT)
            folder = self._call("download_job_result", job_id)
            try:
                if os.path.isdir(os.path.join(folder, "workspace")) or time.monotonic() > ends:
                    return _read(os.path.join(folder, "workspace", LOG))
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            time.sleep(0.5)


def _read(path: str) -> str:
    if os.path.islink(path) or not os.path.isfile(path):
        raise Unavailable(f"the stored job has no {os.path.basename(path)}", ABSENT)
    with open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - MAX_BYTES))
        return _whole_lines(file.read().decode(errors="replace"))


def _whole_lines(text: str) -> str:
    """The text with whole lines only; some versions leave out the last line's end."""
    if len(text.encode()) >= MAX_BYTES:
        text = f"... only the last {MAX_BYTES} bytes ...\n{text.partition(chr(10))[2]}"
    return text if not text or text.endswith("\n") else f"{text}\n"


def _choose(text: str, tail_lines: int | None, grep_pattern: str | None) -> str:
    """As nvflare 2.9 does: nvflare/fuel/flare_api/flare_api.py, _filter_job_log_text."""
    lines = text.splitlines(keepends=True)
    if tail_lines is not None:
        lines = lines[-tail_lines:] if tail_lines else []
    return "".join(line for line in lines if not grep_pattern or grep_pattern in line)
