"""What DFM's runner of local jobs, and its site processes, say of a job: the only word on why it died.

The session host imports this module, and so do the site processes of the local target.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections import deque
from typing import Any

from .foreign_text import cut, fit

# The loggers of a job's runner and of its site processes are this one's children.
LOGGER = "nv_dfm_core.local"
# nv_dfm_core/targets/local/_job_execution.py names a site's logger so.
OF_A_SITE = "JobRunner_"
# nv_dfm_core/targets/local/_federation_runner.py says so, at level INFO, what became of a job whose process died.
HEALTH = "[HealthCheck]"
# When one process has died, DFM stops the event loops of the others under what they do.
OF_THE_ABORT = "Event loop stopped before Future completed"
SAID_FOLDER = "said"
WORDS = 10
WORD_CHARACTERS = 1000


def logger_of(job_id: str) -> logging.Logger:
    """The logger of a job.

    :param job_id: the job.
    """
    return logging.getLogger(f"{LOGGER}.{job_id}")


class RunnerWords(logging.Handler):
    """Keeps the last warnings and errors of a job's runner, and what it found out about its processes' health.

    :param job_id: the job.
    :param folder: the job's; its site processes write below it.
    """

    def __init__(self, job_id: str, folder: str) -> None:
        super().__init__(logging.INFO)
        self._folder = os.path.join(folder, SAID_FOLDER)
        self._said: deque[str] = deque(maxlen=WORDS)
        os.makedirs(self._folder, exist_ok=True)
        logger_of(job_id).addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno >= logging.WARNING or HEALTH in text:
            self._said.append(_in_short(text))

    def of_runner(self) -> list[str]:
        """What the runner has said, each a line."""
        return list(self._said)

    def of_sites(self) -> dict[str, str]:
        """Site to the last error that its process has said."""
        said: dict[str, str] = {}
        # It goes with the rest of the job's folder once its results are kept.
        names = os.listdir(self._folder) if os.path.isdir(self._folder) else []
        for name in sorted(names):
            with open(os.path.join(self._folder, name), encoding="utf-8", errors="replace") as file:
                said[name] = file.read()
        return said


class SiteWords(logging.Handler):
    """Writes the last error of a site process to a file, which stays when the process dies; none that an abort causes.

    :param jobs: the folder of the jobs.
    """

    def __init__(self, jobs: str) -> None:
        super().__init__(logging.ERROR)
        self._jobs = jobs
        self._writing = threading.Lock()
        self._is_aborted = False

    def emit(self, record: logging.LogRecord) -> None:
        self._is_aborted = self._is_aborted or OF_THE_ABORT in record.getMessage()
        if self._is_aborted:
            return
        job_id = record.name.removeprefix(f"{LOGGER}.").partition(".")[0]
        site = record.name.partition(OF_A_SITE)[2].partition(".")[0]
        try:
            with (
                self._writing,
                open(os.path.join(self._jobs, job_id, SAID_FOLDER, site), "w", encoding="utf-8") as file,
            ):
                # It is read at each look, however much an operation put into its error.
                file.write(_in_short(record.getMessage()))
        except Exception:
            self.handleError(record)


def why_it_died(words: RunnerWords, execution: Any, homesite: str) -> dict[str, str]:
    """Why a job ended that nobody aborted, by site, in the words of those who know.

    :param words: what they said.
    :param execution: DFM's, whose processes the job had: nv_dfm_core/targets/local/_job_execution.py.
    :param homesite: the site that speaks where none is known to have died.
    """
    said = words.of_sites()
    codes = {site: process.exitcode for site, process in execution._workers.items() if process.exitcode}
    # Those that DFM ended itself as it cleaned up have 0, or that where they did not listen.
    killed = {site: code for site, code in codes.items() if code != -signal.SIGTERM} or ({} if said else codes)
    reasons = {site: f"died, or went away: its process ended with exit code {code}" for site, code in killed.items()}
    reasons = reasons or said or {homesite: "died, or went away, and left no word of it"}
    runner = "; ".join(words.of_runner())
    return {site: f"{why}. DFM's runner said: {runner}" if runner else why for site, why in reasons.items()}


def _in_short(text: str) -> str:
    return fit(cut(" ".join(text.split()), WORD_CHARACTERS))
