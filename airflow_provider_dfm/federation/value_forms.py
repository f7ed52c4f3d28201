"""The forms of values that are no JSON, as their sites write them: see docs/values.md."""

from __future__ import annotations

import contextlib
import reprlib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, SupportsIndex

from airflow_provider_dfm.federation.errors import (
    FederationError,
    MissingPart,
    OtherKindOfValue,
    UnreadableValue,
)

# What the one key of a form is. A dict of the site's own with one key that begins with @ comes as a @dict.
KINDS = ("@array", "@bytes", "@table", "@dataset", "@dataarray", "@image", "@dict", "@json")


def form_kind(value: Any) -> str | None:
    """Which form a value has, such as ``"@array"``; None: it is plain data.

    :param value: the value, or a part of it.
    """
    if isinstance(value, dict) and len(value) == 1:
        (key,) = value
        if isinstance(key, str) and key in KINDS:
            return key
    return None


def inside(value: Any, kinds: Sequence[str], wanted: str) -> Any:
    """What is in a form.

    :param value: the form.
    :param kinds: which forms it may have.
    :param wanted: what it is opened as, with an article.
    :raises OtherKindOfValue: it has another, or none.
    """
    kind = form_kind(value)
    if kind in kinds:
        return value[kind]
    raise OtherKindOfValue(f"is not {wanted}, but {_shown(value)}")


def part_of(value: Any, path: Sequence[Any]) -> Any:
    """A part of a value.

    :param value: the value.
    :param path: the keys and indexes that lead to it.
    :raises MissingPart: nothing is there.
    """
    for position, step in enumerate(path):
        try:
            value = _step(value, step)
        except LookupError:
            way = "".join(f"[{each!r:.60}]" for each in path[: position + 1])
            raise MissingPart(f"has nothing at {way}, but is {_shown(value)} before it") from None
    return value


def _step(value: Any, step: Any) -> Any:
    if form_kind(value) == "@dict":
        found = [item for key, item in pairs_of(value) if _is_key(key, step)]
        return found[0]
    if isinstance(value, dict):
        return value[key_text(step)]
    if isinstance(value, list) and isinstance(step, SupportsIndex) and not isinstance(step, bool):
        return value[step]
    raise LookupError(step)


def key_text(key: Any) -> str:
    """A key as JSON has it.

    :param key: text, a number, a bool or None.
    """
    return {None: "null", True: "true", False: "false"}[key] if key is None or key is True or key is False else str(key)


def _is_key(form: Any, key: Any) -> bool:
    if isinstance(form, list):
        is_as_long = isinstance(key, (list, tuple)) and len(key) == len(form)
        return is_as_long and all(map(_is_key, form, key))
    # 1, 1.0 and True are three keys here.
    return type(form) is type(key) and bool(form == key)


def pairs_of(form: Any) -> list[tuple[Any, Any]]:
    """The keys and values of a dict whose keys are not all text.

    :param form: the form, ``{"@dict": …}``.
    :raises UnreadableValue: it holds no pairs.
    """
    pairs = form["@dict"]
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise UnreadableValue("has a dict of what are no keys and values")
    return [(key, item) for key, item in pairs]


def _shown(value: Any) -> str:
    return f"{type(value).__name__} {reprlib.repr(value):.100}"


def members(form: Any, needed: Mapping[str, type | tuple[type, ...]]) -> list[Any]:
    """Members of a form, each of the type that it has to have.

    :param form: the form.
    :param needed: their names, each with its type.
    :raises UnreadableValue: one is missing, or of another type.
    """
    if not isinstance(form, dict):
        raise UnreadableValue(f"has a {type(form).__name__} in the place of a form")
    for name, kind in needed.items():
        member = form.get(name)
        if not isinstance(member, kind) or (isinstance(member, bool) and kind is int):
            raise UnreadableValue(f"has a form whose {name} is {member!r:.60}")
    return [form[name] for name in needed]


def hashable(value: Any) -> Hashable:
    """A key as Python has it: with tuples in the place of lists.

    :raises UnreadableValue: it is no key.
    """
    if isinstance(value, list):
        return tuple(hashable(each) for each in value)
    if isinstance(value, dict):
        raise UnreadableValue(f"has a dict whose key is {value!r:.60}")
    return value  # type: ignore[no-any-return]


@contextlib.contextmanager
def opening(what: str) -> Iterator[None]:
    """Whatever a value that is not what it says causes in a library becomes an error of this provider.

    :param what: the value, for the message.
    :raises OtherKindOfValue, MissingPart, UnreadableValue: named after ``what``.
    """
    try:
        yield
    except (OtherKindOfValue, MissingPart, UnreadableValue) as error:
        raise type(error)(f"{what} {error}.") from None
    except (FederationError, ImportError, MemoryError, OSError):
        raise
    except BaseException as error:  # of numpy, pandas, polars, pyarrow, xarray or PIL, each its own
        # A panic of polars is no Exception in Python, and would end a worker.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        reason = f"{type(error).__name__}: {str(error)[:300]}"
        raise UnreadableValue(
            f"{what} cannot be opened ({reason}): its site does not play fair, or another release wrote it."
        ) from error
