"""Shows the server's log of a job in the log of a task that waits for it in its own process."""

from __future__ import annotations

import logging
from typing import Any

from airflow_provider_dfm.federation.errors import FederationError
from airflow_provider_dfm.federation.job_logs import LogEnd, shown, with_levels
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.remote.foreign_text import fit

# A wait that looks every few seconds must not hang on a log.
SECONDS = 20.0
# Where the log could not be read, so many polls go by at most until it is tried again.
MAX_SKIPPED = 64
NOT_STARTED = ("SUBMITTED", "APPROVED", "DISPATCHED")


class LogFollower:
    """Logs, at each look, the lines that are new, each at its own level; nothing that it meets ends the wait.

    :param hook: the connection's; its session may be closed and opened between two looks.
    :param job_id: the job.
    :param log: the task's.
    """

    def __init__(self, hook: DfmHook, job_id: str, log: Any) -> None:
        self._hook = hook
        self._job_id = job_id
        self._log = log
        self._end = LogEnd()
        self._given_up = False
        self._faults = 0
        self._skip = 0
        self._shown = False
        self._grave: set[str] = set()

    @property
    def shown_lines(self) -> set[str] | None:
        """The warnings and errors that were shown; None: nothing was."""
        return self._grave if self._shown else None

    def follow(self, status: str | None) -> bool:
        """Look once.

        :param status: FLARE's status of the job, as it was seen just now.
        :return: whether something was logged.
        """
        if status in NOT_STARTED:
            self._end.from_start = True
        if status is None or status in NOT_STARTED or self._given_up:
            return False
        self._skip -= 1
        ended = status.startswith("FINISHED")
        if self._skip >= 0 and not ended:
            return False
        try:
            if self._hook.settings.target != "flare":
                self._given_up = True
                return False
            return self._show(ended)
        except Exception as error:  # showing a log is not worth a wait, whatever is wrong
            self._note_fault(fit(f"{type(error).__name__}: {error}"))
            if isinstance(error, FederationError):
                # A session whose host had to be ended opens anew.
                self._hook.close()
            return True

    def _show(self, ended: bool) -> bool:
        for asked in LogEnd.ASKED:
            answer = self._hook.ask("tail_job_log", timeout=SECONDS, job_id=self._job_id, lines=asked)
            if "text" not in answer:
                return self._note_missing(answer, ended)
            new = self._end.new(answer["text"], asked, ended)
            if new is not None:
                break
        self._faults = 0
        self._shown = True
        for level, line in with_levels(new or []):
            if level >= logging.WARNING:
                self._grave.add(line)
            if line.strip():
                self._log.log(level, "server | %s", shown(line))
        return bool(new)

    def _note_missing(self, answer: dict[str, str], ended: bool) -> bool:
        if answer["kind"] == "denied":
            self._given_up = True
            self._log.warning("The log of job %s is not shown here: %s", self._job_id, shown(answer["unavailable"]))
        elif answer["kind"] == "fault":
            self._note_fault(shown(answer["unavailable"]))
        elif not ended:
            self._end.from_start = True
            return False
        elif self._shown:
            self._log.info("server | (the rest of this log is stored with job %s)", self._job_id)
        return True

    def _note_fault(self, reason: str) -> None:
        self._skip = min(2**self._faults, MAX_SKIPPED)
        if not self._faults:
            self._log.warning("The log of job %s cannot be read now: %s", self._job_id, reason)
        self._faults += 1
