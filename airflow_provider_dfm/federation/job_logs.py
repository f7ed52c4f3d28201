"""The logs of a job's server and sites, and what their lines say."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator

from pydantic import BaseModel

from airflow_provider_dfm.remote.foreign_text import cut

# nvflare's format, nvflare/fuel/utils/log_config.json: time, logger, level, and often in whose name.
_RECORD = re.compile(r"^\S+ \S+ - \S+ - (DEBUG|INFO|WARNING|ERROR|CRITICAL) - (?:\[[^]]*identity=[^]]*\] - )?(.*)")
TRACEBACK = "Traceback (most recent call last)"
# Between the tracebacks of an exception's cause and its own: traceback.py
CHAINED = (
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
)
LEVELS = {name: getattr(logging, name) for name in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")}
# Longer lines are of no use in a task's log.
MAX_LINE = 2000
# By so many of its last lines a log's end is known again.
SEEN = 3
LEFT_OUT = "... lines are left out here ..."


class JobLogs(BaseModel, frozen=True):
    """What ``get_job_logs`` gives.

    :param logs: the text by ``server`` or site; the last 5 MiB of a longer one.
    :param unavailable: why there is none, by ``server`` or site: the site is away, it keeps no log, or the FLARE user
        may not read it.
    """

    logs: dict[str, str] = {}
    unavailable: dict[str, str] = {}


def lines_of(text: str) -> list[str]:
    """The lines of a log's text; no other characters than line feeds end one."""
    return text.removesuffix("\n").split("\n") if text else []


def shown(line: str, length: int = MAX_LINE) -> str:
    """A line that somebody else wrote, fit for a log or a message here; of a longer one its beginning and its end.

    :param line: the line.
    :param length: characters it may have.
    """
    signs = (sign if sign.isprintable() or sign == "\t" else "\N{REPLACEMENT CHARACTER}" for sign in cut(line, length))
    return "".join(signs)


def shortened(text: str, length: int) -> str:
    """The beginning and the end of a text of somebody else's, fit for messages and stores; its lines stay lines.

    :param text: the text.
    :param length: characters that it may have.
    """
    return "\n".join(shown(line, length) for line in cut(text, length).splitlines())


def in_one_line(text: str, length: int = MAX_LINE) -> str:
    """A text of several lines as one, fit for a log or a message here.

    :param text: the text.
    :param length: characters it may have.
    """
    return shown(" ".join(text.splitlines()), length)


def with_levels(lines: Iterable[str], level: int = logging.INFO) -> Iterator[tuple[int, str]]:
    """Each line with its level; one that names none belongs to the record before, as those of a traceback do.

    :param lines: the lines.
    :param level: of what comes before the first record.
    """
    for line in lines:
        record = _RECORD.match(line)
        if record is not None:
            level = LEVELS[record[1]]
        yield level, line


def error_lines(text: str) -> list[str]:
    """The lines of a log that are errors, tracebacks included."""
    return [line for level, line in with_levels(lines_of(text)) if level >= logging.ERROR]


def last_error(lines: list[str]) -> str:
    """What the last error of an error log says, in one line, and what first led to it; ``""`` where there is none.

    :param lines: as :func:`error_lines` gives them.
    """
    said = cause = ""
    for line in lines:
        record = _RECORD.match(line)
        text = line if record is None else record[2]
        if record is not None:
            cause = ""
        if text.strip() in CHAINED:
            cause = cause or said
        # The last line of a traceback says what was raised.
        elif text.strip() and not text.startswith((TRACEBACK, " ")):
            said = text.strip()
    return f"{said} (caused by {cause})" if cause and cause not in said else said


class LogEnd:
    """Finds what is new in a log that grows, of which only the end can be asked for.

    :param from_start: whether the log was empty before the first look, so that all that is in it is new.
    """

    #: So many lines are to be asked for, one after the other, until they hold what was seen before.
    ASKED = (50, 400, 3200)

    def __init__(self, from_start: bool = False) -> None:
        self.from_start = from_start
        self._seen: list[str] = []

    def new(self, text: str, asked: int, ended: bool = False) -> list[str] | None:
        """Take in the log's end.

        :param text: it.
        :param asked: how many lines were asked for.
        :param ended: whether nothing will come after it; until then a last line without its end is held back.
        :return: the lines that are new, after one that says so where some were left out; None: ask for more lines.
        """
        lines = lines_of(text)
        is_all = len(lines) < asked
        if lines and not ended and not text.endswith("\n"):
            lines.pop()
        known = self._end_of_seen(lines)
        first = not self._seen
        if known is None and not is_all and asked < self.ASKED[-1] and (self.from_start or not first):
            return None
        self.from_start = self.from_start or (first and not lines)
        self._seen = lines[-SEEN:] or self._seen
        if known is not None:
            return lines[known:]
        return lines if not lines or (first and is_all) else [LEFT_OUT, *lines]

    def _end_of_seen(self, lines: list[str]) -> int | None:
        """Where in the lines the last ones that were seen end."""
        if not self._seen:
            return None
        starts = range(len(lines) - len(self._seen), -1, -1)
        ends = (start + len(self._seen) for start in starts)
        return next((end for end in ends if lines[end - len(self._seen) : end] == self._seen), None)
