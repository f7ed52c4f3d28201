"""Reads the pickles among a job's results, where the connection allows it. Reading one runs code that came with it."""

from __future__ import annotations

import base64
import json
import logging
import os
import pickle
from typing import Any

log = logging.getLogger(__name__)

# nv_dfm_core/exec/_token_package.py, any_object_to_tagged_json_value
PICKLE = "PickledObject"


def open_pickles(path: str) -> None:
    """Replace the pickled values in a file of tokens by plain data.

    Arrays become lists, bytes base64 text, dates ISO 8601. What has no such form stays the pickle it is.

    :param path: the file, one token a line.
    """
    opened = f"{path}.opened"
    with open(path, encoding="utf-8") as source, open(opened, "w", encoding="utf-8") as target:
        for line in source:
            target.write(_opened(line) if f'"{PICKLE}"' in line else line)
    os.replace(opened, path)


def _opened(line: str) -> str:
    token = json.loads(line)
    tag, value = token["tagged_data"]
    if tag != PICKLE:
        return line
    try:
        token["tagged_data"] = ["json", as_plain(pickle.loads(base64.b64decode(value["value"])))]
    except Exception as error:
        log.warning("A value at place %r cannot be read: %s: %s", token["target_place"], type(error).__name__, error)
        return line
    return json.dumps(token) + "\n"


def as_plain(value: Any) -> Any:
    """What JSON knows, and NaN and infinities, made of a value.

    :raises ValueError: it has no such form.
    """
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(value, bytes_mode="base64", inf_nan_mode="constants", fallback=_array)


def _array(value: Any) -> Any:
    # numpy's arrays and scalars, pandas' series, torch's tensors
    if hasattr(value, "tolist"):
        return value.tolist()
    raise ValueError(f"a {type(value).__name__} has no form as plain data")
