"""What Airflow can hand from one task to another as an XCom, and how large that is."""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_dfm.federation.kept_reference import KEPT
from airflow_provider_dfm.remote.foreign_text import fit

# Up to so much goes into an XCom as it is, unless a task says otherwise.
MAX_XCOM_BYTES = 48 * 1024
# pydantic, through which Airflow hands a value to its server, knows 255 levels, and the XCom has some of its own.
MAX_LEVELS = 100
# Airflow's processes hand integers on in 64 bits (airflow/sdk/execution_time/comms.py); and PostgreSQL gives a large
# float back as an integer of all its digits: 1e300 can be stored, and never be read again.
MAX_NUMBER = 2**63
# Airflow takes these for what its own serialization wrote: airflow/sdk/_shared/serialization/__init__.py,
# FORBIDDEN_XCOM_KEYS.
_RESERVED = frozenset(
    (
        KEPT,
        "__cache__",
        "__classname__",
        "__data__",
        "__id__",
        "__source",
        "__type",
        "__var",
        "__version__",
    )
)
# A piece of a value that is a file beside the job's results, where nobody finds it from within an XCom.
_FILE = frozenset(("bytes", "file", "sha256"))

_encoder = json.JSONEncoder(allow_nan=False, ensure_ascii=False)


def fits_xcom(value: Any, limit: float) -> bool:
    """Whether an XCom can hold a value as it is, in so many bytes; see :func:`xcom_bytes`."""
    size = xcom_bytes(value, limit)
    return size is not None and size <= limit


def xcom_bytes(value: Any, limit: float = float("inf")) -> int | None:
    """The size of a value's JSON, where an XCom can hold it as it is, whatever Airflow's database.

    :param value: what JSON knows, and NaN and infinities, which an XCom does not.
    :param limit: bytes after which it is looked at no further: of a larger one, the size given is any beyond that.
    :return: None where it holds what would not come back as it was: NaN, a NUL character, half of a surrogate pair, a
        number beyond 64 bits, more than 100 levels, or a key that means something to Airflow.
    """
    size = 0
    try:
        for chunk in _encoder.iterencode(value):
            size += len(chunk.encode())
            if size > limit:
                return size
    except (ValueError, RecursionError):
        return None
    return size if _comes_back(value, MAX_LEVELS) else None


def _comes_back(value: Any, levels: int) -> bool:
    if isinstance(value, str):
        return fit(value) == value
    if isinstance(value, (int, float)):
        return -MAX_NUMBER <= value < MAX_NUMBER
    if isinstance(value, (dict, list, tuple)) and not levels:
        return False
    if isinstance(value, dict):
        if not _RESERVED.isdisjoint(value) or _FILE.issubset(value):
            return False
        return all(isinstance(key, str) and _comes_back(key, 0) for key in value) and all(
            _comes_back(inner, levels - 1) for inner in value.values()
        )
    if isinstance(value, (list, tuple)):
        return all(_comes_back(inner, levels - 1) for inner in value)
    return value is None
