"""What an argument can be: how a value of each kind is read, and what to give where it cannot be."""

from __future__ import annotations

import datetime
import math
import os
import re
import uuid
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from numbers import Real
from typing import Any, TypeAlias

from airflow.sdk import ObjectStoragePath
from pydantic import BaseModel

from airflow_provider_dfm.federation.errors import ParameterSetError
from airflow_provider_dfm.federation.flare_options import read_options
from airflow_provider_dfm.federation.named_function import is_function
from airflow_provider_dfm.federation.parameter_sets import plain_arguments
from airflow_provider_dfm.federation.pipeline import PipelineFunction
from airflow_provider_dfm.operators.rendered_text import (
    BRACKETS,
    as_it_is,
    literal,
    options_of_text,
    patterns_or_text,
    pipeline_or_text,
    restriction_of_text,
    sites_of_text,
    text_or_none,
)

# A span of time as a DAG gives it: seconds, or a timedelta.
Seconds: TypeAlias = float | datetime.timedelta

# Longer pauses overflow what Python's time.sleep takes.
LONGEST_SECONDS = 100 * 365.25 * 24 * 3600
# What no site's name has, and a list that became text does: nvflare/apis/utils/format_check.py, "client"
_NOT_IN_NAMES = re.compile(r"""[\s,;'"()\[\]{}]""")


@dataclass(frozen=True)
class ArgumentKind:
    """What an argument can be.

    :param wanted: what to give, in words, for errors and the table in the documentation.
    :param read: gives what a value means; raises a :class:`ValueError`, which says what is wrong where ``wanted`` does
        not say it all.
    :param rendered: what a value that came of a template, a Param or an XCom says, before it is read.
    :param choices: the texts that it is one of, where there are such.
    """

    wanted: str
    read: Callable[[Any], Any]
    rendered: Callable[[Any], Any] = literal
    choices: tuple[str, ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether text is meant as it stands."""
        return self.rendered is text_or_none


def optional(kind: ArgumentKind) -> ArgumentKind:
    """The same, or None. Where text is wanted, an empty one is none."""

    def read(value: Any) -> Any:
        return None if value is None or (value == "" and kind.is_text) else kind.read(value)

    # A choice is text, of which a template makes "None" where it is given None.
    rendered = text_or_none if kind.choices else kind.rendered
    return ArgumentKind(f"{kind.wanted}, or None", read, rendered, kind.choices)


def _seconds(least: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        seconds = value.total_seconds() if isinstance(value, datetime.timedelta) else value
        # NaN is neither more nor less than anything.
        if not _is_number(seconds) or not least <= seconds <= LONGEST_SECONDS:
            raise ValueError
        return float(seconds)

    return read


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def whole_number(least: int) -> ArgumentKind:
    """A whole number.

    :param least: the least one.
    """

    def read(value: Any) -> int:
        if not _is_number(value) or not math.isfinite(value) or value != int(value) or value < least:
            raise ValueError
        return int(value)

    return ArgumentKind(f"a whole number of at least {least}", read)


def choice(*choices: str) -> ArgumentKind:
    """One of some texts.

    :param choices: these.
    """

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError
        return value

    *most, last = choices
    return ArgumentKind(f"{', '.join(most)} or {last}", read, as_it_is, choices)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple, Mapping)) or (isinstance(value, Sequence) and not isinstance(value, str)):
        raise ValueError("this takes one text, and several are for .expand()")
    if isinstance(value, (int, uuid.UUID)) and not isinstance(value, bool):
        # render_template_as_native_obj makes a number of text that looks like one.
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return value.strip()


def as_location(value: Any) -> Any:
    """The text of a path, which Airflow renders, where a path object came; anything else as it is."""
    return str(value) if isinstance(value, (os.PathLike, ObjectStoragePath)) else value


def _location(value: Any) -> str:
    return _text(as_location(value))


def _names(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        value = value.strip()
        given = literal(value) if value[:1] in BRACKETS else [name for name in value.split(",") if name.strip()]
    else:
        given = [value] if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(given, (Sequence, Set)) or isinstance(given, (str, bytes)):
        raise ValueError
    names = [_text(name) for name in given]
    if any(_NOT_IN_NAMES.search(name) for name in names):
        raise ValueError
    return sorted(names) if isinstance(given, Set) else names


def _restriction(value: Any) -> str | list[str] | None:
    if isinstance(value, str):
        if value.strip() == "homesite":
            return "homesite"
        if value.strip()[:1] not in BRACKETS:
            raise ValueError('a single site is a list, too, such as ["{{ params.site }}"]')
    if isinstance(value, int):
        raise ValueError
    return None if value is None else _names(value)


def _patterns(value: Any) -> str | list[str]:
    if isinstance(value, str):
        return _text(value)
    if not isinstance(value, (Sequence, Set)) or isinstance(value, bytes):
        raise ValueError
    return [_text(pattern) for pattern in value]


def _mapping(what: str) -> Callable[[Any], dict[str, Any] | None]:
    def read(value: Any) -> dict[str, Any] | None:
        if value is None:
            return None
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise ValueError
        try:
            return plain_arguments(value, what)
        except ParameterSetError as error:
            raise ValueError(str(error)) from None

    return read


def _keywords(value: Any) -> dict[str, Any] | None:
    if value is not None and (not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value)):
        raise ValueError
    return None if value is None else dict(value)


def _options(value: Any) -> dict[str, int]:
    if value is not None and not isinstance(value, Mapping):
        raise ValueError
    return read_options(value)


def _pipeline(value: Any) -> Any:
    if isinstance(value, (Mapping, PipelineFunction)):
        return value
    return _location(value)


def _parameter_sets(value: Any) -> Any:
    if value is not None and (not isinstance(value, (Mapping, BaseModel, Sequence)) or isinstance(value, bytes)):
        raise ValueError
    return value


def _callback(value: Any) -> Any:
    if value is None or callable(value):
        return value
    if not isinstance(value, str) or not is_function(value):
        raise ValueError
    return value


def _callbacks(value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, Mapping) or not all(isinstance(place, str) for place in value):
        raise ValueError
    return {place: _callback(callback) for place, callback in value.items()}


def _moment(value: Any) -> float | None:
    if isinstance(value, datetime.datetime):
        return (value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)).timestamp()
    if value is not None and not (_is_number(value) and 0 <= value < math.inf):
        raise ValueError
    return None if value is None else float(value)


DURATION = ArgumentKind("seconds, more than 0 and at most a hundred years, or a timedelta", _seconds(1e-9))
DURATION_OR_NO_TIME = ArgumentKind("seconds, 0 or more and at most a hundred years, or a timedelta", _seconds(0))
MOMENT = ArgumentKind("seconds since 1970, a datetime, or None", _moment)
FLAG = ArgumentKind("True or False", _flag)
TEXT = ArgumentKind("text that is not empty", _text, text_or_none)
LOCATION = ArgumentKind("a path or URI", _location, text_or_none)
JOB = ArgumentKind('the path or URI of a folder or an archive, or "package.module:function"', _location, text_or_none)
PIPELINE = ArgumentKind(
    'the path or URI of a JSON file, the JSON as text or dict, or "package.module:function"',
    _pipeline,
    pipeline_or_text,
)
# Whether their text is a number or a text, only the pipeline's schema knows.
INPUT_PARAMS = ArgumentKind("a parameter set, which is a dict, a list of them, or None", _parameter_sets, as_it_is)
SITES = ArgumentKind("a list of sites' names, or their names with commas between them", _names, sites_of_text)
RESTRICTION = ArgumentKind('"homesite", a list of sites\' names, or None', _restriction, restriction_of_text)
PATTERNS = ArgumentKind("a glob pattern, or a list of them", _patterns, patterns_or_text)
FUNCTION_ARGUMENTS = ArgumentKind(
    "a dict of text, finite numbers, booleans, None, dates, lists and dicts, or None", _mapping("function")
)
META = ArgumentKind("a dict of text, finite numbers, booleans, None, dates, lists and dicts, or None", _mapping("meta"))
KEYWORDS = ArgumentKind("a dict whose keys are text, or None", _keywords)
OPTIONS = ArgumentKind("a dict of DFM's FlareOptions, or None", _options, options_of_text)
CALLBACK = ArgumentKind('a function, "package.module:function", or None', _callback)
CALLBACKS = ArgumentKind('a dict from place to a function or "package.module:function", or None', _callbacks)
