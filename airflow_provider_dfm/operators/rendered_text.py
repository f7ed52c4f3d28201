"""What rendered text says: a template, and at times a Param or an XCom, gives text where another value is meant."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from airflow_provider_dfm.federation.pipeline import is_pipeline_json

EMPTY = ("", "None")
# Begin a list, a tuple, or a set or dict.
BRACKETS = ("[", "(", "{")
# Python's and JSON's.
WORDS = {"None": None, "null": None, "True": True, "true": True, "False": False, "false": False}
# What both write, without what only one of them reads, such as 1_000 or 07.
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
NO_FORM = object()


def plain_value(text: str) -> Any:
    """The value that a text is the plain form of; :data:`NO_FORM` where it is none.

    Plain forms are those that Python and JSON write of what both know: finite numbers, booleans, None, lists, dicts.
    """
    if text in WORDS:
        return WORDS[text]
    readers: list[Callable[[str], Any]]
    kinds: tuple[type, ...]
    if NUMBER.fullmatch(text):
        readers, kinds = [json.loads], (int, float)
    elif text.lstrip().startswith(("[", "{")):
        readers, kinds = [json.loads, ast.literal_eval], (list, dict)
    else:
        return NO_FORM
    for read in readers:
        try:
            value = read(text.strip())
            # Python writes more than JSON knows, such as bytes and sets, and both read what is no finite number.
            json.dumps(value, allow_nan=False)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        if isinstance(value, kinds):
            return value
    return NO_FORM


def _tuple_or_set(text: str) -> Any:
    """What only Python knows; the text where it is neither."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return text
    return value if isinstance(value, (tuple, set)) else text


def literal(value: Any) -> Any:
    """What a rendered text is the plain form of, or Python's of a tuple or a set; other text, and values, as they are.

    A template gives text, so that 5, True, None and ``['a', 'b']`` have to be known by their plain forms. An empty text
    is None, and spaces around one are left out.

    :param value: what came of a template, a Param or an XCom.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text in EMPTY:
        return None
    said = plain_value(text)
    if said is not NO_FORM:
        return said
    return _tuple_or_set(text) if text.startswith(BRACKETS) else value


def as_it_is(value: Any) -> Any:
    """The same: only who reads it knows what its text says."""
    return value


def text_or_none(value: Any) -> Any:
    """Text as it stands; None for an empty one, and for the text that a template makes of None."""
    return None if isinstance(value, str) and value.strip() in EMPTY else value


def restriction_of_text(value: Any) -> Any:
    """Names, of which none is None; other text as it stands."""
    if isinstance(value, set):
        return {text_or_none(name) for name in value}
    return [text_or_none(name) for name in value] if isinstance(value, (list, tuple)) else text_or_none(value)


def sites_of_text(value: Any) -> Any:
    """The names of a text with commas, or of a list, of which none is None."""
    if isinstance(value, str) and "," in value and value.strip()[:1] not in BRACKETS:
        value = [name for name in value.split(",") if name.strip()]
    return restriction_of_text(value)


def patterns_or_text(value: Any) -> Any:
    """A list of patterns, where the text is such; otherwise the text, as a pattern."""
    said = literal(value)
    # [ab]*.npy is a pattern.
    return said if said is None or isinstance(said, (list, tuple, set)) else value


def options_of_text(value: Any) -> Any:
    """A dict, and the values of its texts."""
    said = literal(value)
    return {name: literal(one) for name, one in said.items()} if isinstance(said, Mapping) else said


def pipeline_or_text(value: Any) -> Any:
    """A dict, where the text is one as Python writes it; otherwise the text, which may be JSON."""
    if not isinstance(value, str) or not is_pipeline_json(value):
        return text_or_none(value)
    said = literal(value)
    # A Param's or an XCom's dict is rendered as Python writes it. What is JSON already stays as it was kept.
    return said if isinstance(said, dict) and not _is_json(value) else value


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
