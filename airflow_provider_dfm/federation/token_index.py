"""An index of a file of tokens. It stays small, however many and however large they are: it is on disk itself."""

from __future__ import annotations

import ast
import json
import re
import sqlite3
import struct
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from airflow_provider_dfm.federation.errors import ResultsIncomplete
from airflow_provider_dfm.federation.tokens import AdapterError, Result, read_token

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

# What comes of a line that a controller did not write.
UNREADABLE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    struct.error,
    sqlite3.Error,
)

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


class TokenIndex:
    """What a file of tokens holds, and where; the values stay in the file.

    :param path: the file; none counts as no tokens.
    :raises ResultsIncomplete: there is something else than tokens in it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stopped = False
        self._errors: dict[str, AdapterError] = {}
        # Results may be read in another thread than this.
        self._tokens = sqlite3.connect(TEMPORARY, isolation_level=None, check_same_thread=False)
        self._tokens.executescript(SCHEMA)
        if path.exists():
            self._read()

    @property
    def stopped(self) -> bool:
        """Whether the pipeline's own end was reported."""
        return self._stopped

    @property
    def errors(self) -> tuple[AdapterError, ...]:
        """What operations raised, each once."""
        return tuple(self._errors.values())

    def __len__(self) -> int:
        """How many values are data."""
        count: int = self._tokens.execute("SELECT count(*) FROM token WHERE kind = 'value'").fetchone()[0]
        return count

    def results(self) -> Iterator[Result]:
        """The values that are data, ordered by parameter set, frame and place."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            for (offset,) in self._tokens.execute(IN_ORDER):
                file.seek(offset)
                yield read_token(json.loads(file.readline())).result()

    def pickles(self) -> Iterator[tuple[int, str, str]]:
        """Parameter set, place and site of each value that only a pickle can give, as they arrived."""
        yield from self._tokens.execute(
            "SELECT parameter_set, place, site FROM token WHERE kind = 'pickle' ORDER BY arrival"
        )

    def missing(self, parameter_sets: int, places: Mapping[str, int]) -> dict[int, tuple[str, ...]]:
        """The sets that were not answered: to the places that lack a value, or to none where the end is missing.

        :param parameter_sets: how many sets there were.
        :param places: the places that need values for every set, and how many at least.
        """
        lacks = {place: array("H", [count]) * parameter_sets for place, count in places.items()}
        for parameter_set, place in self._tokens.execute("SELECT parameter_set, place FROM token"):
            if place in lacks and parameter_set < parameter_sets and lacks[place][parameter_set]:
                lacks[place][parameter_set] -= 1
        ended = bytearray(parameter_sets)
        for (parameter_set,) in self._tokens.execute("SELECT parameter_set FROM ended"):
            if parameter_set < parameter_sets:
                ended[parameter_set] = True
        missing = {}
        for number in range(parameter_sets):
            lacking = tuple(place for place in places if lacks[place][number])
            if lacking or not ended[number]:
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
                    except UNREADABLE as error:
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
                trace_it = len(self._errors) < TRACED_ERRORS
                told = _adapter_error(error, parameter_set, token.site, trace_it)
                self._errors.setdefault(str(told), told)
        elif token.kind == "end" and parameter_set is not None:
            self._tokens.execute("INSERT OR IGNORE INTO ended VALUES (?)", (parameter_set,))
        elif token.kind == "end":
            self._stopped = True


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
    return AdapterError(
        parameter_set=parameter_set,
        site=raised_at[-1] if raised_at else source,
        type=kind,
        message=message,
        # What was passed on as text has its line feeds escaped, and is no traceback that could be read.
        trace=_last_frames(trace) if trace_it and trace == error["stack_trace"] else "",
    )


def _last_frames(trace: str) -> str:
    """The last frames of a traceback, and what was raised there."""
    lines = [line for line in trace.strip().splitlines() if line.strip(" ^~")]
    frames = [number for number, line in enumerate(lines) if line.startswith("  File ")]
    start = frames[-TRACE_FRAMES] if len(frames) > TRACE_FRAMES else 0
    return "\n".join(lines[start:][-TRACE_LINES:])[-TRACE_CHARACTERS:]
