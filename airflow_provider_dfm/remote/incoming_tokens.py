"""Checks what a site of a job sends to its server, token by token.

Other people's sites send it: each may give what the pipeline has it give, in its own name, and nothing else can be
written among the results. This module travels with each job.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from .foreign_text import cut
from .json_text import DEPTH, is_too_deep, too_large
from .message_seal import BadMessage, TooMuch
from .token_lines import PLAIN

# As many as an honest site's outbox sends at once.
LINES_A_MESSAGE = 200
FRAME_DEPTH = 32
FRAME_LIMIT = 1 << 63
# What a site may give in all: so many tokens, and so many more for each parameter set.
TOKENS = 1_000_000
TOKENS_A_SET = 1_000
# An operation that fails reports it once for each yield that needs it.
ERRORS_A_PLACE = 100
CHARACTERS_AN_ERROR = 16 << 20

# nv_dfm_core/telemetry, nv_dfm_core/api/_yield.py, nv_dfm_core/api/_error_token.py
TELEMETRY_PLACE = "__telemetry__"
STATUS_PLACE = "_dfm_status_"
ERROR_TOKEN = "@dfm-error-token"
# nv_dfm_core/exec/_token_package.py, any_object_to_tagged_json_value
PICKLE = "PickledObject"


@dataclass(frozen=True)
class SitePart:
    """What one site has to do with a pipeline.

    :param key: what its messages are sealed with.
    :param yields: the places that it yields to for the home site, each with how many values for one frame.
    :param sends: the places of other sites that it sends tokens to, as pairs of site and place.
    """

    key: str
    yields: dict[str, int] = field(default_factory=dict)
    sends: frozenset[tuple[str, str]] = frozenset()


class SetNumbers(Protocol):
    """The numbers of a job's parameter sets, of which there may become more."""

    def __contains__(self, number: object, /) -> bool: ...

    def __len__(self) -> int: ...


class IncomingTokens:
    """Checks the tokens of one site, against what the pipeline has it give.

    :param site: the site that sent them.
    :param part: its part of the pipeline.
    :param job_id: the job.
    :param sets: the numbers of the job's parameter sets.
    :param claim: gets the name and the size of a file that a value names; says whether the site has sent that.
    """

    def __init__(
        self,
        site: str,
        part: SitePart,
        job_id: str,
        sets: SetNumbers,
        claim: Callable[[str, Any], bool] = lambda name, size: False,
    ) -> None:
        self._site = site
        self._part = part
        self._job_id = job_id
        self._sets = sets
        self._claim = claim
        self._lock = threading.Lock()
        self._count = 0
        # How many values came for a frame at a place: in memory up to some megabytes, then in a temporary file.
        self._came = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._came.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE came (frame TEXT, place TEXT, number INTEGER, PRIMARY KEY (frame, place)) WITHOUT ROWID;"
            "BEGIN;"
        )

    def check_results(self, lines: list[str]) -> None:
        """Make sure that lines are results which this site may give.

        :param lines: one token each, as JSON.
        :raises BadMessage: they are not.
        """
        if len(lines) > LINES_A_MESSAGE:
            raise BadMessage(f"it sent {len(lines)} results with one message, and {LINES_A_MESSAGE} are the most")
        for line in lines:
            token = self._read(line)
            if token["is_yield"] is not True:
                raise BadMessage("it sent a token for a site among its results")
            place = token["target_place"]
            if place == TELEMETRY_PLACE:
                # Of no set: nv_dfm_core/exec/_net_runner.py, _get_telemetry_collector
                if token.get("frame") != {"token": "@dfm-control-token", "frame": [0]}:
                    raise BadMessage("it sent telemetry with a frame of its own")
                _data(token)
                continue
            if place not in self._part.yields:
                raise BadMessage(f"the pipeline has it yield nothing at the place {_shown(place)}")
            self._check_frame(token)
            self._check_data(token, self._part.yields[place])

    def check_token(self, line: str) -> dict[str, Any]:
        """Make sure that a line is a token for another site, or the server, which this site may send.

        :param line: the token as JSON.
        :return: the token.
        :raises BadMessage: it is not.
        """
        token = self._read(line)
        target = (token["target_site"], token["target_place"])
        if token["is_yield"] is not False or target not in self._part.sends:
            raise BadMessage(
                f"the pipeline has it send nothing to {_shown(target[0])} at the place {_shown(target[1])}"
            )
        self._check_frame(token)
        return token

    def _read(self, line: str) -> dict[str, Any]:
        self._check_line(line)
        try:
            token = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BadMessage(f"it sent what is not JSON: {type(error).__name__}: {_shown(str(error))}") from None
        if not isinstance(token, dict):
            raise BadMessage("it sent what is no token")
        names = ("source_site", "source_job", "target_site", "target_place", "target_job")
        for name in names:
            if not isinstance(token.get(name), str):
                raise BadMessage(f"it sent a token whose {name} is no text")
        if token["source_site"] != self._site:
            raise BadMessage(f"it sent a token in the name of {_shown(token['source_site'])}")
        if token["source_job"] != self._job_id or token["target_job"] != self._job_id:
            raise BadMessage("it sent a token of another job")
        # A line without it is read nowhere.
        node = token.get("source_node", [])
        if not isinstance(node, (int, str, type(None))) or (isinstance(node, str) and not _is_unicode(node)):
            raise BadMessage("it sent a token whose source_node is no number and no text")
        return token

    def _check_line(self, line: str) -> None:
        size = too_large(line)
        if size:
            raise BadMessage(f"it sent a token of {size}")
        # Whoever reads the results while the job runs looks for the ends of lines, of which Unicode has many.
        if not line.isascii() or not line.isprintable():
            raise BadMessage("it sent a token that has other characters than printable ASCII in it")
        with self._lock:
            self._count += 1
            most = TOKENS + TOKENS_A_SET * len(self._sets)
            if self._count > most:
                raise TooMuch(f"it sent more than {most} tokens, which is more than this provider takes of one site")
        if is_too_deep(line):
            raise BadMessage(f"it sent a value that is nested more than {DEPTH} deep")

    def _check_frame(self, token: dict[str, Any]) -> None:
        # nv_dfm_core/exec/_frame.py
        frame = token.get("frame")
        numbers = frame.get("frame") if isinstance(frame, dict) else None
        if numbers == "stop":
            return
        if not isinstance(numbers, list) or not 0 < len(numbers) <= FRAME_DEPTH:
            raise BadMessage("it sent a token without a frame")
        if not all(type(number) is int and 0 <= number < FRAME_LIMIT for number in numbers):
            raise BadMessage(f"it sent a token whose frame is {_shown(str(numbers))}")
        if numbers[0] not in self._sets:
            raise BadMessage(f"it sent a token of parameter set {numbers[0]}, which the job does not have")

    def _check_data(self, token: dict[str, Any], most: int) -> None:
        tag, value = _data(token)
        if "files" in token and tag != PLAIN:
            raise BadMessage("it sent files without a value that they belong to")
        if tag == "BaseModel":
            if not isinstance(value, dict) or not isinstance(value.get("class"), str) or "data" not in value:
                raise BadMessage("it sent a model without a class or data")
            if isinstance(value["data"], dict) and value["data"].get("token") == ERROR_TOKEN:
                _check_errors(value["data"])
                # Of a set; the end of the pipeline counts as one.
                parameter_set = token["frame"]["frame"][0]
                self._count_one(f"errors of {parameter_set}", token["target_place"], ERRORS_A_PLACE)
                return
        elif tag == PLAIN:
            self._check_files(token)
        elif tag != "json":
            kind = tag if isinstance(tag, str) else type(tag).__name__
            raise BadMessage(f"it sent a value of the unknown kind {_shown(kind)}")
        frame = token["frame"]["frame"]
        if frame != "stop" and token["target_place"] != STATUS_PLACE:
            self._count_one(str(frame), token["target_place"], most)

    def _check_files(self, token: dict[str, Any]) -> None:
        files = token.get("files")
        if not isinstance(files, dict):
            raise BadMessage("it sent a value without saying which files belong to it")
        for name, size in files.items():
            if not self._claim(name, size):
                raise BadMessage(f"it sent a value with the file {_shown(name)}, which it has not sent")

    def _count_one(self, frame: str, place: str, most: int) -> None:
        with self._lock:
            found = self._came.execute("SELECT number FROM came WHERE frame = ? AND place = ?", (frame, place))
            number = (found.fetchone() or (0,))[0] + 1
            if number > most:
                raise BadMessage(f"it gave more than the {most} that belong at the place {place!r} for {frame}")
            self._came.execute("INSERT OR REPLACE INTO came VALUES (?, ?, ?)", (frame, place, number))


def _data(token: dict[str, Any]) -> list[Any]:
    # nv_dfm_core/exec/_token_package.py
    data = token.get("tagged_data")
    if not isinstance(data, list) or len(data) != 2:
        raise BadMessage("it sent a token without data")
    if data[0] == PICKLE:
        # The executor that comes with the job makes none.
        raise BadMessage(f"it sent a pickle to the place {_shown(token['target_place'])}, of which nothing is read")
    return data


def _check_errors(error: dict[str, Any]) -> None:
    # nv_dfm_core/api/_error_token.py
    errors = error.get("errors")
    if not isinstance(errors, list):
        raise BadMessage("it sent an error that says nothing")
    for one in errors:
        texts = [one.get(name) if isinstance(one, dict) else None for name in ("type", "message", "stack_trace")]
        said = [text for text in texts if isinstance(text, str) and _is_unicode(text)]
        if len(said) < len(texts):
            raise BadMessage("it sent an error that says nothing")
        if sum(map(len, said)) > CHARACTERS_AN_ERROR:
            raise BadMessage(f"it sent an error of more than {CHARACTERS_AN_ERROR} characters")


def _is_unicode(text: str) -> bool:
    # A half of a surrogate pair can stand in JSON, but in no message that is logged.
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(text: str) -> str:
    return repr(cut(text, 100))
