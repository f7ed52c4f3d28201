"""Results as they arrive: what a site made plain, through JSON, with large buffers in files where a test wants that."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, BinaryIO

from airflow_provider_dfm.federation.result import Result
from airflow_provider_dfm.remote.plain_values import in_line, plain_form


class FolderFiles:
    """Large values in a folder, on this machine's disk or, as in a store, nowhere.

    :param folder: the folder.
    :param is_store: whether its files cannot be mapped.
    """

    def __init__(self, folder: Path, is_store: bool = False) -> None:
        self.folder = folder
        self.is_store = is_store

    def open(self, name: str) -> BinaryIO:
        return (self.folder / name).open("rb")

    def path(self, name: str) -> Path | None:
        return None if self.is_store else self.folder / name

    def keep(self, buffer: memoryview) -> dict[str, Any]:
        """What a site does with a large buffer."""
        checksum = hashlib.sha256(buffer).hexdigest()
        (self.folder / checksum).write_bytes(buffer)
        return {"file": checksum, "bytes": buffer.nbytes, "sha256": checksum}


def result_of(form: Any, files: FolderFiles | None = None) -> Result:
    """A result whose value came in a form."""
    result = Result(parameter_set=0, frame=(0,), place="answer", site="seattle", value=form)
    result._files = files
    return result


def arrived(value: Any, files: FolderFiles | None = None) -> Result:
    """The result that a site's value becomes."""
    form = plain_form(value, in_line if files is None else files.keep)
    return result_of(json.loads(json.dumps(form)), files)
