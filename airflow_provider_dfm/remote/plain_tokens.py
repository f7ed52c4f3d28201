"""What a pipeline yields, made plain before it leaves the site. This module travels with each job.

DFM pickles what JSON does not know: nv_dfm_core/exec/_token_package.py, any_object_to_tagged_json_value. Nobody who
reads results unpickles anything, so a site turns each value into plain data itself, see ``plain_values.py``.
"""

from __future__ import annotations

import json
import traceback
import uuid
from dataclasses import dataclass, field
from typing import Any

from nv_dfm_core.api import ErrorToken
from nv_dfm_core.api._error_token import ErrorInfo
from nv_dfm_core.api._yield import DISCOVERY_PLACE_NAME, STATUS_PLACE_NAME
from nv_dfm_core.telemetry import TELEMETRY_PLACE_NAME

from .foreign_text import fit
from .json_text import DEPTH, is_too_deep
from .plain_values import Keep, NoPlainForm, in_line, plain_form
from .token_lines import PLAIN
from .value_store import LARGE_BYTES

# Of the token itself: it is a dict, and what it says a list.
_OUTER_DEPTH = 2
# What DFM says for itself.
_NO_VALUES = (STATUS_PLACE_NAME, TELEMETRY_PLACE_NAME)


class NotKept(Exception):
    """The bytes of a value could not be brought to where they belong: no fault of the value."""


@dataclass
class _Kept:
    """What of one value is in files.

    :param keep: takes the bytes of large ones, and gives what stands for them.
    :param files: name to size of the files.
    """

    keep: Keep
    files: dict[str, int] = field(default_factory=dict)
    failure: NotKept | None = None

    def __call__(self, buffer: memoryview) -> dict[str, Any]:
        if buffer.nbytes < LARGE_BYTES:
            return in_line(buffer)
        try:
            kept = self.keep(buffer)
        except Exception as error:
            # Whatever makes the value plain may take this for a fault of the value.
            self.failure = NotKept(f"a value of {buffer.nbytes} bytes could not be kept: {error}")
            raise self.failure from error
        self.files[kept["file"]] = kept["bytes"]
        return kept


class PlainYields:
    """Stands between a site's part of a pipeline and DFM's router of it.

    A value without a plain form becomes the error that an exception of its operation would be: its parameter set fails
    at its place, and all others go on.

    :param router: DFM's, nv_dfm_core/exec/_router.py, whose methods are replaced.
    :param keep: keeps the bytes of large values; gives what stands for them, see :func:`value_store.stands_for`.
    """

    def __init__(self, router: Any, keep: Keep) -> None:
        self._keep = keep
        self._send = router._send_this_job_yield_token_package_sync
        self._plain: dict[str, list[Any]] = {}
        route_async, route_sync = router.route_token_async, router.route_token_sync

        # DfmContext gives all by name: nv_dfm_core/exec/_dfm_context.py
        async def route_plain_async(**token: Any) -> None:
            await route_async(**self._with_plain_data(token))

        def route_plain_sync(**token: Any) -> None:
            route_sync(**self._with_plain_data(token))

        router.route_token_async, router.route_token_sync = route_plain_async, route_plain_sync
        router._send_this_job_yield_token_package_sync = self._send_plain

    def _with_plain_data(self, token: dict[str, Any]) -> dict[str, Any]:
        data, place = token["data"], token["to_place"]
        if not token["is_yield"]:
            return token
        if isinstance(data, ErrorToken):
            return token | {"data": _readable(data)}
        if place in _NO_VALUES:
            return token
        kept = _Kept(self._keep)
        try:
            plain = _plain_data(data, kept)
        except Exception as error:  # whatever the value's own methods raise
            if kept.failure is not None:
                raise kept.failure from None
            refused = _refusal(error, place)
            if place != DISCOVERY_PLACE_NAME:
                return token | {"data": refused}
            # As a dict: as a model, it would be an error of the job. See discovery.py.
            plain = [json.dumps(refused.model_dump(mode="json")), {}]
        # DFM makes a token of whatever it gets, and a pickle of what it does not know: the token gets the value later.
        stand_in = f"{PLAIN} {uuid.uuid4().hex}"
        self._plain[stand_in] = plain
        return token | {"data": stand_in}

    def _send_plain(self, token: Any) -> None:
        tag, data = token.tagged_data
        plain = self._plain.pop(data, None) if tag == "json" and isinstance(data, str) else None
        if plain is not None:
            token.tagged_data = (PLAIN, plain)
        self._send(token)


def _plain_data(value: Any, kept: _Kept) -> list[Any]:
    text = json.dumps(plain_form(value, kept))
    if is_too_deep(text, DEPTH - _OUTER_DEPTH):
        raise NoPlainForm("A value that is nested too deep", "Yield its parts one by one.")
    if len(text) >= LARGE_BYTES:
        text = json.dumps({"@json": kept(memoryview(text.encode()))})
    return [text, kept.files]


def _refusal(error: Exception, place: str) -> Any:
    message = f"The value that was yielded to the place {place!r} cannot leave this site. {error}"
    return _readable(
        ErrorToken(errors=[ErrorInfo(type=type(error).__name__, message=message, stack_trace=traceback.format_exc())])
    )


def _readable(error: Any) -> Any:
    """An error whose texts UTF-8 knows: Python's names of files can be others, and the server takes no such text."""
    return ErrorToken(
        errors=[
            ErrorInfo(type=fit(one.type), message=fit(one.message), stack_trace=fit(one.stack_trace))
            for one in error.errors
        ]
    )
