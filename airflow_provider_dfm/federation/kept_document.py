"""A JSON document that is kept in a file named by its content, so that a URI always means the same.

Paths are ``pathlib.Path`` or of its kin, such as ``ObjectStoragePath``.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from airflow_provider_dfm.federation.errors import ResultsIncomplete
from airflow_provider_dfm.federation.storage import reading, writing
from airflow_provider_dfm.federation.whole_files import whole_file


def keep_document(document: Any, folder: Any) -> Any:
    """Write a document as ``<sha256>.json``.

    :param document: what JSON knows, NaN and infinities.
    :param folder: made where it is missing.
    :return: the file's path.
    :raises StorageFailed: it cannot be written.
    """
    content = json.dumps(document, separators=(",", ":")).encode()
    path = folder / f"{hashlib.sha256(content).hexdigest()}.json"
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write(content)
    return path


def read_document(path: Any) -> Any:
    """A document that was kept.

    :param path: the file.
    :raises ResultsIncomplete: it is not there, or is not what was written.
    :raises StorageFailed: it cannot be read.
    """
    try:
        with reading(path):
            content = path.read_bytes()
    except FileNotFoundError:
        raise ResultsIncomplete(
            f"There is no {path}, as this machine sees it: results_path has to be a place that all workers reach, and "
            "what is below it has to stay there as long as a task may read it."
        ) from None
    if hashlib.sha256(content).hexdigest() != path.stem:
        raise ResultsIncomplete(f"{path} is not what was written: its SHA-256 is not its name.")
    return json.loads(content)
