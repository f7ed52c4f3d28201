"""An index of a file of tokens. It stays small, however many and however large they are: it is on disk itself."""

from __future__ import annotations

import ast
import contextlib
import itertools
import json
import re
import sqlite3
import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

from airflow_provider_dfm.federation.errors import ResultsIncomplete, StorageFailed
from airflow_provider_dfm.federation.job_logs import in_one_line, shortened
from airflow_provider_dfm.federation.large_values import GONE
from airflow_provider_dfm.federation.tokens import UNREADABLE, AdapterError, Result, read_token
from airflow_provider_dfm.federation.value_files import ValueFiles
from airflow_provider_dfm.federation.whole_files import opened

# In memory up to some megabytes, then in a temporary file that nobody else sees: sqlite.org/inmemorydb.html
TEMPORARY = ""
SCHEMA = """
PRAGMA journal_mode = OFF;
CREATE TABLE token (
    frame BLOB, place TEXT, arrival INTEGER, site TEXT, kind TEXT, parameter_set INTEGER, offset INTEGER,
    PRIMARY KEY (frame, place, arrival)
) WITHOUT ROWID;
CREATE TABLE ended (parameter_set INTEGER PRIMARY KEY);
BEGIN;
"""
ADD = "INSERT INTO token VALUES (?, ?, ?, ?, ?, ?, ?)"
IN_ORDER = "SELECT offset FROM token WHERE kind = 'value' ORDER BY frame, place, arrival"
# A frame begins with its set.
PLACES_IN_ORDER = "SELECT parameter_set, place FROM token ORDER BY frame, place, arrival"
ENDED_IN_ORDER = "SELECT parameter_set FROM ended ORDER BY parameter_set"

# DFM sends an error on from site to site; the generated code in its trace belongs to the one that raised it.
_PASSED_ON = re.compile(
    r"ErrorInfo\(type='(\w+)', message=('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"), stack_trace=", re.DOTALL
)
_GENERATED_CODE = re.compile(r"[/\\]fed[/\\]runtime[/\\](\w+)[/\\]_this_site\.py")


# Of so many errors, so much of the traceback is kept.
TRACED_ERRORS = 5
TRACE_FRAMES = 3
TRACE_LINES = 12
TRACE_CHARACTERS = 2000
# Of what a site says of its errors, so much is kept: of each, and of one parameter set.
MESSAGE_CHARACTERS = 4000
NAME_CHARACTERS = 200
ERRORS_A_SET = 20


class TokenIndex:
    """What a file of tokens holds, and where; the values stay in the file.

    :param path: the file; none counts as no tokens.
    :param files: where the large values are.
    :raises ResultsIncomplete: there is something else than tokens in it.
    :raises StorageFailed: this machine's disk is full, or broken.
    """

    def __init__(self, path: Path, files: ValueFiles | None = None) -> None:
        self._path = path
        self._files = files
        self._is_there = path.exists()
        self._stopped = False
        self._errors: dict[AdapterError, AdapterError] = {}
        self._errors_of: Counter[int | None] = Counter()
        # Results may be read in another thread than this.
        self._tokens = sqlite3.connect(TEMPORARY, isolation_level=None, check_same_thread=False)
        with _on_this_machine():
            self._tokens.executescript(SCHEMA)
            if self._is_there:
                self._read()

    @property
    def stopped(self) -> bool:
        """Whether the pipeline's own end was reported."""
        return self._stopped

    @property
    def errors(self) -> tuple[AdapterError, ...]:
        """What operations raised, each once, and the first ones of each parameter set only."""
        return tuple(self._errors.values())

    def __len__(self) -> int:
        """How many values are data."""
        count: int = self._tokens.execute("SELECT count(*) FROM token WHERE kind = 'value'").fetchone()[0]
        return count

    def results(self) -> Iterator[Result]:
        """The values that are data, ordered by parameter set, frame and place.

        :raises ResultsIncomplete: the file was removed since, with the session that had brought it.
        """
        if not self._is_there:
            return
        try:
            file = opened(self._path)
        except FileNotFoundError:
            raise ResultsIncomplete(GONE) from None
        with file:
            for (offset,) in self._tokens.execute(IN_ORDER):
                file.seek(offset)
                yield read_token(json.loads(file.readline())).result(self._files)

    def pickles(self) -> Iterator[tuple[int, str, str]]:
        """Parameter set, place and site of each value that came as a pickle, as they arrived."""
        yield from self._tokens.execute(
            "SELECT parameter_set, place, site FROM token WHERE kind = 'pickle' ORDER BY arrival"
        )

    def missing(self, parameter_sets: int, places: Mapping[str, int]) -> dict[int, tuple[str, ...]]:
        """The sets that were not answered: to the places that lack a value, or to none where the end is missing.

        :param parameter_sets: how many sets there were.
        :param places: the places that need values for every set, and how many at least.
        """
        rows = self._tokens.execute(PLACES_IN_ORDER)
        # Only one set's are held, however many sets and places a job's meta speaks of.
        by_set = itertools.groupby(rows, itemgetter(0))
        ended = itertools.chain((number for (number,) in self._tokens.execute(ENDED_IN_ORDER)), [None])
        came_of, came = next(by_set, (None, iter(())))
        next_ended = next(ended)
        all_places = tuple(places)
        missing = {}
        for number in range(parameter_sets):
            lacking = all_places
            if came_of == number:
                counts = Counter(place for _, place in came)
                lacking = tuple(place for place, count in places.items() if counts[place] < count)
                came_of, came = next(by_set, (None, iter(())))
            if next_ended == number:
                next_ended = next(ended)
                if not lacking:
                    continue
            missing[number] = lacking
        return missing

    def _read(self) -> None:
        with self._path.open("rb") as file:
            offset = 0
            for arrival, line in enumerate(file):
                # A line without an end was being written when its writer died.
                if line.endswith(b"\n"):
                    try:
                        self._add(json.loads(line), arrival, offset)
                    except sqlite3.OperationalError:
                        raise
                    except (*UNREADABLE, sqlite3.Error) as error:
                        raise ResultsIncomplete(
                            f"Line {arrival + 1} of the job's {self._path.name} is no result that can be read: "
                            f"{type(error).__name__}: {error}."
                        ) from None
                offset += len(line)

    def _add(self, raw: Mapping[str, Any], arrival: int, offset: int) -> None:
        token = read_token(raw)
        parameter_set = token.frame[0] if token.frame else None
        if token.kind in ("value", "pickle"):
            # Packed, they sort as the tuples do.
            frame = struct.pack(f">{len(token.frame)}Q", *token.frame)
            self._tokens.execute(ADD, (frame, token.place, arrival, token.site, token.kind, parameter_set, offset))
        elif token.kind == "error":
            for error in token.value:
                if self._errors_of[parameter_set] < ERRORS_A_SET:
                    trace_it = len(self._errors) < TRACED_ERRORS
                    self._add_error(_adapter_error(error, parameter_set, token.site, trace_it))
        elif token.kind == "end" and parameter_set is not None:
            self._tokens.execute("INSERT OR IGNORE INTO ended VALUES (?)", (parameter_set,))
        elif token.kind == "end":
            self._stopped = True

    def _add_error(self, told: AdapterError) -> None:
        # Each site that it passes tells of it.
        error = told.model_copy(update={"trace": "", "said_by": ""})
        known = self._errors.get(error)
        if known is None:
            self._errors_of[told.parameter_set] += 1
        if known is None or (known.said_by and not told.said_by):
            self._errors[error] = told


@contextlib.contextmanager
def _on_this_machine() -> Iterator[None]:
    """The index is in a temporary file: what keeps it from being written is no fault of the tokens."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        raise StorageFailed(
            f"Cannot read a job's results on this machine: {type(error).__name__}: {error}. Make room on the disk of "
            "the temporary directory, or set TMPDIR and SQLITE_TMPDIR to another; then try again."
        ) from error


def _adapter_error(error: Mapping[str, str], parameter_set: int | None, source: str, trace_it: bool) -> AdapterError:
    kind, message, trace = error["type"], error["message"], error["stack_trace"]
    # What gets several errors for its input passes them on as one of its own, as text inside of its message, once more
    # for each operation on the way: nv_dfm_core/api/_error_token.py, from_error_tokens
    while kind == "ErrorToken" and (inside := _PASSED_ON.search(message)):
        try:
            text = ast.literal_eval(inside[2])
        except (SyntaxError, ValueError):
            break
        kind, message, trace = inside[1], text, message
    raised_at = _GENERATED_CODE.findall(trace)
    site = raised_at[-1][:NAME_CHARACTERS] if raised_at else source
    return AdapterError(
        parameter_set=parameter_set,
        site=site,
        said_by=source if site != source else "",
        type=in_one_line(kind, NAME_CHARACTERS),
        message=shortened(message, MESSAGE_CHARACTERS),
        # What was passed on as text has its line feeds escaped, and is no traceback that could be read.
        trace=_last_frames(trace) if trace_it and trace == error["stack_trace"] else "",
    )


def _last_frames(trace: str) -> str:
    """The last frames of a traceback, and what was raised there."""
    lines = [line for line in trace.strip().splitlines() if line.strip(" ^~")]
    frames = [number for number, line in enumerate(lines) if line.startswith("  File ")]
    start = frames[-TRACE_FRAMES] if len(frames) > TRACE_FRAMES else 0
    text = "\n".join(lines[start:][-TRACE_LINES:])[-TRACE_CHARACTERS:]
    return shortened(text, TRACE_CHARACTERS)
