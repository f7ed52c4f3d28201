"""What comes over the wire, read as what it has to be."""

from __future__ import annotations

import functools
from collections.abc import Hashable
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from airflow_provider_dfm.federation.errors import UnreadableAnswer

SHOWN_FAULTS = 3

Answer = TypeVar("Answer")


def read_answer(kind: type[Answer], answer: Any, request: str) -> Answer:
    """An answer of the session host or of what it asked, as what it has to be.

    :param kind: a model, or any other type that pydantic knows.
    :param answer: as it came.
    :param request: what was asked, for the error.
    :raises UnreadableAnswer: it is something else; names the request and the first fields that do not fit.
    """
    try:
        read: Answer = _reader(cast(Hashable, kind)).validate_python(answer)
        return read
    except (ValidationError, RecursionError) as error:
        raise UnreadableAnswer(
            f"The federation's answer to {request} cannot be read: {describe_misfit(error)}. Its client library or its "
            "server may be of a version that this provider does not know."
        ) from None


def describe_misfit(error: ValidationError | RecursionError) -> str:
    """The first fields that do not fit, in one line, without what was in them."""
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    shown = [f"{'.'.join(map(str, fault['loc'])) or 'it'}: {fault['msg']}" for fault in faults[:SHOWN_FAULTS]]
    more = f"; and {len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else ""
    return "; ".join(shown) + more


@functools.lru_cache
def _reader(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast(Any, kind))
