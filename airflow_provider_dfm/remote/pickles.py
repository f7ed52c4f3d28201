"""Reads the pickles among a job's results, where the connection allows it. Reading one runs code that came with it."""

from __future__ import annotations

import base64
import json
import logging
import os
import pickle

from airflow_provider_dfm.remote.safe_pickles import as_plain

log = logging.getLogger(__name__)

# nv_dfm_core/exec/_token_package.py, any_object_to_tagged_json_value
PICKLE = "PickledObject"


def open_pickles(path: str) -> None:
    """Replace the pickled values in a file of tokens by plain data.

    What has no form as plain data stays the pickle it is.

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
