"""Sees that nvflare's client writes no file outside of a download's folder.

The server names the files that it sends, and the client writes them where their names say:
nvflare/fuel/hci/client/file_transfer.py, pull_binary_file. What is in a zip goes through Python's zipfile, which does
not leave the folder, and makes no links.
"""

from __future__ import annotations

import os
from typing import Any

from airflow_provider_dfm.remote.failures import NamedError


def refuse_paths() -> None:
    """Take only plain names from servers from now on; has to be called before a session is made."""
    from nvflare.fuel.hci.client.file_transfer import FileTransferModule

    pull = FileTransferModule.pull_binary_file
    if getattr(pull, "refuses_paths", False):
        return

    def pull_plain(module: Any, args: list[str], context: Any) -> Any:
        # After the command's name come the transaction's id, the folder and the file; from 2.7 on, two more names.
        for name in args[1:]:
            if os.path.basename(name) != name or name in ("", ".", ".."):
                raise NamedError(
                    "UnsafeResult", f"The server sends a file as {name!r}, which may lead out of the job's folder."
                )
        return pull(module, args, context)

    pull_plain.refuses_paths = True  # type: ignore[attr-defined]
    FileTransferModule.pull_binary_file = pull_plain
